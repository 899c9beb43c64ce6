//! The exact method: batches of n and 2n copies in t and 2t turns, on a machine whose counter
//! advances by one per instruction. Everything except the operation cancels.

use guest_bench::{Benchmarks, Options};

use crate::bodies::{self, TimedLoop};
use crate::disturbance::Watch;
use crate::precise::quad;
use crate::report::Turns;
use crate::rounds;
use crate::store::{Entry, Store};

/// Counts in all rounds, after a warm-up, and marks operations if requested.
pub fn measure(
    options: &Options,
    measured: Benchmarks,
    watch: &mut Option<Watch>,
    store: &mut Store,
) -> Turns {
    rounds::all(options, watch, store, |index, store| {
        round(index, options, measured, store);
    });
    for _ in 0..options.marks {
        bodies::each_marked(|benchmark, operation| {
            if measured.contains(benchmark) {
                operation();
            }
        });
    }
    Turns::default()
}

fn round(round: u64, options: &Options, measured: Benchmarks, store: &mut Store) {
    bodies::each_precise(|benchmark, n, twice| {
        for index in 0..if measured.contains(benchmark) {
            options.samples
        } else {
            0
        } {
            let batch = |timed: TimedLoop, turns, align| timed(turns, align);
            let quad = quad(benchmark, round, index, options.turns, [n, twice], batch);
            store.push(Entry::Quad(quad));
        }
    });
}
