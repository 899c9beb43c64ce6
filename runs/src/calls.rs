//! Which system calls a target of a run has: boots that try all of them.
//!
//! The run's own copy of the program makes each call, with arguments that the kernel refuses.
//! On a kernel with processes, a child makes it. Elsewhere a call may end the machine: then the
//! next boot leaves it out. Only a boot that got to its end counts.

mod boot;
mod kept;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use contract::EXIT_STATUS;
use eval::calls::{self, Console, Has};
use vmm::{BootOutcome, End};

use crate::engine::{About, EngineError};
use crate::experiment::ExperimentError;
use crate::run::{FileId, Manifest, RunError, RunFolder};
use host::files::FileError;

pub use kept::{check, keep};

/// Boots after which a target is given up: each found one more call that ends the machine.
const MOST_BOOTS: usize = 150;

/// Why a target has no list of calls.
#[derive(Debug, thiserror::Error)]
pub enum CallsError {
    /// The run has no such target.
    #[error("{run} has no target {target:?}; its targets are {}", targets.join(", "))]
    NoTarget {
        /// The run.
        run: String,
        /// The requested target.
        target: String,
        /// What it has.
        targets: Vec<String>,
    },
    /// The target has no image.
    #[error("target {0:?} was not booted in this run, because it has no image")]
    NoImage(String),
    /// The boot did not try anything.
    #[error(
        "target {target:?}: no call was tried: {end}{}; if the run's program is an older \
         guest-bench, make a new run",
        quoted(said)
    )]
    Nothing {
        /// The target.
        target: String,
        /// How the boot ended.
        end: End,
        /// The console's last words.
        said: String,
    },
    /// The console cannot be read.
    #[error("target {0:?}: the console lost or changed lines; try again")]
    Damaged(String),
    /// Every boot ended in another call.
    #[error("target {target:?}: {MOST_BOOTS} calls ended the machine, and there may be more")]
    Endless {
        /// The target.
        target: String,
    },
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
    /// The run, or its folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run's copy of its experiment.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!("; its console says {said:?}"),
    }
}

/// What the boots of one target showed.
pub struct Measured {
    /// Every call, by its number.
    pub calls: Vec<Has>,
    /// How it was measured.
    pub record: Record,
    /// The console of the boot that counts.
    console: Vec<u8>,
}

/// `calls-TARGET.json`: how the list of calls was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this form: 1.
    pub version: u32,
    /// The run's ID, as in its manifest.
    pub run: String,
    /// The target's name.
    pub target: String,
    /// The kernel image; `None` for the host.
    pub image: Option<FileId>,
    /// SHA-256 of the program.
    pub program_sha256: String,
    /// What booted it.
    pub engine: About,
    /// The kernel's command line.
    pub cmdline: String,
    /// When the first boot began.
    pub started: Timestamp,
    /// How many boots were made.
    pub boots: usize,
    /// Calls that ended the machine, by number, and how it ended.
    pub ended_by: BTreeMap<u32, End>,
    /// How the boot that counts ended.
    pub end: End,
    /// SHA-256 of its console.
    pub console_sha256: String,
    /// SHA-256 of the list.
    pub list_sha256: String,
}

/// Tries every call on a target. Says to `say` which calls end its machine.
///
/// # Errors
///
/// The target cannot be booted as it was in the run, or its program did not get to its end.
pub fn measure(
    run: &RunFolder,
    manifest: &Manifest,
    target: &str,
    stop: &AtomicBool,
    say: &dyn Fn(&str),
) -> Result<Measured, CallsError> {
    let subject = boot::Subject::find(run, manifest, target)?;
    let started = Timestamp::now();
    let mut ended_by = BTreeMap::new();
    for boots in 1..=MOST_BOOTS {
        let (cmdline, outcome) = subject.boot(ended_by.keys(), stop);
        if outcome.end == End::Interrupted {
            return Err(CallsError::Interrupted);
        }
        match calls::parse(&outcome.console) {
            Console::Complete(mut calls) => {
                prove_exits(&mut calls, &ended_by);
                let record = subject.record(manifest, cmdline, started, boots, ended_by, &outcome);
                return Ok(Measured {
                    calls,
                    record,
                    console: outcome.console,
                });
            }
            Console::EndedIn(call) if could_not_run(&outcome) => {
                return Err(nothing(target, outcome, format!("call {call}")));
            }
            Console::EndedIn(call) => {
                say(&format!("{target}: call {call} ended it: {}", outcome.end));
                ended_by.insert(call, outcome.end);
            }
            Console::Nothing(said) => return Err(nothing(target, outcome, said)),
            Console::Damaged => return Err(CallsError::Damaged(target.to_owned())),
        }
    }
    Err(CallsError::Endless {
        target: target.to_owned(),
    })
}

/// The engine's own failure is not the call's; but on the host, a signal is reported as one.
fn could_not_run(outcome: &BootOutcome) -> bool {
    matches!(outcome.end, End::EngineFailed { .. })
}

fn nothing(target: &str, outcome: BootOutcome, said: String) -> CallsError {
    CallsError::Nothing {
        target: target.to_owned(),
        end: outcome.end,
        said,
    }
}

/// `exit` and `exit_group` are to end the machine, in order and with their status, if it passes
/// one on.
fn prove_exits(calls: &mut [Has], ended_by: &BTreeMap<u32, End>) {
    const EXITS: [u32; 2] = [60, 231];
    for call in EXITS {
        let in_order = match ended_by.get(&call) {
            Some(End::Exited { status }) => u64::from(*status) == EXIT_STATUS,
            Some(End::PoweredOff) => true,
            _ => false,
        };
        if let Some(has) = calls.get_mut(call as usize).filter(|_| in_order) {
            *has = Has::Works;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orderly_end_proves_only_the_calls_that_end_programs() {
        let status = EXIT_STATUS as u32;
        let mut calls = vec![Has::Untried; 512];
        let ended = [
            (60, End::Exited { status }),
            (61, End::Exited { status }),
            (231, End::TripleFault),
        ];
        prove_exits(&mut calls, &ended.into());
        assert_eq!(
            [60, 61, 231].map(|n: usize| calls[n]),
            [Has::Works, Has::Untried, Has::Untried]
        );
        let other = End::Exited { status: 1 };
        let ended = [(60, other), (231, End::PoweredOff)];
        let mut calls = vec![Has::Untried; 512];
        prove_exits(&mut calls, &ended.into());
        assert_eq!([calls[60], calls[231]], [Has::Untried, Has::Works]);
    }
}
