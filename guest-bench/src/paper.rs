//! The original's method: one long loop a sample, an empty measurement beside it.

use contract::{Batch, Benchmark};
use guest_bench::Options;

use crate::bodies;
use crate::disturbance::Watch;
use crate::report::Turns;
use crate::rounds;
use crate::store::{Entry, Store};

/// Measures all rounds, a warm-up before them.
pub fn measure(
    options: &Options,
    answer: Benchmark,
    watch: &mut Option<Watch>,
    store: &mut Store,
) -> Turns {
    rounds::all(options, watch, store, |index, store| {
        round(index, options, answer, store);
    });
    Turns::none()
}

fn round(round: u64, options: &Options, answer: Benchmark, store: &mut Store) {
    let mut keep = |benchmark, ops, ticks| {
        store.push(Entry::Batch(Batch {
            benchmark,
            round,
            ops,
            ticks,
        }));
    };
    let n = options.iterations;
    // The original's order: tsc, scall, fcall.
    if options.tsc {
        keep(Benchmark::Tsc, 0, bodies::empty_paper());
    }
    if options.scall {
        keep(answer, n, bodies::scall_paper(n, 0));
    }
    if options.fcall {
        keep(Benchmark::Fcall, n, bodies::fcall_paper(n, 0));
    }
}
