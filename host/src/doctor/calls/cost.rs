//! What a system call of this process costs, in cycles of the core.
//!
//! Whatever watches system calls makes each of them slower: one tracepoint on their way sends
//! all of them through the slow path of the kernel's entry. A chain of multiplications before
//! and after each batch of calls makes the figure independent of the core's clock, so that it
//! can be compared with one of another day.

use std::thread;

use eval::stats::Sorted;
use rustix::process::getppid;
use serde::{Deserialize, Serialize};

use crate::cpus;
use crate::doctor::chain;
use crate::tsc;

/// Cycles of the core.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CoreCycles(pub f64);

/// What a system call costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallCost {
    /// The median of the batches.
    pub median: CoreCycles,
    /// Interquartile range over median.
    pub spread: f64,
}

/// What varies more than this cannot be compared with another day's.
const UNSTEADY: f64 = 0.10;

impl CallCost {
    /// Whether it can be compared with the cost of another day.
    pub fn is_steady(&self) -> bool {
        self.spread <= UNSTEADY
    }
}

/// Batches; all of them take some 10 ms.
const BATCHES: usize = 400;
/// Calls in a batch: about as long as a chain.
const CALLS: u32 = 64;

/// Times getppid(2) on that CPU, which has next to nothing to do; `None` where this process may
/// not run there.
pub fn measure(cpu: usize) -> Option<CallCost> {
    thread::scope(|scope| {
        let measured = scope.spawn(|| {
            cpus::pin_thread(cpu).ok()?;
            Some(cost(batches()))
        });
        measured.join().ok()?
    })?
}

/// A batch of calls, and the chains before and after it, in ticks.
struct Batch {
    calls: u64,
    chains: u64,
}

fn batches() -> Vec<Batch> {
    let batch = || {
        let start = tsc::ticks();
        chain::run();
        let before = tsc::ticks();
        for _ in 0..CALLS {
            let _ = getppid();
        }
        let after = tsc::ticks();
        chain::run();
        let end = tsc::ticks();
        Batch {
            calls: after.wrapping_sub(before),
            chains: before.wrapping_sub(start) + end.wrapping_sub(after),
        }
    };
    std::iter::repeat_with(batch).take(BATCHES).collect()
}

fn cost(batches: Vec<Batch>) -> Option<CallCost> {
    let cycles = batches.into_iter().filter(|batch| batch.chains > 0);
    let cycles = cycles.map(|batch| {
        let chains = batch.calls as f64 / batch.chains as f64;
        chains * 2.0 * chain::CYCLES / f64::from(CALLS)
    });
    let cycles = Sorted::new(cycles.collect()).ok()?;
    let median = cycles.median();
    (median > 0.0).then(|| CallCost {
        median: CoreCycles(median),
        spread: (cycles.q3() - cycles.q1()) / median,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_clock_does_not_matter() {
        // 64 calls of 300 cycles between chains of 49152, by counters of two speeds.
        let at = |ticks_per_cycle: f64| {
            let batch = || Batch {
                calls: (64.0 * 300.0 * ticks_per_cycle) as u64,
                chains: (2.0 * chain::CYCLES * ticks_per_cycle) as u64,
            };
            cost(vec![batch(), batch(), batch()]).unwrap()
        };
        for cost in [at(1.0), at(0.5)] {
            assert!((cost.median.0 - 300.0).abs() < 0.1, "{cost:?}");
            assert_eq!(cost.spread, 0.0);
        }
        assert_eq!(cost(vec![]), None);
    }

    #[test]
    fn a_call_costs_more_than_nothing() {
        let cpu = cpus::allowed()[0];
        assert!(measure(cpu).unwrap().median > CoreCycles(20.0));
    }
}
