//! This engine's report on a boot.

use std::time::Instant;

use super::error::KvmError;
use super::stats::Stats;
use crate::{BootOutcome, End, Timings, panic};

/// The outcome of one boot, with what only this engine reports.
#[derive(Clone, Debug)]
pub struct Report {
    /// What every engine returns.
    pub outcome: BootOutcome,
    /// The vCPU's registers and code as lines of text, after a triple fault or a failure of the
    /// engine.
    pub diagnosis: Option<String>,
    /// Exits and times.
    pub stats: Stats,
}

impl Report {
    /// The report on a guest that did not start.
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

/// A kernel that panics then reboots, faults, or hangs: its panic message explains more than
/// what it did next.
pub(super) fn explain(end: End, console: &[u8]) -> End {
    match end {
        End::Rebooted | End::TripleFault | End::Halted | End::TimedOut | End::Panicked { .. } => {
            panic::find(console).unwrap_or(end)
        }
        end => end,
    }
}
