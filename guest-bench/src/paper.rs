//! The original's method: one long loop per sample, with an empty measurement in each round.

use contract::{Batch, Benchmark};
use guest_bench::{Benchmarks, Options};

use crate::bodies;
use crate::disturbance::Watch;
use crate::report::Turns;
use crate::rounds;
use crate::store::{Entry, Store};

/// Measures all rounds, after a warm-up.
pub fn measure(
    options: &Options,
    measured: Benchmarks,
    watch: &mut Option<Watch>,
    store: &mut Store,
) -> Turns {
    rounds::all(options, watch, store, |index, store| {
        round(index, options, measured, store);
    });
    Turns::default()
}

fn round(round: u64, options: &Options, measured: Benchmarks, store: &mut Store) {
    let mut keep = |benchmark, ops, ticks| {
        store.push(Entry::Batch(Batch {
            benchmark,
            round,
            ops,
            ticks,
        }));
    };
    // The original's order: tsc, scall, fcall.
    if measured.contains(Benchmark::Tsc) {
        keep(Benchmark::Tsc, 0, bodies::empty_paper());
    }
    let n = options.iterations;
    bodies::each_paper(|benchmark, timed| {
        if measured.contains(benchmark) {
            keep(benchmark, n, timed(n, 0));
        }
    });
}
