//! The actual clock of a core, without a performance counter.
//!
//! A multiplication that needs the previous result takes three core cycles, so the time of a
//! chain of them shows the clock. A chain of additions, one cycle each, has to show the same.
//! If it does not, the processor has other latencies, and the clock is not known.

use std::arch::asm;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::cpus;

/// A frequency in Hz, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Hertz(pub f64);

/// Operations in a turn of a chain's loop: so many that the loop's own branch, which runs in
/// parallel, does not matter.
const COPIES: usize = 64;
/// Turns in a window, which takes about a tenth of a millisecond.
const TURNS: u64 = 2_000;
/// Windows of each chain.
const WINDOWS: usize = 75;
/// An idle core needs some milliseconds to reach its clock.
const WARM_UP: Duration = Duration::from_millis(10);

/// Latency of `imul r32, r32` in core cycles: Intel's cores since 2008, its E-cores, and AMD's Zen
/// (uops.info; with 64 bits, Gracemont takes 5).
const CYCLES_PER_IMUL: f64 = 3.0;
/// Latency of `add r32, r32` in core cycles. An `add` of a constant may take none (Golden Cove).
const CYCLES_PER_ADD: f64 = 1.0;
/// The largest allowed difference between the two chains' clocks.
const TOLERANCE: f64 = 0.03;

/// The clocks that a core showed, one in each of many windows of a tenth of a millisecond.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreClock {
    /// In ascending order; never empty.
    windows: Vec<Hertz>,
}

impl CoreClock {
    /// The clock of the least disturbed window: an interrupt, another thread or a hypervisor
    /// can only make a window longer.
    pub fn fastest(&self) -> Hertz {
        self.windows.last().copied().unwrap_or(Hertz(0.0))
    }

    /// The clock of the median window.
    pub fn median(&self) -> Hertz {
        let middle = self.windows.get(self.windows.len() / 2);
        middle.copied().unwrap_or(Hertz(0.0))
    }
}

/// Why a core's clock is not known.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The thread may not run there.
    #[error("cannot run on CPU {cpu}: {error}")]
    NotAllowed {
        /// The CPU.
        cpu: usize,
        /// The system's reason.
        error: io::Error,
    },
    /// The chains do not agree.
    #[error(
        "CPU {cpu}: multiplications show {:.0} MHz and additions {:.0} MHz, so neither can \
         be trusted (is this an emulator, or is another thread of the core busy?)",
        .by_imul.0 / 1e6, .by_add.0 / 1e6
    )]
    ChainsDisagree {
        /// The CPU.
        cpu: usize,
        /// By multiplications.
        by_imul: Hertz,
        /// By additions.
        by_add: Hertz,
    },
}

/// Measures a core's clock, on a separate thread, for about 40 ms.
pub fn measure(cpu: usize) -> Result<CoreClock, ClockError> {
    let measured = thread::scope(|scope| scope.spawn(|| windows(cpu)).join());
    let (by_imul, by_add) = measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let clock = CoreClock { windows: by_imul };
    let by_add = CoreClock { windows: by_add }.fastest();
    let by_imul = clock.fastest();
    if (by_imul.0 / by_add.0 - 1.0).abs() < TOLERANCE {
        Ok(clock)
    } else {
        Err(ClockError::ChainsDisagree {
            cpu,
            by_imul,
            by_add,
        })
    }
}

/// The clock of each window, by multiplications and by additions, each in ascending order.
fn windows(cpu: usize) -> Result<(Vec<Hertz>, Vec<Hertz>), ClockError> {
    cpus::pin_thread(cpu).map_err(|error| ClockError::NotAllowed { cpu, error })?;
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        multiply(TURNS);
    }
    let (mut by_imul, mut by_add) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        by_imul.push(window(multiply, TURNS, CYCLES_PER_IMUL));
        by_add.push(window(add, 3 * TURNS, CYCLES_PER_ADD));
    }
    for windows in [&mut by_imul, &mut by_add] {
        windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    Ok((by_imul, by_add))
}

fn window(chain: fn(u64), turns: u64, cycles: f64) -> Hertz {
    let begin = Instant::now();
    chain(turns);
    let took = begin.elapsed().as_secs_f64();
    Hertz(cycles * COPIES as f64 * turns as f64 / took)
}

/// A loop around copies of an operation, each of which depends on the previous one.
macro_rules! chain {
    ($name:ident, $operation:literal) => {
        fn $name(turns: u64) {
            // SAFETY: the assembly changes its two registers and the flags, and does not access
            // memory. `turns` is never 0, which would make the loop run 2^64 times.
            unsafe {
                asm!(
                    ".balign 64",
                    "2:",
                    ".rept {copies}",
                    $operation,
                    ".endr",
                    "dec {turns}",
                    "jnz 2b",
                    copies = const COPIES,
                    turns = inout(reg) turns.max(1) => _,
                    x = inout(reg) 3_u32 => _,
                    y = in(reg) 5_u32,
                    options(nomem, nostack),
                );
            }
        }
    };
}

chain!(multiply, "imul {x:e}, {y:e}");
chain!(add, "add {x:e}, {y:e}");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_measured_or_refused_with_a_reason() {
        let Some(&cpu) = cpus::allowed().first() else {
            return;
        };
        match measure(cpu) {
            // Slower than any processor since 2008, faster than any.
            Ok(clock) => {
                let Hertz(hz) = clock.fastest();
                assert!((2e8..2e10).contains(&hz), "{hz}");
                assert!(clock.median() <= clock.fastest());
            }
            Err(error) => assert!(error.to_string().contains("CPU "), "{error}"),
        }
    }

    #[test]
    fn a_cpu_that_is_not_there_is_named() {
        let error = measure(usize::MAX).unwrap_err();
        assert!(error.to_string().contains("cannot run on CPU"), "{error}");
    }
}
