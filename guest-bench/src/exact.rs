//! The exact method: batches of n and 2n copies in t and 2t turns, on a machine whose
//! counter advances by one an instruction. All that is not the operation cancels.

use contract::Benchmark;
use guest_bench::Options;

use crate::bodies;
use crate::disturbance::Watch;
use crate::precise::quad;
use crate::report::Turns;
use crate::rounds;
use crate::store::{Entry, Store};

/// Counts in all rounds, a warm-up before them, and marks operations where that is asked for.
pub fn measure(
    options: &Options,
    answer: Benchmark,
    watch: &mut Option<Watch>,
    store: &mut Store,
) -> Turns {
    rounds::all(options, watch, store, |index, store| {
        round(index, options, answer, store);
    });
    for _ in 0..options.marks {
        mark(options, answer);
    }
    Turns::none()
}

fn round(round: u64, options: &Options, answer: Benchmark, store: &mut Store) {
    let mut quads = |wanted: bool, benchmark, n, twice| {
        for index in 0..if wanted { options.samples } else { 0 } {
            let quad = quad(benchmark, round, index, options.turns, n, twice);
            store.push(Entry::Quad(quad));
        }
    };
    quads(options.scall, answer, bodies::scall_n, bodies::scall_2n);
    quads(
        options.fcall,
        Benchmark::Fcall,
        bodies::fcall_n,
        bodies::fcall_2n,
    );
    quads(
        options.fcall_chain,
        Benchmark::FcallChain,
        bodies::fcall_chain_n,
        bodies::fcall_chain_2n,
    );
}

fn mark(options: &Options, answer: Benchmark) {
    if options.scall {
        match answer {
            Benchmark::Enosys => bodies::enosys_marked(),
            _ => bodies::scall_marked(),
        }
    }
    if options.fcall {
        bodies::fcall_marked();
    }
    if options.fcall_chain {
        bodies::fcall_chain_marked();
    }
}
