//! One boot of a run, by a separate `tollgate boot` process. All of its threads are filtered:
//! an attacker who breaks out of the guest gets neither the run's files nor its memory. The
//! process's report on its guest may then be wrong, but nothing worse can happen.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use vmm::{BootOutcome, BootSpec, End, Exits, GuestPages, Timings};

use crate::engine::child::{self, ChildEnd, ChildSpec, Ran};

/// Time in addition to the guest's own timeout: to take its memory from the host, and to
/// destroy the machine.
const GRACE: Duration = Duration::from_secs(60);

/// The process's report on the boot, in a line of JSON, the last one on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    end: End,
    timings: Timings,
    exits: Option<Exits>,
    pages: Option<GuestPages>,
}

/// The process's last message, for standard error. The console has gone to standard output.
///
/// # Errors
///
/// None known: the report has no map, and no key that is not text.
pub fn report(outcome: &BootOutcome) -> serde_json::Result<String> {
    let report = Report {
        end: outcome.end.clone(),
        timings: outcome.timings,
        exits: outcome.exits.clone(),
        pages: outcome.pages,
    };
    serde_json::to_string(&report)
}

/// Boots once. The process runs where the calling thread may; its vCPUs are pinned.
pub fn boot(
    spec: &BootSpec,
    console: &mut dyn Write,
    stop: &AtomicBool,
) -> io::Result<BootOutcome> {
    let mut command = Command::new("/proc/self/exe");
    command.args(words(spec));
    let ran = child::run(ChildSpec {
        command,
        pin: None,
        timeout: spec.timeout.saturating_add(GRACE),
        stop,
        console,
        last_words: None,
        monitor: None,
    })?;
    Ok(outcome(ran))
}

/// The command line of `tollgate boot`.
pub fn words(spec: &BootSpec) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["boot", "--for-run", "--engine=kvm"].map(Into::into).into();
    words.push(format!("--append={}", spec.cmdline).into());
    words.push(format!("--memory={}", spec.memory_mib).into());
    words.push(format!("--cpus={}", spec.cpus).into());
    words.push(format!("--timeout={}", spec.timeout.as_secs()).into());
    if !spec.pin.is_empty() {
        let cpus: Vec<_> = spec.pin.iter().map(usize::to_string).collect();
        words.push(format!("--pin={}", cpus.join(",")).into());
    }
    if let Some(initrd) = &spec.initrd {
        let mut word = OsString::from("--initrd=");
        word.push(initrd);
        words.push(word);
    }
    // Ensures that the kernel's name is not read as an option.
    words.extend(["--".into(), spec.kernel.clone().into()]);
    words
}

fn outcome(ran: Ran) -> BootOutcome {
    let said = String::from_utf8_lossy(&ran.errors).into_owned();
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    match (ran.end, serde_json::from_str::<Report>(last)) {
        (ChildEnd::Interrupted, _) => ran.outcome(End::Interrupted, None),
        (ChildEnd::Exited(_), Ok(report)) => BootOutcome {
            console: ran.console,
            end: report.end,
            timings: report.timings,
            exits: report.exits,
            pages: report.pages,
        },
        (end, _) => {
            let reason = format!("the guest's process {}: {}", how(end), said.trim());
            ran.outcome(End::EngineFailed { reason }, None)
        }
    }
}

/// How a process ended that did not report on its guest.
fn how(end: ChildEnd) -> String {
    match end {
        ChildEnd::Exited(code) => format!("ended with {code}"),
        ChildEnd::Signaled(signal) if signal == Signal::SYS.as_raw() => {
            "was killed because it made a system call that its filter does not allow".into()
        }
        ChildEnd::Signaled(signal) => format!("was killed by signal {signal}"),
        ChildEnd::TimedOut => "did not end at its guest's timeout".into(),
        ChildEnd::Flooded => "was killed: the guest wrote too much to its console".into(),
        ChildEnd::Interrupted => "was interrupted".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(end: ChildEnd, errors: &str) -> Ran {
        Ran {
            end,
            console: b"tollgate\n".into(),
            errors: errors.into(),
            first_byte: None,
            elapsed: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_report_comes_back_whole() {
        let report = Report {
            end: End::Exited { status: 42 },
            timings: Timings {
                guest_started: Some(Duration::from_micros(1)),
                first_byte: None,
                ended: Duration::from_nanos(1_000_000_007),
            },
            exits: Some(Exits::default()),
            pages: Some(GuestPages {
                huge_kib: 2048,
                small_kib: 4,
            }),
        };
        let line = serde_json::to_string(&report).unwrap();
        let outcome = outcome(ran(ChildEnd::Exited(42), &format!("a word\n{line}\n")));
        assert_eq!(outcome.console, b"tollgate\n");
        assert_eq!(
            (outcome.end, outcome.timings, outcome.exits, outcome.pages),
            (report.end, report.timings, report.exits, report.pages)
        );
    }

    #[test]
    fn a_process_without_a_report_has_failed() {
        for (end, errors, words) in [
            (ChildEnd::Exited(69), "tollgate: no memory", "no memory"),
            (ChildEnd::Signaled(31), "", "filter does not allow"),
            (ChildEnd::Signaled(9), "{}", "signal 9"),
            (ChildEnd::TimedOut, "", "timeout"),
            (ChildEnd::Flooded, "", "too much to its console"),
        ] {
            let end = outcome(ran(end, errors)).end;
            let is_told = matches!(&end, End::EngineFailed { reason } if reason.contains(words));
            assert!(is_told, "{end}");
        }
        let stopped = outcome(ran(ChildEnd::Interrupted, "")).end;
        assert_eq!(stopped, End::Interrupted);
    }
}
