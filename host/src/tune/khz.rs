//! Frequencies, in the unit of cpufreq.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A frequency in kHz, cpufreq's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Khz(pub u64);

impl Khz {
    /// A P-state's step: Intel's bus clock, and more than those of P-cores (78741 kHz,
    /// HYBRID_SCALING_FACTOR in intel_pstate.c) and of amd-pstate.
    const STEP: u64 = 100_000;

    /// Whether the two may be the same P-state, rounded differently.
    pub fn is_within_a_step_of(self, other: Self) -> bool {
        self.0.abs_diff(other.0) < Self::STEP
    }
}

impl fmt::Display for Khz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
