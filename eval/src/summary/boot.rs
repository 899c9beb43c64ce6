//! One boot with its flags.

use std::collections::BTreeMap;

use super::BootMedian;
use crate::levels::BootValues;
use crate::stats::modes::{Groups, groups};
use crate::stats::outlier::Usual;
use crate::stats::{Sorted, StatsError, median_of};
use crate::units::{CoreCycles, Ticks};

/// One boot's values, and the flagged ones among them.
pub(super) struct JudgedBoot<'a> {
    /// The boot.
    pub(super) boot: &'a BootValues,
    /// Its values in core cycles, in any order; `None` if the core's clock is not known.
    pub(super) cycles: Option<Vec<f64>>,
    /// The two closest groups of its values.
    pub(super) groups: Option<Groups>,
    /// The median in ticks at each alignment.
    pub(super) alignments: BTreeMap<u8, f64>,
    /// Values outside are outliers; `None` if nothing is near or far.
    usual: Option<Usual>,
    /// Its line in the summary.
    pub(super) line: BootMedian,
}

impl<'a> JudgedBoot<'a> {
    /// `chain_ops` is the number of multiplications in a clock chain, if the chains can be
    /// trusted.
    pub(super) fn new(
        number: u32,
        position: u32,
        boot: &'a BootValues,
        chain_ops: Option<u64>,
    ) -> Result<Self, StatsError> {
        let sorted = Sorted::new(boot.values().to_vec())?;
        let groups = groups(&sorted, boot.step());
        let modes = groups.as_ref().filter(|groups| groups.are_modes());
        let usual = Usual::new(&sorted, boot.step(), modes);
        let mut cycles = chain_ops.and_then(|ops| boot.cycles(ops));
        let aligned = boot.by_alignment().into_iter();
        let aligned = aligned.map(|(align, mut values)| (align, median_of(&mut values)));
        let line = BootMedian {
            boot: number,
            position,
            samples: boot.values().len() as u64,
            median: Ticks(sorted.median()),
            q1: Ticks(sorted.q1()),
            q3: Ticks(sorted.q3()),
            median_cycles: cycles.as_mut().map(|values| CoreCycles(median_of(values))),
            clock_moved: boot.clock_moved().map(|moved| moved.len() as u64),
            outliers: usual.as_ref().map(|usual| usual.outliers(&sorted) as u64),
        };
        Ok(Self {
            boot,
            cycles,
            groups,
            alignments: aligned.collect(),
            usual,
            line,
        })
    }

    pub(super) fn is_flagged(&self) -> bool {
        self.line.clock_moved.unwrap_or(0) + self.line.outliers.unwrap_or(0) > 0
    }

    /// The values of samples that are not flagged.
    pub(super) fn unflagged(&self) -> Vec<f64> {
        let mut moved = self
            .boot
            .clock_moved()
            .unwrap_or_default()
            .iter()
            .peekable();
        let is_usual = |value| self.usual.as_ref().is_none_or(|usual| usual.holds(value));
        let values = self.boot.values().iter().enumerate();
        values
            .filter(|&(place, &value)| moved.next_if_eq(&&place).is_none() && is_usual(value))
            .map(|(_, &value)| value)
            .collect()
    }
}
