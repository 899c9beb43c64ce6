//! What this engine says of a boot.

use std::time::Instant;

use super::error::KvmError;
use super::stats::Stats;
use crate::{BootOutcome, End, Timings, panic};

/// How one boot went, with what only this engine knows.
#[derive(Clone, Debug)]
pub struct Report {
    /// What every engine answers.
    pub outcome: BootOutcome,
    /// The vCPU's registers and code, in lines, after a triple fault or an engine's failure.
    pub diagnosis: Option<String>,
    /// Exits and times.
    pub stats: Stats,
}

impl Report {
    /// Of a guest that did not start.
    pub(super) fn never_started(error: &KvmError, asked: Instant) -> Self {
        Self {
            outcome: BootOutcome {
                console: Vec::new(),
                end: End::EngineFailed {
                    reason: error.to_string(),
                },
                timings: Timings {
                    ended: asked.elapsed(),
                    ..Default::default()
                },
                exits: None,
                pages: None,
            },
            diagnosis: None,
            stats: Stats::default(),
        }
    }
}

/// A kernel that panics then reboots, faults, or hangs: what it said of itself
/// explains more than what it did next.
pub(super) fn explain(end: End, console: &[u8]) -> End {
    match end {
        End::Rebooted | End::TripleFault | End::Halted | End::TimedOut | End::Panicked { .. } => {
            panic::find(console).unwrap_or(end)
        }
        end => end,
    }
}
