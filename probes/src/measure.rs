//! Carries out watches: unwatched, loaded, watched, watched with statistics, unwatched.

use std::io::Read;

use contract::{
    Answer, Method, RefusedWatch, TimedOperation, Watch, WatchProgram, WatchRuns, WatchSite,
    WatchState, WatchedSlope,
};

use crate::attach::{Loaded, Statistics};
use crate::order::{self, Order, Wanted};
use crate::programs::assembled;
use crate::refusal::{Refusal, Step};
use crate::ring::Ring;
use crate::timed::{self, Body};

/// Operations in the smaller batch of the exact method: short enough that most batches end
/// before the next timer interrupt.
const EXACT_OPERATIONS: u64 = 32;
/// Operations for the comparison with the kernel's own count.
const COUNTED: u64 = 1000;
/// The most operations in a batch, so that a ring buffer holds both batches of a slope.
const MOST: u64 = Ring::ROOM / 4;

/// What one watch gave.
pub struct Found {
    /// What was watched and timed.
    pub watch: Watch,
    /// Every slope, in order of time.
    pub slopes: Vec<WatchedSlope>,
    /// How often its program ran, or why the watch was not carried out.
    pub outcome: Result<WatchRuns, String>,
}

/// System call 500 answered neither as ours nor as unknown.
#[derive(Debug, thiserror::Error)]
#[error("noop: another system call has its number")]
pub struct UnexpectedAnswer;

/// Carries out all watches, in a random order. The results are in the order
/// of time.
///
/// # Errors
///
/// [`UnexpectedAnswer`].
pub fn all(order: &Order) -> Result<(Answer, Vec<Found>), UnexpectedAnswer> {
    let answer = timed::noop_answer().ok_or(UnexpectedAnswer)?;
    let mut random = Random::seeded();
    let mut wanted: Vec<(u64, Wanted)> = (0..).zip(order.watches.iter().copied()).collect();
    random.shuffle(&mut wanted);
    let found = wanted.iter().map(|(number, wanted)| {
        let mut bench = Bench::new(*number, *wanted, answer, order);
        let outcome = bench.carry_out(&mut random);
        Found {
            watch: bench.watch,
            slopes: bench.slopes,
            outcome: outcome.map_err(|refusal| refusal.to_string()),
        }
    });
    Ok((answer, found.collect()))
}

impl Found {
    /// The refusal as a record, if it was refused.
    pub fn refused(&self, number: u64) -> Option<RefusedWatch<'_>> {
        let reason = self.outcome.as_ref().err()?;
        Some(RefusedWatch {
            watch: number,
            reason,
        })
    }
}

struct Bench {
    number: u64,
    watch: Watch,
    body: Body,
    operations: u64,
    batch_ticks: Option<u64>,
    samples: u64,
    statistics: order::Statistics,
    slopes: Vec<WatchedSlope>,
}

impl Bench {
    fn new(number: u64, wanted: Wanted, answer: Answer, order: &Order) -> Self {
        let operation = match (wanted.operation, answer) {
            (TimedOperation::Noop, Answer::Enosys) => TimedOperation::Enosys,
            (operation, _) => operation,
        };
        let states = WatchState::ALL.len() as u64;
        Self {
            number,
            watch: Watch {
                kind: wanted.kind,
                site: wanted.site,
                program: wanted.program,
                operation,
            },
            body: Body::new(operation, wanted.site),
            operations: EXACT_OPERATIONS,
            batch_ticks: (order.method == Method::Precise).then_some(order.batch_ticks),
            samples: order.samples,
            statistics: wanted.statistics,
            slopes: Vec::with_capacity((states * order.samples) as usize),
        }
    }

    fn carry_out(&mut self, random: &mut Random) -> Result<WatchRuns, Refusal> {
        self.calibrate();
        self.unwatched(WatchState::Before);
        let program = assembled(self.watch.program).map_err(Step::Map.failed())?;
        let ring = program.ring.as_ref();
        let loaded = Loaded::new(self.watch.kind, self.watch.site, &program)?;
        self.unwatched(WatchState::Idle);
        let attached = loaded.attach()?;
        self.watched(random, ring)?;
        let runs = self.counted(&loaded, ring)?;
        drop((attached, loaded, program));
        self.unwatched(WatchState::After);
        Ok(runs)
    }

    /// Finds how many operations a batch has to hold, which also warms everything up.
    fn calibrate(&mut self) {
        self.body.run(self.operations);
        let Some(wanted) = self.batch_ticks else {
            return;
        };
        self.operations = 1;
        while self.body.run(self.operations) < wanted / 2 && self.operations < MOST {
            self.operations *= 2;
        }
    }

    fn unwatched(&mut self, state: WatchState) {
        self.body.run(2 * self.operations);
        for _ in 0..self.samples {
            self.slope(state, None);
        }
    }

    /// With and without statistics, alternating.
    fn watched(&mut self, random: &mut Random, ring: Option<&Ring>) -> Result<(), Refusal> {
        let mut states = match self.statistics {
            order::Statistics::Off => vec![WatchState::Watched],
            order::Statistics::On => vec![WatchState::Statistics],
            order::Statistics::Both => vec![WatchState::Watched, WatchState::Statistics],
        };
        for _ in 0..self.samples {
            random.shuffle(&mut states);
            for &state in &states {
                let _on = match state {
                    WatchState::Statistics => Some(Statistics::on()?),
                    _ => None,
                };
                self.body.run(self.operations);
                drained(ring);
                self.slope(state, ring);
            }
        }
        Ok(())
    }

    fn slope(&mut self, state: WatchState, ring: Option<&Ring>) {
        let ops = self.operations;
        let (ticks_n, ticks_2n) = (self.body.run(ops), self.body.run(2 * ops));
        drained(ring);
        self.slopes.push(WatchedSlope {
            watch: self.number,
            state,
            ops,
            ticks_n,
            ticks_2n,
        });
    }

    /// Runs the operation so many times, and compares that with the kernel's count.
    fn counted(&self, loaded: &Loaded, ring: Option<&Ring>) -> Result<WatchRuns, Refusal> {
        let failed = Step::Statistics.failed();
        let _on = Statistics::on()?;
        drained(ring);
        let before = loaded.runs().map_err(&failed)?;
        self.body.run(COUNTED);
        let after = loaded.runs().map_err(&failed)?;
        let events = drained(ring);
        let reached = self.watch.site.is_reached_by(self.watch.operation);
        // A program at the entry of every system call also sees the second reading of its count.
        let own = u64::from(self.watch.site == WatchSite::SysEnter);
        let runs = after.runs.wrapping_sub(before.runs);
        Ok(WatchRuns {
            watch: self.number,
            expected: u64::from(reached) * COUNTED + own,
            runs,
            missed: after.missed.wrapping_sub(before.missed),
            // The first reading's own event is in the ring, but not in the difference.
            lost: match self.watch.program {
                WatchProgram::Ringbuf => (runs + own).saturating_sub(events),
                _ => 0,
            },
        })
    }
}

fn drained(ring: Option<&Ring>) -> u64 {
    ring.map_or(0, Ring::drain)
}

/// A generator of orders (Marsaglia, "Xorshift RNGs").
struct Random(u64);

impl Random {
    /// From the kernel's randomness; with a constant if it has none yet.
    fn seeded() -> Self {
        let mut seed = [0; 8];
        let read = std::fs::File::open("/dev/urandom").and_then(|mut file| {
            file.read_exact(&mut seed)
                .map(|()| u64::from_ne_bytes(seed))
        });
        Self(read.unwrap_or(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}
