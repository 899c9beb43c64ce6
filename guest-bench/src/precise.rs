//! The precise method: short fenced batches of n and 2n copies; their difference
//! is the cost of n copies, free of the loop's and the measurement's own cost.

use console_format::{Benchmark, Clock, Slope};
use guest_bench::Options;

use crate::bodies::{self, ALIGNMENT_STEP, ALIGNMENTS, COPIES, TimedLoop};
use crate::disturbance::Watch;
use crate::report::Turns;
use crate::store::{Entry, Store};

/// Measures all rounds, a warm-up before them.
pub fn measure(
    options: &Options,
    answer: Benchmark,
    watch: &mut Option<Watch>,
    store: &mut Store,
) -> Turns {
    let turns = |wanted: bool, n: TimedLoop| wanted.then(|| calibrate(n, options.batch_ticks));
    let turns = Turns {
        scall: turns(options.scall, bodies::scall_n),
        fcall: turns(options.fcall, bodies::fcall_n),
        fcall_chain: turns(options.fcall_chain, bodies::fcall_chain_n),
    };
    if options.warmup {
        round(0, options, answer, &turns, store);
        store.clear();
    }
    for index in 0..options.rounds {
        Watch::around(watch, index, store, |store| {
            round(index, options, answer, &turns, store);
        });
    }
    turns
}

fn round(round: u64, options: &Options, answer: Benchmark, turns: &Turns, store: &mut Store) {
    if options.tsc {
        for _ in 0..options.samples {
            store.push(Entry::Slope(empty_sample(round)));
        }
    }
    let mut slopes = |benchmark, turns: Option<u64>, n: TimedLoop, twice: TimedLoop| {
        let Some(turns) = turns else { return };
        for index in 0..options.samples {
            store.push(Entry::Slope(sample(
                benchmark, round, index, turns, n, twice,
            )));
        }
    };
    slopes(answer, turns.scall, bodies::scall_n, bodies::scall_2n);
    slopes(
        Benchmark::Fcall,
        turns.fcall,
        bodies::fcall_n,
        bodies::fcall_2n,
    );
    slopes(
        Benchmark::FcallChain,
        turns.fcall_chain,
        bodies::fcall_chain_n,
        bodies::fcall_chain_2n,
    );
    store.push(Entry::Clock(Clock {
        round,
        imul_ticks: bodies::clock_chain(),
        add_ticks: bodies::addition_chain(),
    }));
}

#[inline(always)]
fn sample(
    benchmark: Benchmark,
    round: u64,
    index: u64,
    turns: u64,
    n: TimedLoop,
    twice: TimedLoop,
) -> Slope {
    // Every alignment comes in both orders before it comes again.
    let align = index / 2 % ALIGNMENTS * ALIGNMENT_STEP;
    let chain_before = bodies::clock_chain();
    // Whatever the first batch leaves behind for the second, it leaves to both in turn.
    let (ticks_n, ticks_2n) = if index.is_multiple_of(2) {
        let first = n(turns, align);
        (first, twice(turns, align))
    } else {
        let first = twice(turns, align);
        (n(turns, align), first)
    };
    let chain_after = bodies::clock_chain();
    Slope {
        benchmark,
        round,
        align,
        ops_n: turns.wrapping_mul(COPIES),
        ticks_n,
        ops_2n: turns.wrapping_mul(2 * COPIES),
        ticks_2n,
        chain_before,
        chain_after,
    }
}

fn empty_sample(round: u64) -> Slope {
    Slope {
        benchmark: Benchmark::Tsc,
        round,
        align: 0,
        ops_n: 0,
        ticks_n: bodies::empty_precise(),
        ops_2n: 0,
        ticks_2n: 0,
        chain_before: 0,
        chain_after: 0,
    }
}

/// How many turns take about so many ticks.
fn calibrate(n: TimedLoop, batch_ticks: u64) -> u64 {
    // The doublings also warm caches and predictors up.
    let mut turns = 1;
    loop {
        // The shortest of three: an interrupt makes a batch longer, never shorter.
        let ticks = n(turns, 0).min(n(turns, 0)).min(n(turns, 0)).max(1);
        if ticks >= batch_ticks / 2 {
            return (turns.saturating_mul(batch_ticks) / ticks).max(1);
        }
        turns *= 2;
    }
}
