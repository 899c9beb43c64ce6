//! The precise method: short fenced batches of n and 2n copies; their difference
//! is the cost of n copies, free of the loop's and the measurement's own cost.

use console_format::{Benchmark, Slope};
use guest_bench::Options;

use crate::bodies::{self, COPIES, TimedLoop};
use crate::report::Turns;
use crate::store::{Sample, Store};

/// Measures all rounds, a warm-up before them.
pub fn measure(options: &Options, answer: Benchmark, store: &mut Store) -> Turns {
    let turns = Turns {
        scall: options
            .scall
            .then(|| calibrate(bodies::scall_n, options.batch_ticks)),
        fcall: options
            .fcall
            .then(|| calibrate(bodies::fcall_n, options.batch_ticks)),
    };
    if options.warmup {
        round(0, options, answer, &turns, store);
        store.clear();
    }
    for index in 0..options.rounds {
        round(index, options, answer, &turns, store);
    }
    turns
}

fn round(round: u64, options: &Options, answer: Benchmark, turns: &Turns, store: &mut Store) {
    if options.tsc {
        for _ in 0..options.samples {
            store.push(empty_sample(round));
        }
    }
    if let Some(turns) = turns.scall {
        for index in 0..options.samples {
            store.push(sample(
                answer,
                round,
                index,
                turns,
                bodies::scall_n,
                bodies::scall_2n,
            ));
        }
    }
    if let Some(turns) = turns.fcall {
        let benchmark = Benchmark::Fcall;
        for index in 0..options.samples {
            store.push(sample(
                benchmark,
                round,
                index,
                turns,
                bodies::fcall_n,
                bodies::fcall_2n,
            ));
        }
    }
}

#[inline(always)]
fn sample(
    benchmark: Benchmark,
    round: u64,
    index: u64,
    turns: u64,
    n: TimedLoop,
    twice: TimedLoop,
) -> Sample {
    let chain_before = bodies::clock_chain();
    // Whatever the first batch leaves behind for the second, it leaves to both in turn.
    let (ticks_n, ticks_2n) = if index.is_multiple_of(2) {
        let first = n(turns);
        (first, twice(turns))
    } else {
        let first = twice(turns);
        (n(turns), first)
    };
    let chain_after = bodies::clock_chain();
    Sample::Slope(Slope {
        benchmark,
        round,
        ops_n: turns.wrapping_mul(COPIES),
        ticks_n,
        ops_2n: turns.wrapping_mul(2 * COPIES),
        ticks_2n,
        chain_before,
        chain_after,
    })
}

fn empty_sample(round: u64) -> Sample {
    Sample::Slope(Slope {
        benchmark: Benchmark::Tsc,
        round,
        ops_n: 0,
        ticks_n: bodies::empty_precise(),
        ops_2n: 0,
        ticks_2n: 0,
        chain_before: 0,
        chain_after: 0,
    })
}

/// How many turns take about so many ticks.
fn calibrate(n: TimedLoop, batch_ticks: u64) -> u64 {
    // The doublings also warm caches and predictors up.
    let mut turns = 1;
    loop {
        // The shortest of three: an interrupt makes a batch longer, never shorter.
        let ticks = n(turns).min(n(turns)).min(n(turns)).max(1);
        if ticks >= batch_ticks / 2 {
            return (turns.saturating_mul(batch_ticks) / ticks).max(1);
        }
        turns *= 2;
    }
}
