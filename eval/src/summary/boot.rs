//! One boot, judged.

use super::BootMedian;
use crate::levels::Boot;
use crate::stats::outlier::Scale;
use crate::stats::{Sorted, StatsError};
use crate::units::Ticks;

/// One boot's values, and which of them are flagged.
pub(super) struct JudgedBoot<'a> {
    /// The boot.
    pub(super) boot: &'a Boot,
    /// Its values, ascending.
    pub(super) sorted: Sorted,
    /// What outliers are judged by; none where nothing is near or far.
    scale: Option<Scale>,
    /// Its line in the summary.
    pub(super) line: BootMedian,
}

impl<'a> JudgedBoot<'a> {
    pub(super) fn new(number: u32, position: u32, boot: &'a Boot) -> Result<Self, StatsError> {
        let sorted = Sorted::new(boot.values().to_vec())?;
        let scale = Scale::new(&sorted, boot.step());
        let outliers = |scale: Scale| {
            let [low, high] = scale.bounds();
            (sorted.below(low) + sorted.above(high)) as u64
        };
        let line = BootMedian {
            boot: number,
            position,
            samples: boot.values().len() as u64,
            median: Ticks(sorted.median()),
            q1: Ticks(sorted.q1()),
            q3: Ticks(sorted.q3()),
            clock_moved: boot.clock_moved().map(|moved| moved.len() as u64),
            outliers: scale.map(outliers),
        };
        Ok(Self {
            boot,
            sorted,
            scale,
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
        let [low, high] = self
            .scale
            .map_or([f64::NEG_INFINITY, f64::INFINITY], |s| s.bounds());
        let values = self.boot.values().iter().enumerate();
        values
            .filter(|&(place, &value)| {
                moved.next_if_eq(&&place).is_none() && low <= value && value <= high
            })
            .map(|(_, &value)| value)
            .collect()
    }
}
