//! Whether anybody watches the host's system calls, which makes each of them slower.

use eval::verdict::State;

use super::Found;
use crate::bpf::Attachment;
use crate::doctor::Facts;
use crate::doctor::calls::cost::{CallCost, CoreCycles};
use crate::doctor::calls::record::Record;
use crate::holders::Process;

/// A call counts as slower from this ratio and this difference on: boots of the same kernel differ
/// by a few percent (its layout), and a core whose other thread is busy by a quarter (here, 430
/// cycles became 536). The cheapest watcher, an empty BPF program, adds about 300 cycles.
const DEARER: f64 = 1.20;
const DEARER_BY: CoreCycles = CoreCycles(200.0);

/// Whether system calls are traced, by whom, and the cost of a call compared with earlier.
pub(in crate::doctor) fn tracing(facts: &Facts) -> Found {
    let watchers = &facts.calls.watchers;
    let mut blamed: Vec<(String, String)> = switches(facts);
    let mut ours = Vec::new();
    for attachment in watchers
        .bpf
        .iter()
        .flatten()
        .filter(|one| one.sees_every_call())
    {
        let is_ours = |process: &Process| watchers.ours.contains(process);
        if !attachment.held_by.is_empty() && attachment.held_by.iter().all(is_ours) {
            ours.push(program(attachment))
        } else {
            blamed.push((program(attachment), how_to_detach(attachment)))
        }
    }
    for events in watchers
        .perf
        .iter()
        .filter(|events| events.counts_our_calls)
    {
        let what = format!(
            "perf events of {} count every system call",
            process(&events.process)
        );
        if watchers.ours.contains(&events.process) {
            ours.push(what)
        } else {
            blamed.push((what, stop(&events.process)))
        }
    }
    let cost = compare(facts);
    let ours = match ours.as_slice() {
        [] => String::new(),
        ours => format!("; attached by this run on purpose: {}", ours.join("; ")),
    };
    let not_kept = facts.calls.not_kept.as_ref();
    let not_kept = not_kept.map(|why| format!(" (not recorded: {why})"));
    let cost_says = cost.says() + &not_kept.unwrap_or_default();
    if !blamed.is_empty() {
        let (what, fix): (Vec<_>, Vec<_>) = blamed.into_iter().unzip();
        let what = format!("{}{ours}; {cost_says}", what.join("; "));
        return Found::new(guilty(facts), what).fix(fix.join("; "));
    }
    let seen = what_was_seen(facts);
    let what = format!("{seen}{ours}; {cost_says}");
    match cost {
        // On purpose, so the cost is expected.
        _ if !ours.is_empty() => Found::ok(what),
        Cost::Dearer { .. } => Found::new(guilty(facts), what).fix(if watchers.sees_all {
            "something that is not listed slows down every call: compare the kernel's command \
             line, modules and audit rules with those at the time of the record"
        } else {
            "sudo tollgate doctor (lists the watchers)"
        }),
        _ if watchers.sees_all => Found::ok(what),
        Cost::Same { record, .. } if record.nobody_watched => Found::ok(what),
        _ if watchers.bpf.is_ok() && watchers.switches.is_none() => Found::unknown(what)
            .fix("sudo mount -t tracefs nodev /sys/kernel/tracing; sudo tollgate doctor"),
        _ => Found::unknown(what).fix("sudo tollgate doctor, once (lists the watchers)"),
    }
}

/// System calls of guests do not reach the host's kernel.
fn guilty(facts: &Facts) -> State {
    if facts.measurement.host {
        State::Unfit
    } else {
        State::Warning
    }
}

fn switches(facts: &Facts) -> Vec<(String, String)> {
    let switches = facts.calls.watchers.switches.iter().flatten();
    switches
        .map(|switch| {
            let (file, value) = switch.split_once(" = ").unwrap_or((switch, ""));
            let off = if file.ends_with("current_tracer") {
                "nop"
            } else {
                "0"
            };
            (
                format!("{file} is {value}"),
                format!("echo {off} | sudo tee {file}"),
            )
        })
        .collect()
}

fn program(attachment: &Attachment) -> String {
    let program = &attachment.program;
    let name = match program.name.as_str() {
        "" => "without a name",
        name => name,
    };
    let holders: Vec<_> = attachment.held_by.iter().map(process).collect();
    let holders = match holders.as_slice() {
        [] => "pinned, or held by an invisible process".to_owned(),
        holders => format!("held by {}", holders.join(", ")),
    };
    format!(
        "BPF program {} {name} ({}) on {} {}, {holders}",
        program.id,
        program.kind,
        attachment.hook.name(),
        attachment.target
    )
}

fn how_to_detach(attachment: &Attachment) -> String {
    match (attachment.held_by.first(), attachment.link) {
        (Some(process), _) => stop(process),
        (None, Some(link)) => format!("sudo bpftool link detach id {link}"),
        (None, None) => format!("see `sudo bpftool prog show id {}`", attachment.program.id),
    }
}

fn process(process: &Process) -> String {
    format!("{} ({})", process.name, process.id)
}

fn stop(process: &Process) -> String {
    format!("stop {} (process {})", process.name, process.id)
}

fn what_was_seen(facts: &Facts) -> String {
    let watchers = &facts.calls.watchers;
    let switches = match &watchers.switches {
        Some(_) => "tracefs does not trace calls",
        None => "tracefs cannot be read",
    };
    match &watchers.bpf {
        Ok(attached) => {
            let others = if watchers.sees_all {
                ""
            } else {
                " (of the processes in this container)"
            };
            format!(
                "{switches}; {} BPF programs are attached, and {} processes hold perf \
                 events{others}, none of them on the path of every call",
                attached.len(),
                watchers.perf.len()
            )
        }
        Err(why) => format!("BPF programs cannot be listed ({why}); {switches}"),
    }
}

/// The cost of a call now, compared with earlier.
enum Cost<'r> {
    Unmeasured,
    /// It varies too much for a comparison.
    Noisy(CallCost),
    /// This kernel does not have an earlier record.
    First(CallCost),
    Same {
        now: CallCost,
        record: &'r Record,
    },
    Dearer {
        now: CallCost,
        record: &'r Record,
    },
}

fn compare(facts: &Facts) -> Cost<'_> {
    match (facts.calls.cost, &facts.calls.record) {
        (None, _) => Cost::Unmeasured,
        (Some(now), _) if !now.is_steady() => Cost::Noisy(now),
        (Some(now), None) => Cost::First(now),
        (Some(now), Some(record)) if is_dearer(now.cheapest, record.cycles) => {
            Cost::Dearer { now, record }
        }
        (Some(now), Some(record)) => Cost::Same { now, record },
    }
}

fn is_dearer(CoreCycles(now): CoreCycles, CoreCycles(earlier): CoreCycles) -> bool {
    now > DEARER * earlier && now > earlier + DEARER_BY.0
}

impl Cost<'_> {
    fn says(&self) -> String {
        let day = |record: &Record| record.at.strftime("%Y-%m-%d").to_string();
        let cycles = |CoreCycles(cycles): CoreCycles| format!("{cycles:.0} cycles of the core");
        let costs = |now: &CallCost| format!("a system call costs {}", cycles(now.cheapest));
        match self {
            Self::Unmeasured => "the cost of a system call was not measured".into(),
            Self::Noisy(now) => format!(
                "{}, but varies by {:.0} %, so it cannot be compared",
                costs(now),
                1e2 * now.spread
            ),
            Self::First(now) => {
                format!(
                    "{}; this kernel does not have an earlier record",
                    costs(now)
                )
            }
            Self::Same { now, record } => format!(
                "{}, as on {} ({:.0}{})",
                costs(now),
                day(record),
                record.cycles.0,
                if record.nobody_watched {
                    ", recorded without watchers"
                } else {
                    ", recorded without root"
                }
            ),
            Self::Dearer { now, record } => format!(
                "{}, {:.2} times the {:.0} of {} under the same kernel",
                costs(now),
                now.cheapest.0 / record.cycles.0,
                record.cycles.0,
                day(record)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok as Fine, Unfit, Unknown, Warning};
    use jiff::Timestamp;

    use super::super::tests::expect;
    use super::*;
    use crate::bpf::{Hook, Program};
    use crate::perf_events::PerfEvents;

    fn falco() -> Process {
        Process {
            id: 812,
            name: "falco".into(),
        }
    }

    fn on(hook: Hook, target: &str, held_by: Vec<Process>) -> Attachment {
        Attachment {
            program: Program {
                id: 31,
                kind: "raw_tracepoint".into(),
                name: "sys_enter_e".into(),
                loaded_ns: 5,
            },
            hook,
            target: target.into(),
            link: Some(9),
            held_by,
        }
    }

    /// A user measures the host, and sees nothing but the cost.
    fn user(now: f64, earlier: Option<(f64, bool)>) -> impl FnOnce(&mut Facts) {
        move |facts| {
            facts.measurement.host = true;
            facts.calls.watchers.bpf = Err("Operation not permitted".into());
            facts.calls.watchers.switches = None;
            facts.calls.watchers.sees_all = false;
            facts.calls.cost = Some(CallCost {
                cheapest: CoreCycles(now),
                spread: 0.01,
            });
            facts.calls.record = earlier.map(|(cycles, nobody_watched)| Record {
                cycles: CoreCycles(cycles),
                at: Timestamp::from_second(1_800_000_000).unwrap(),
                nobody_watched,
            });
        }
    }

    #[test]
    fn a_bpf_program_on_every_call_is_named_with_its_process() {
        let attached = |host, attachment| {
            move |facts: &mut Facts| {
                facts.measurement.host = host;
                facts.calls.watchers.bpf = Ok(vec![attachment]);
            }
        };
        let held = || on(Hook::RawTracepoint, "sys_enter", vec![falco()]);
        let words = "BPF program 31 sys_enter_e (raw_tracepoint) on raw tracepoint sys_enter, \
                     held by falco (812); a system call costs 300 cycles of the core; this";
        expect(tracing, attached(true, held()), Unfit, words);
        expect(
            tracing,
            attached(true, held()),
            Unfit,
            "stop falco (process 812)",
        );
        expect(tracing, attached(false, held()), Warning, words);
        let pinned = on(Hook::Kprobe, "do_syscall_64", vec![]);
        expect(
            tracing,
            attached(true, pinned),
            Unfit,
            "bpftool link detach id 9",
        );
        let elsewhere = on(Hook::Kprobe, "vfs_read", vec![falco()]);
        expect(
            tracing,
            attached(true, elsewhere),
            Fine,
            "1 BPF programs are attached",
        );
    }

    #[test]
    fn what_a_run_attaches_on_purpose_is_named_and_not_blamed() {
        let ours = |facts: &mut Facts| {
            facts.measurement.host = true;
            let held = on(Hook::RawTracepoint, "sys_enter", vec![falco()]);
            facts.calls.watchers.bpf = Ok(vec![held]);
            facts.calls.watchers.ours = vec![falco()];
        };
        expect(
            tracing,
            ours,
            Fine,
            "by this run on purpose: BPF program 31",
        );
    }

    #[test]
    fn perf_events_that_count_our_calls_are_named() {
        let perf = |counts_our_calls| {
            move |facts: &mut Facts| {
                facts.calls.watchers.perf = vec![PerfEvents {
                    process: Process {
                        id: 5,
                        name: "perf".into(),
                    },
                    events: 4,
                    tracepoints: 2,
                    counts_our_calls,
                }];
            }
        };
        expect(
            tracing,
            perf(true),
            Warning,
            "perf events of perf (5) count every",
        );
        expect(tracing, perf(false), Fine, "1 processes hold perf events");
    }

    #[test]
    fn a_switch_of_tracefs_comes_with_what_turns_it_off() {
        let file = "/sys/kernel/tracing/events/raw_syscalls/enable";
        let switch =
            |facts: &mut Facts| facts.calls.watchers.switches = Some(vec![format!("{file} = 1")]);
        expect(
            tracing,
            switch,
            Warning,
            &format!("echo 0 | sudo tee {file}"),
        );
    }

    #[test]
    fn who_cannot_list_watchers_is_told_by_the_cost_or_not_at_all() {
        expect(
            tracing,
            user(300.0, None),
            Unknown,
            "does not have an earlier record",
        );
        expect(
            tracing,
            user(300.0, Some((298.0, true))),
            Fine,
            "recorded without watchers",
        );
        // Calls may have been watched both times.
        let words = "recorded without root";
        expect(tracing, user(300.0, Some((298.0, false))), Unknown, words);
        let words = "600 cycles of the core, 2.00 times the 300 of 2027-01-15";
        expect(tracing, user(600.0, Some((300.0, true))), Unfit, words);
        // A busy sibling adds as much, and no watcher so little.
        let words = "recorded without watchers";
        expect(tracing, user(536.0, Some((429.0, true))), Fine, words);
        expect(
            tracing,
            user(600.0, Some((300.0, false))),
            Unfit,
            "sudo tollgate doctor",
        );
    }

    #[test]
    fn a_cost_that_varies_is_not_compared() {
        let noisy = |facts: &mut Facts| {
            user(900.0, Some((300.0, true)))(facts);
            facts.calls.cost.as_mut().unwrap().spread = 0.4;
        };
        expect(tracing, noisy, Unknown, "cannot be compared");
    }
}
