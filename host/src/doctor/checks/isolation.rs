//! Whether the scheduler, the tick and devices leave the measuring CPUs alone.

use eval::verdict::State;

use super::{Found, list, named};
use crate::doctor::{Facts, activity};
use crate::measuring_cpus::BrokenRule;

/// Whether the scheduler may move what is measured.
pub(super) fn pinning(facts: &Facts) -> Found {
    let cpus = named(&facts.measurement.cpus);
    match facts.measurement.unpinned.as_slice() {
        [] => Found::ok(format!("{cpus} will measure")),
        targets => Found::warning(format!(
            "{} may run on every CPU; the noise test watched {cpus}",
            targets.join(", ")
        ))
        .fix(format!(
            "pin = [{}] in the experiment",
            list(&facts.measurement.cpus)
        )),
    }
}

/// Whether better CPUs than these are available.
pub(super) fn measuring_cpu(facts: &Facts) -> Found {
    let cpus = named(&facts.measurement.cpus);
    let broken = facts.measurement.broken.as_slice();
    let [heaviest, ..] = broken else {
        return Found::ok(format!("{cpus} can be used for measuring"));
    };
    let broken: Vec<_> = broken.iter().map(BrokenRule::to_string).collect();
    let state = match heaviest {
        BrokenRule::MixedCores { .. } => State::Unfit,
        _ => State::Warning,
    };
    Found::new(state, broken.join("; ")).fix(heaviest.remedy())
}

/// Whether Linux keeps its scheduler, its tick and its callbacks away.
pub(super) fn isolation(facts: &Facts) -> Found {
    let host = &facts.host;
    let (Some(_), Some(cmdline)) = (&host.isolated, &host.cmdline) else {
        return Found::unknown("the kernel does not list isolated CPUs");
    };
    let nohz_full = host.nohz_full.clone().unwrap_or_default();
    // The callbacks of CPUs without a tick run elsewhere as well (Linux, NO_HZ.rst).
    let offloaded = |cpu: &usize| nohz_full.contains(cpu) || host.cmdline_lists("rcu_nocbs", *cpu);
    let all = |holds: &dyn Fn(&usize) -> bool| facts.measurement.cpus.iter().all(holds);
    let no_tick = all(&|cpu| nohz_full.contains(cpu));
    let missing: Vec<_> = [
        ("isolcpus", all(&|cpu| is_isolated(facts, *cpu))),
        ("nohz_full", no_tick || facts.measurement.host),
        ("rcu_nocbs", all(&offloaded)),
    ]
    .into_iter()
    .filter(|(_, holds)| !holds)
    .map(|(name, _)| name)
    .collect();
    let cpus = named(&facts.measurement.cpus);
    match missing.as_slice() {
        [] if no_tick && facts.measurement.host => Found::warning(format!(
            "{cpus} in nohz_full: every system call of the host also records where time is \
             spent (context tracking)"
        ))
        .fix("remove `nohz_full=` from the kernel's command line to measure the host"),
        [] => Found::ok(format!("{cpus}: isolated")),
        missing => {
            let bare = cmdline.split_whitespace().any(|word| word == "rcu_nocbs");
            let bare = if bare && missing.contains(&"rcu_nocbs") {
                " (`rcu_nocbs` without a list does not select any CPU at boot)"
            } else {
                ""
            };
            let what = format!("{cpus} without {}{bare}", missing.join(", "));
            Found::warning(what).fix(how_to_isolate(facts, missing))
        }
    }
}

/// Whether the scheduler keeps other threads away: by `isolcpus`, or by an isolated partition of
/// control groups.
pub(super) fn is_isolated(facts: &Facts, cpu: usize) -> bool {
    let isolated = facts.host.isolated.iter().flatten();
    isolated
        .chain(&facts.host.partitions)
        .any(|&isolated| isolated == cpu)
}

fn how_to_isolate(facts: &Facts, missing: &[&str]) -> String {
    let measuring = &facts.measurement.cpus;
    let others = facts.activity.as_ref().map(|activity| &activity.busy);
    if others.is_some_and(|cpus| cpus.keys().all(|cpu| measuring.contains(cpu))) {
        return "measure on fewer CPUs: at least one has to remain for everything else".into();
    }
    let cpus = list(measuring);
    let words = missing.iter().map(|name| format!("{name}={cpus}"));
    format!(
        "add `{}` to the kernel's command line (GRUB_CMDLINE_LINUX), and reboot",
        words.collect::<Vec<_>>().join(" ")
    )
}

/// Fewer interrupts per second than this are not worth moving.
const INTERRUPTS_WARNING: f64 = 1.0;

/// Whether devices interrupt the measuring CPUs.
pub(super) fn interrupts(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not list its interrupts");
    };
    let measuring = |cpu: &usize| facts.measurement.cpus.contains(cpu);
    let bound = facts.host.interrupts.iter();
    let bound = bound
        .filter(|interrupt| interrupt.cpus.iter().any(measuring))
        .count();
    let devices = activity.interrupts.iter();
    let devices = devices.filter(|(line, _)| activity::is_device(line));
    let rates = devices.flat_map(|(_, rates)| rates);
    let rates = rates
        .filter(|(cpu, _)| measuring(cpu))
        .map(|(_, rate)| rate);
    // An empty sum is -0.
    let total = rates.fold(0.0, |total, rate| total + rate);
    let what = format!(
        "{total:.0} device interrupts per second; lines bound to {}: {bound}",
        named(&facts.measurement.cpus)
    );
    if total > INTERRUPTS_WARNING {
        Found::warning(what).fix(format!(
            "sudo tollgate tune apply --cpus {}",
            list(&facts.measurement.cpus)
        ))
    } else {
        Found::ok(what)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use eval::verdict::State::{Ok, Unfit, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::activity::Activity;
    use crate::doctor::host::Interrupt;

    fn activity(facts: &mut Facts) -> &mut Activity {
        facts.activity.as_mut().unwrap()
    }

    #[test]
    fn targets_without_a_cpu_are_named() {
        let spoil =
            |facts: &mut Facts| facts.measurement.unpinned = vec!["linux".into(), "ring0".into()];
        expect(pinning, spoil, Warning, "linux, ring0 may run on every CPU");
    }

    #[test]
    fn a_cpu_that_breaks_rules_is_a_warning_and_mixed_cores_are_unfit() {
        let breaks = |broken: &[BrokenRule]| {
            let broken = broken.to_vec();
            |facts: &mut Facts| facts.measurement.broken = broken
        };
        let busy = BrokenRule::BusySibling { cpu: 3, sibling: 1 };
        let mixed = BrokenRule::MixedCores { cpu: 9, with: 3 };
        let words = "CPU 1, on the same core as CPU 3, was busy; CPU 0 runs more";
        let both = breaks(&[busy, BrokenRule::FirstCpu]);
        expect(measuring_cpu, both, Warning, words);
        expect(measuring_cpu, breaks(&[busy]), Warning, "or wait");
        expect(
            measuring_cpu,
            breaks(&[mixed, busy]),
            Unfit,
            "different types",
        );
    }

    #[test]
    fn what_isolation_lacks_is_named() {
        let none = |facts: &mut Facts| {
            facts.host.isolated = Some(vec![]);
            facts.host.nohz_full = None;
            facts.host.cmdline = Some("quiet".into());
        };
        let fix = "`isolcpus=3 nohz_full=3 rcu_nocbs=3`";
        expect(isolation, none, Warning, fix);
        let half = |facts: &mut Facts| facts.host.nohz_full = Some(vec![2]);
        expect(isolation, half, Warning, "CPU 3 without nohz_full add");
        let callbacks = |facts: &mut Facts| facts.host.cmdline = Some("rcu_nocbs=0".into());
        // nohz_full includes the callbacks.
        expect(isolation, callbacks, Ok, "isolated");
        // One of the two is not isolated.
        expect(
            isolation,
            |facts| facts.measurement.cpus = vec![2, 3],
            Warning,
            "CPUs 2,3 without",
        );
    }

    #[test]
    fn a_partition_isolates_and_lists_have_many_forms() {
        let partition = |facts: &mut Facts| {
            facts.host.isolated = Some(vec![]);
            facts.host.partitions = vec![3];
        };
        expect(isolation, partition, Ok, "isolated");
        let callbacks = |cmdline: &str| {
            let cmdline = Some(cmdline.to_owned());
            move |facts: &mut Facts| {
                facts.measurement.host = true;
                facts.host.nohz_full = Some(vec![]);
                facts.host.last_cpu = Some(3);
                facts.host.cmdline = cmdline;
            }
        };
        expect(isolation, callbacks("rcu_nocbs=1-N"), Ok, "isolated");
        expect(isolation, callbacks("rcu_nocbs=1-3:1/2"), Ok, "isolated");
        expect(isolation, callbacks("rcu_nocbs=all"), Ok, "isolated");
        expect(
            isolation,
            callbacks("rcu_nocbs=0-3:1/2"),
            Warning,
            "without rcu_nocbs",
        );
        expect(
            isolation,
            callbacks("rcu_nocbs"),
            Warning,
            "without a list does not select any CPU",
        );
    }

    #[test]
    fn a_machine_is_never_told_to_isolate_all_of_itself() {
        let all = |facts: &mut Facts| facts.measurement.cpus = vec![0, 1, 2, 3];
        expect(isolation, all, Warning, "measure on fewer CPUs");
    }

    #[test]
    fn a_host_without_ticks_pays_at_every_system_call() {
        let host = |facts: &mut Facts| facts.measurement.host = true;
        expect(isolation, host, Warning, "context tracking");
        let with_ticks = |facts: &mut Facts| {
            facts.measurement.host = true;
            facts.host.nohz_full = Some(vec![]);
        };
        expect(isolation, with_ticks, Ok, "isolated");
    }

    #[test]
    fn interrupts_are_told_where_to_go() {
        let rate = |rate| {
            move |facts: &mut Facts| {
                facts.host.interrupts = vec![Interrupt {
                    number: 36,
                    cpus: vec![3],
                }];
                let rates = BTreeMap::from([(0, 900.0), (3, rate)]);
                activity(facts).interrupts = BTreeMap::from([("36 nvme0q4".into(), rates)]);
            }
        };
        let nothing = super::interrupts(&super::super::tests::fit());
        assert!(nothing.what.starts_with("0 device"), "{nothing:?}");
        expect(interrupts, rate(0.5), Ok, "lines bound to CPU 3: 1");
        expect(
            interrupts,
            rate(250.0),
            Warning,
            "250 device interrupts per second",
        );
        expect(interrupts, rate(250.0), Warning, "tune apply --cpus 3");
    }
}
