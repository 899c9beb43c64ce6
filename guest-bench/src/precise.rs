//! The precise method: short fenced batches of n and 2n copies. Their difference is the cost of
//! n copies, without the cost of the loop and of the measurement itself.

use contract::{Benchmark, Clock, Quad, Slope};
use guest_bench::{Benchmarks, Options};

use crate::bodies::{self, ALIGNMENT_STEP, ALIGNMENTS, COPIES, TimedLoop};
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
    let half = options.batch_ticks.div_ceil(2);
    let mut turns = Turns::default();
    bodies::each_precise(|benchmark, n, _| {
        if measured.contains(benchmark) {
            turns.set(benchmark, calibrate(n, half));
        }
    });
    rounds::all(options, watch, store, |index, store| {
        round(index, options, measured, &turns, store);
    });
    turns
}

fn round(round: u64, options: &Options, measured: Benchmarks, turns: &Turns, store: &mut Store) {
    if measured.contains(Benchmark::Tsc) {
        for _ in 0..options.samples {
            store.push(Entry::Slope(empty_sample(round)));
        }
    }
    bodies::each_precise(|benchmark, n, twice| {
        let Some(turns) = turns.of(benchmark) else {
            return;
        };
        for index in 0..options.samples {
            store.push(Entry::Slope(sample(
                benchmark, round, index, turns, n, twice,
            )));
        }
        // Whether cost is proportional to copies and to turns, as the slope assumes.
        let batch = |timed: TimedLoop, turns, align| batch(benchmark, timed, turns, align);
        let quad = quad(benchmark, round, 0, turns, [n, twice], batch);
        store.push(Entry::Quad(quad));
    });
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
    let batch = |timed: TimedLoop| batch(benchmark, timed, turns, align);
    // Each batch in two halves, in mirrored order: anything that grows from loop to loop, or
    // comes with every other loop, affects both batches equally.
    let (ticks_n, ticks_2n) = if index.is_multiple_of(2) {
        mirrored(batch, n, twice)
    } else {
        let (ticks_2n, ticks_n) = mirrored(batch, twice, n);
        (ticks_n, ticks_2n)
    };
    let chain_after = bodies::clock_chain();
    Slope {
        benchmark,
        round,
        align,
        ops_n: turns.wrapping_mul(2 * COPIES),
        ticks_n,
        ops_2n: turns.wrapping_mul(4 * COPIES),
        ticks_2n,
        chain_before,
        chain_after,
    }
}

#[inline(always)]
fn batch(benchmark: Benchmark, timed: TimedLoop, turns: u64, align: u64) -> u64 {
    if benchmark.system_call().is_some() {
        // Kernels have branches to predict, and boots differed by what was learned first.
        bodies::shake_predictors();
    }
    timed(turns, align)
}

/// The four batches of one [`Quad`], with the loops of n and 2n copies; `batch` runs one of
/// them for so many turns at that alignment.
#[inline(always)]
pub fn quad(
    benchmark: Benchmark,
    round: u64,
    index: u64,
    turns: u64,
    [n, twice]: [TimedLoop; 2],
    batch: impl Fn(TimedLoop, u64, u64) -> u64,
) -> Quad {
    let align = index % ALIGNMENTS * ALIGNMENT_STEP;
    let batch = |timed: TimedLoop, turns: u64| batch(timed, turns, align);
    Quad {
        benchmark,
        round,
        align,
        copies: COPIES,
        turns,
        ticks_n_t: batch(n, turns),
        ticks_n_2t: batch(n, turns.wrapping_mul(2)),
        ticks_2n_t: batch(twice, turns),
        ticks_2n_2t: batch(twice, turns.wrapping_mul(2)),
    }
}

/// Outer, inner, inner, outer: the ticks of both outer loops, and of both inner ones.
#[inline(always)]
fn mirrored(batch: impl Fn(TimedLoop) -> u64, outer: TimedLoop, inner: TimedLoop) -> (u64, u64) {
    let outer_first = batch(outer);
    let inner_first = batch(inner);
    let inner_again = batch(inner);
    let outer_again = batch(outer);
    (
        outer_first.wrapping_add(outer_again),
        inner_first.wrapping_add(inner_again),
    )
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

/// However expensive an operation is: in a single turn the loop's branch would never be taken,
/// and the batch would consist only of a first turn with cold caches.
const FEWEST_TURNS: u64 = 4;

/// How many turns take about so many ticks.
fn calibrate(n: TimedLoop, wanted: u64) -> u64 {
    // Doubling the turns also warms up caches and predictors.
    let mut turns = 1;
    loop {
        // The shortest of three: an interrupt makes a batch longer, never shorter.
        let ticks = n(turns, 0).min(n(turns, 0)).min(n(turns, 0)).max(1);
        if ticks >= wanted / 2 {
            return (turns.saturating_mul(wanted) / ticks).max(FEWEST_TURNS);
        }
        turns *= 2;
    }
}
