//! Units as types, so that ticks, nanoseconds and core cycles are never mixed.

use serde::{Deserialize, Serialize};

/// TSC ticks for one operation. Not core cycles: the counter runs at its own constant
/// frequency, whatever the core's clock does.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(pub f64);

/// Cycles at the core's real clock for one operation.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CoreCycles(pub f64);

/// Nanoseconds for one operation.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanoseconds(pub f64);

/// Whole instructions for one operation. Not time: a write to CR3 is one of them.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instructions(pub u64);

/// Frequency of the time stamp counter, in ticks per second.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TscHz(pub f64);

/// Core cycles per TSC tick: 1 if the core runs at the counter's frequency.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct CyclesPerTick(pub f64);

/// Latency in core cycles of one `imul r64, r64` on every x86-64 core since 2008 (uops.info),
/// which makes a chain of them a clock.
const CYCLES_PER_IMUL: f64 = 3.0;

/// The duration of `ticks` on a counter with that frequency.
pub fn nanoseconds(ticks: Ticks, frequency: TscHz) -> Nanoseconds {
    Nanoseconds(ticks.0 * 1e9 / frequency.0)
}

/// The core's clock according to a chain of `imuls` dependent multiplications that took
/// `ticks`. `None` for an empty chain or no ticks.
pub fn cycles_per_tick(imuls: u64, ticks: u64) -> Option<CyclesPerTick> {
    (imuls > 0 && ticks > 0).then(|| CyclesPerTick(CYCLES_PER_IMUL * imuls as f64 / ticks as f64))
}

/// The number of core cycles in `ticks` at that clock.
pub fn core_cycles(ticks: Ticks, clock: CyclesPerTick) -> CoreCycles {
    CoreCycles(ticks.0 * clock.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_ticks_become_the_papers_nanoseconds() {
        let Nanoseconds(ns) = nanoseconds(Ticks(222.0), TscHz(3.6e9));
        assert_eq!(format!("{ns:.2}"), "61.67");
    }

    #[test]
    fn a_chain_at_the_counters_frequency_is_one_cycle_a_tick() {
        assert_eq!(cycles_per_tick(500, 1500), Some(CyclesPerTick(1.0)));
        assert_eq!(cycles_per_tick(500, 0), None);
        assert_eq!(cycles_per_tick(0, 500), None);
    }

    #[test]
    fn a_faster_core_has_more_cycles_a_tick() {
        let clock = cycles_per_tick(500, 1200);
        assert_eq!(
            clock.map(|c| core_cycles(Ticks(200.0), c)),
            Some(CoreCycles(250.0))
        );
    }
}
