//! Recordings of a quiet machine: what the doctor's tests read in moments in which nobody else
//! used it. Replayed, none of them may raise an alarm.
//!
//! Times are recorded as they were read, in ticks of the counter, and counters of the kernel as
//! its files had them, so a replay goes the whole way from a reading to a verdict. The
//! recordings, and those that were refused, are listed in `recordings/README.md`.

mod record;
mod replay;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::noise::Watched;

/// Files: their paths, and what they hold.
type Files = BTreeMap<String, String>;

/// What was read in one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    /// When it began.
    at: jiff::Timestamp,
    /// The load, as /proc/loadavg shows it: averages over 1, 5 and 15 minutes.
    load: [f64; 3],
    /// CPUs that other processes used meanwhile, and the share of the time that was stolen.
    others: f64,
    stolen: f64,
    hypervisor: Option<String>,
    kvm_features: Option<u32>,
    invariant_tsc: bool,
    frequency: crate::tsc::TscFrequency,
    claimed_hz: Option<f64>,
    step_ticks: u64,
    /// Each other CPU, and the bounds of its counter's offset.
    skews: Vec<(usize, i64, i64)>,
    /// Files that count, before and after the noise test, and the time between.
    before: Files,
    after: Files,
    seconds: f64,
    /// This process's line in /proc, before and after.
    own: [String; 2],
    noise: Watched,
    /// Bursts of batches: calls, and chains.
    calls: Vec<Vec<(u64, u64)>>,
    /// The core's clock, or why it is not known.
    clock_hz: Result<f64, String>,
    /// The kernel's warnings.
    messages: Option<Vec<String>>,
}
