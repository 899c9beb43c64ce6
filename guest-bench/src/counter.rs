//! The quality of this processor's counter and fences: measured, not assumed.

use core::fmt;

use contract::{Fact, tsc_hz, tsc_step};

use crate::bodies;
use crate::console::Log;
use crate::machine::cpuid;

/// What was found, in ticks of the counter.
pub struct Counter {
    /// Its step: the greatest common divisor of many differences of readings. Differences
    /// within one step do not count: some processors add 1, so that no two readings are equal.
    step: u64,
    /// The shortest time of [`bodies::fenced`].
    fenced: u64,
    /// The same for [`bodies::unfenced`]. If LFENCE waits and the processor executes out of
    /// order, this is shorter. (On AMD, whether LFENCE waits depends on an MSR that the kernel
    /// sets: AMD64 APM 2, section 3.1, DE_CFG.)
    unfenced: u64,
    /// Its frequency, if CPUID provides it.
    hz: Option<u64>,
}

const TRIALS: u32 = 1024;

impl Counter {
    /// Examines the counter; takes less than a millisecond.
    pub fn examine() -> Self {
        let (mut step, mut fenced, mut unfenced) = (0, u64::MAX, u64::MAX);
        for _ in 0..TRIALS {
            let ticks = bodies::fenced();
            step = tsc_step(step, ticks);
            fenced = fenced.min(ticks);
            unfenced = unfenced.min(bodies::unfenced());
        }
        Self {
            step,
            fenced,
            unfenced,
            hz: tsc_hz(cpuid),
        }
    }

    /// Writes what was found.
    pub fn write(&self, log: &mut Log<'_>) -> fmt::Result {
        log.fact_number(Fact::TscStep, self.step)?;
        log.fact_number(Fact::FenceOps, bodies::FENCE_OPS)?;
        log.fact_number(Fact::FencedTicks, self.fenced)?;
        log.fact_number(Fact::UnfencedTicks, self.unfenced)?;
        match self.hz {
            Some(hz) => log.fact_number(Fact::TscKhz, hz / 1000),
            None => Ok(()),
        }
    }
}
