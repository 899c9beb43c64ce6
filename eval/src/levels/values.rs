use std::collections::BTreeMap;

use contract::tsc_step;

use crate::log::Reading;
use crate::units::{CoreCycles, Ticks, core_cycles, cycles_per_tick};

/// A sample's clock has moved if its two chains differ by more than this share of the shorter:
/// less than the smallest step of a core's clock (100 MHz of 5 GHz), and more than a chain of
/// 12,288 cycles can lose to the counter's own step.
pub const CLOCK_MOVED: f64 = 0.01;

/// One boot's values of one benchmark, in the order in which they were taken, and the necessary
/// facts about their samples.
#[derive(Clone, Debug, Default)]
pub struct BootValues {
    values: Vec<f64>,
    /// Each round, and the index of its first value.
    rounds: Vec<(u32, usize)>,
    /// The indexes of samples whose clock moved; `None` if no sample has clock chains.
    clock_moved: Option<Vec<usize>>,
    /// TSC ticks of both clock chains around each sample that has them.
    chains: Vec<u64>,
    /// The alignment of each sample that has one.
    alignments: Vec<u8>,
    /// Greatest common divisor of all ticks, 0 if there are none.
    step: u64,
    /// The smallest number of operations by which ticks were divided, 0 if it is not known.
    ops: u64,
}

impl BootValues {
    pub(super) fn add(&mut self, round: u32, reading: Reading, value: f64) {
        let place = self.values.len();
        if self.rounds.last().is_none_or(|&(last, _)| last != round) {
            self.rounds.push((round, place));
        }
        self.values.push(value);
        match reading {
            Reading::ValueOnly => {}
            Reading::Batch { ops, ticks } => self.count(ops, [ticks, 0]),
            Reading::Slope {
                ops_n,
                ticks_n,
                ops_2n,
                ticks_2n,
                chain_before,
                chain_after,
                align,
            } => {
                self.count(ops_2n.saturating_sub(ops_n), [ticks_n, ticks_2n]);
                let moved = self.clock_moved.get_or_insert_default();
                if has_moved(chain_before, chain_after) {
                    moved.push(place);
                }
                self.chains.push(chain_before.saturating_add(chain_after));
                self.alignments.extend(u8::try_from(align));
            }
        }
    }

    /// Adds the values that were taken next.
    pub(super) fn append(&mut self, next: Self) {
        let place = self.values.len();
        let mut rounds = next.rounds.into_iter().peekable();
        let last = self.rounds.last().map(|&(round, _)| round);
        // The same round, in two parts.
        rounds.next_if(|&(round, _)| Some(round) == last);
        self.rounds
            .extend(rounds.map(|(round, start)| (round, place + start)));
        self.values.extend(next.values);
        if let Some(moved) = next.clock_moved {
            let moved = moved.into_iter().map(|index| place + index);
            self.clock_moved.get_or_insert_default().extend(moved);
        }
        self.chains.extend(next.chains);
        self.alignments.extend(next.alignments);
        self.step = tsc_step(self.step, next.step);
        self.ops = match (self.ops, next.ops) {
            (0, ops) | (ops, 0) => ops,
            (ours, theirs) => ours.min(theirs),
        };
    }

    fn count(&mut self, ops: u64, ticks: [u64; 2]) {
        for ticks in ticks {
            // One division for nearly every sample.
            if self.step == 0 || !ticks.is_multiple_of(self.step) {
                self.step = tsc_step(self.step, ticks);
            }
        }
        // An empty measurement is not divided.
        let ops = ops.max(1);
        self.ops = if self.ops == 0 {
            ops
        } else {
            self.ops.min(ops)
        };
    }

    /// The values, in TSC ticks for one operation.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values round by round. A round that was interrupted by another appears twice.
    pub fn rounds(&self) -> impl Iterator<Item = (u32, &[f64])> {
        let ends = self.rounds.iter().skip(1).map(|&(_, start)| start);
        let ends = ends.chain([self.values.len()]);
        let rounds = self.rounds.iter().zip(ends);
        rounds.filter_map(|(&(round, start), end)| Some((round, self.values.get(start..end)?)))
    }

    /// The indexes of samples whose clock moved ([`CLOCK_MOVED`]), ascending; `None` if no
    /// sample has clock chains.
    pub fn clock_moved(&self) -> Option<&[usize]> {
        self.clock_moved.as_deref()
    }

    /// The values in core cycles for one operation, each with the clock that the two chains
    /// around its sample show; a chain has `chain_ops` multiplications. `None` if a sample has
    /// no clock chains, as in the case of empty measurements.
    pub fn cycles(&self, chain_ops: u64) -> Option<Vec<f64>> {
        if self.chains.len() != self.values.len() {
            return None;
        }
        let both = chain_ops.checked_mul(2)?;
        let in_cycles = |(&value, &ticks): (&f64, &u64)| {
            let CoreCycles(cycles) = core_cycles(Ticks(value), cycles_per_tick(both, ticks)?);
            Some(cycles)
        };
        self.values
            .iter()
            .zip(&self.chains)
            .map(in_cycles)
            .collect()
    }

    /// The values by the alignment of their loops, in bytes from the start of a cache line;
    /// empty if a sample has no alignment.
    pub fn by_alignment(&self) -> BTreeMap<u8, Vec<f64>> {
        let mut groups: BTreeMap<u8, Vec<f64>> = BTreeMap::new();
        if self.alignments.len() == self.values.len() {
            for (&value, &alignment) in self.values.iter().zip(&self.alignments) {
                groups.entry(alignment).or_default().push(value);
            }
        }
        groups
    }

    /// The smallest difference of two values that the counter can show, as far as these samples
    /// reveal it: the greatest common divisor of their ticks, for one operation. 0 if no ticks
    /// are known.
    pub fn step(&self) -> f64 {
        match self.ops {
            0 => 0.0,
            ops => self.step as f64 / ops as f64,
        }
    }
}

fn has_moved(before: u64, after: u64) -> bool {
    before.abs_diff(after) as f64 > CLOCK_MOVED * before.min(after) as f64
}
