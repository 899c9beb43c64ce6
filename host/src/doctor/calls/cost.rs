//! The cost of a system call of this process, in cycles of the core.
//!
//! Anything that watches system calls makes each of them slower: one tracepoint on their path
//! sends all of them through the slow path of the kernel's entry. A chain of multiplications
//! before and after each batch of calls makes the figure independent of the core's clock, so
//! that it can be compared with that of another day.

use std::arch::asm;
use std::thread;
use std::time::Duration;

use eval::stats::Sorted;
use serde::{Deserialize, Serialize};

use crate::cpus;
use crate::doctor::chain;
use crate::tsc;

/// Cycles of the core.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CoreCycles(pub f64);

/// The cost of a system call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallCost {
    /// The median of the least disturbed burst: a busy sibling and a cold cache can only add.
    pub cheapest: CoreCycles,
    /// The median of the middle burst divided by that of the cheapest, minus 1.
    pub spread: f64,
}

/// If it varies by more than this, it cannot be compared with another day's.
const UNSTEADY: f64 = 0.25;

impl CallCost {
    /// Whether it can be compared with the cost of another day.
    pub fn is_steady(&self) -> bool {
        self.spread <= UNSTEADY
    }

    /// The cost from all bursts, at two times, because disturbances come and go.
    pub fn of(bursts: &[Burst]) -> Option<Self> {
        Self::of_medians(bursts.iter().map(|burst| median(burst)).collect())
    }

    fn of_medians(mut bursts: Vec<CoreCycles>) -> Option<Self> {
        bursts.retain(|burst| burst.0 > 0.0);
        bursts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (cheapest, middle) = (*bursts.first()?, *bursts.get(bursts.len() / 2)?);
        Some(Self {
            cheapest,
            spread: middle.0 / cheapest.0 - 1.0,
        })
    }
}

/// Bursts at one time, and the pause between two.
const BURSTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(3);
/// Batches of a burst, which takes half a millisecond.
const BATCHES: usize = 20;
/// Calls of a batch, which takes about as long as a chain.
const CALLS: u32 = 64;

/// Batches in quick succession.
pub type Burst = Vec<Batch>;

/// Several bursts on that CPU; empty if this process may not run there.
pub fn bursts(cpu: usize) -> Vec<Burst> {
    let measure = || {
        cpus::pin_thread(cpu).ok()?;
        let burst = || {
            thread::sleep(PAUSE);
            std::iter::repeat_with(batch).take(BATCHES).collect()
        };
        Some(std::iter::repeat_with(burst).take(BURSTS).collect())
    };
    let bursts: Option<Vec<_>> = thread::scope(|scope| scope.spawn(measure).join().ok()?);
    bursts.unwrap_or_default()
}

/// A batch of calls, and the chains before and after it, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The calls.
    pub calls: u64,
    /// Both chains.
    pub chains: u64,
}

fn batch() -> Batch {
    let start = tsc::ticks();
    chain::run();
    let before = tsc::ticks();
    for _ in 0..CALLS {
        call();
    }
    let after = tsc::ticks();
    chain::run();
    let end = tsc::ticks();
    Batch {
        calls: after.wrapping_sub(before),
        chains: before.wrapping_sub(start) + end.wrapping_sub(after),
    }
}

/// getppid(2), which does almost nothing, without the code that a compiler or a library may put
/// around it: builds without optimisation have to give the same result.
fn call() {
    const GETPPID: u64 = 110;
    // SAFETY: the call has no arguments and does not access our memory; SYSCALL overwrites RCX
    // and R11, which are declared.
    unsafe {
        asm!(
            "syscall",
            inout("rax") GETPPID => _,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
}

fn median(burst: &[Batch]) -> CoreCycles {
    let cycles = burst.iter().filter(|batch| batch.chains > 0);
    let cycles = cycles.map(|batch| {
        let chains = batch.calls as f64 / batch.chains as f64;
        chains * 2.0 * chain::CYCLES / f64::from(CALLS)
    });
    let cycles = Sorted::new(cycles.collect());
    CoreCycles(cycles.map_or(0.0, |cycles| cycles.median()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_clock_does_not_matter() {
        // 64 calls of 300 cycles between chains of 49152, by counters of two speeds.
        for ticks_per_cycle in [1.0, 0.5] {
            let batch = || Batch {
                calls: (64.0 * 300.0 * ticks_per_cycle) as u64,
                chains: (2.0 * chain::CYCLES * ticks_per_cycle) as u64,
            };
            let median = median(&[batch(), batch(), batch()]);
            assert!((median.0 - 300.0).abs() < 0.1, "{median:?}");
        }
    }

    #[test]
    fn the_least_disturbed_burst_counts() {
        let of =
            |bursts: &[f64]| CallCost::of_medians(bursts.iter().copied().map(CoreCycles).collect());
        let cost = of(&[330.0, 300.0, 0.0, 450.0]).unwrap();
        assert_eq!(cost.cheapest, CoreCycles(300.0));
        assert!((cost.spread - 0.1).abs() < 1e-9);
        assert!(cost.is_steady());
        assert!(!of(&[300.0, 400.0, 400.0]).unwrap().is_steady());
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_call_costs_more_than_nothing() {
        let cpu = cpus::allowed()[0];
        let cost = CallCost::of(&bursts(cpu)).unwrap();
        assert!(cost.cheapest > CoreCycles(20.0), "{cost:?}");
    }
}
