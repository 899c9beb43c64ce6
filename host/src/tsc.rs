//! The time stamp counter's frequency: how many of its ticks make a second.

use std::arch::x86_64::{__cpuid, __rdtscp};
use std::thread::sleep;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What is known about the counter's frequency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TscFrequency {
    /// Ticks per second, measured against CLOCK_MONOTONIC_RAW: the median of several
    /// measurements.
    pub measured_hz: f64,
    /// The largest measurement minus the smallest, divided by the median.
    pub spread: f64,
    /// The frequency from CPUID, if it has one: leaf 0x15 of the processor, leaf 0x40000010 of
    /// the hypervisor.
    pub cpuid_hz: Option<f64>,
}

impl TscFrequency {
    /// Ticks per second: CPUID's value if it has one, because the measurement also contains the
    /// clock's own error.
    pub fn hz(&self) -> f64 {
        self.cpuid_hz.unwrap_or(self.measured_hz)
    }

    /// The source of [`Self::hz`].
    pub fn source(&self) -> &'static str {
        match self.cpuid_hz {
            Some(_) => "CPUID",
            None => "measured against CLOCK_MONOTONIC_RAW",
        }
    }
}

const MEASUREMENTS: usize = 5;
const WINDOW: Duration = Duration::from_millis(40);
/// CPUID and the clock have to agree within this, or CPUID's value is not used.
const TOLERANCE: f64 = 1e-3;

/// Measures for a fifth of a second.
pub fn frequency() -> TscFrequency {
    let mut measured = [0.0; MEASUREMENTS];
    measured.fill_with(measure);
    measured.sort_by(f64::total_cmp);
    let [smallest, .., largest] = measured;
    let measured_hz = measured[MEASUREMENTS / 2];
    let agrees = |hz: &f64| (hz / measured_hz - 1.0).abs() < TOLERANCE;
    TscFrequency {
        measured_hz,
        spread: (largest - smallest) / measured_hz,
        cpuid_hz: cpuid_hz().filter(agrees),
    }
}

fn measure() -> f64 {
    let (ticks_before, before) = reading();
    sleep(WINDOW);
    let (ticks_after, after) = reading();
    ticks_after.wrapping_sub(ticks_before) as f64 / (after - before).as_secs_f64()
}

/// Counter and clock at the same moment: the closest of several pairs, since an interrupt may
/// come between the two readings.
fn reading() -> (u64, Duration) {
    (0..10)
        .map(|_| {
            let before = ticks();
            let clock = clock_gettime(ClockId::MonotonicRaw);
            let after = ticks();
            (after.wrapping_sub(before), before, clock)
        })
        .min_by_key(|&(gap, ..)| gap)
        .map(|(gap, before, clock)| {
            let clock = Duration::new(clock.tv_sec as u64, clock.tv_nsec as u32);
            (before.wrapping_add(gap / 2), clock)
        })
        .unwrap_or_default()
}

/// The counter now.
pub fn ticks() -> u64 {
    let mut aux = 0;
    // SAFETY: RDTSCP writes `aux` and exists on every x86-64 that runs Linux guests; if it is
    // forbidden, our benchmark cannot run either.
    unsafe { __rdtscp(&mut aux) }
}

/// The frequency from CPUID ([`contract::tsc_hz`]).
pub fn cpuid_hz() -> Option<f64> {
    let leaf = |leaf| {
        let registers = __cpuid(leaf);
        [registers.eax, registers.ebx, registers.ecx, registers.edx]
    };
    contract::tsc_hz(leaf).map(|hz| hz as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_runs_at_a_frequency_that_can_be() {
        let frequency = frequency();
        assert!((1e8..1e10).contains(&frequency.hz()), "{frequency:?}");
        assert!(frequency.spread < 0.05, "{frequency:?}");
    }
}
