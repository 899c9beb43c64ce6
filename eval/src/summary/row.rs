use contract::Benchmark;
use serde::{Deserialize, Serialize};

use crate::stats::{Interval, OrderInterval};
use crate::units::{CoreCycles, Nanoseconds, Ticks};

/// One benchmark on one target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was timed.
    #[serde(with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// How many samples.
    pub samples: u64,
    /// The number of boots.
    pub boots: u32,
    /// The figures in TSC ticks.
    pub ticks: Figures<Ticks>,
    /// The same in nanoseconds, if the counter's frequency is known.
    pub ns: Option<Figures<Nanoseconds>>,
    /// 95 % interval of the median of boot medians; `None` if there are too few boots.
    pub interval: Option<Interval<Ticks>>,
    /// The same by order statistics, without resampling, as a check.
    pub order_interval: Option<OrderInterval<Ticks>>,
    /// Interquartile range of the boot medians, divided by their median; `None` for a single
    /// boot, and if the median is not above zero.
    pub spread: Option<f64>,
    /// The same in cycles at the core's own clock; `None` if no clock chains measure it.
    pub cycles: Option<InCycles>,
    /// Each boot's median, in order of time.
    pub boot_medians: Vec<BootMedian>,
    /// Whether values rise or fall with time.
    pub drift: Drift,
    /// Samples during which the core's clock changed; `None` if the method has no clock chains.
    pub clock_moved: Option<u64>,
    /// Samples far from their boot's median, or from both of its modes if it has two; `None` if
    /// the median absolute deviation is 0.
    pub outliers: Option<u64>,
    /// All of it again without the samples whose clock moved and without outliers; `None` if
    /// nothing is left.
    pub without_flagged: Option<View>,
    /// Whether there is more than one typical value.
    pub modes: Modes,
    /// The medians by alignment of the loops; `None` if fewer than two alignments are known, or
    /// there are too few boots.
    pub alignments: Option<Alignments>,
    /// Relative to the reference target; `None` for the reference itself, and without a
    /// reference.
    pub ratio: Option<Ratio>,
    /// Notes on these numbers, one sentence each.
    pub findings: Vec<String>,
}

impl Row {
    /// The boots' medians in TSC ticks, in order of time.
    pub fn medians(&self) -> Vec<f64> {
        self.boot_medians.iter().map(|boot| boot.median.0).collect()
    }

    /// The same in core cycles; `None` if a boot has none.
    pub fn medians_in_cycles(&self) -> Option<Vec<f64>> {
        let cycles = |boot: &BootMedian| Some(boot.median_cycles?.0);
        self.boot_medians.iter().map(cycles).collect()
    }
}

/// A row in core cycles, which changes of the core's clock from boot to boot do not affect.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InCycles {
    /// The figures.
    pub figures: Figures<CoreCycles>,
    /// 95 % interval of the median of boot medians; `None` if there are too few boots.
    pub interval: Option<Interval<CoreCycles>>,
    /// As in [`Row`].
    pub spread: Option<f64>,
    /// Relative to the same reference as in ticks; `None` if that has no core cycles.
    pub ratio: Option<Ratio>,
}

/// Statistics in one unit.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures<U> {
    /// Mean of all samples.
    pub mean: U,
    /// Median of all samples.
    pub median: U,
    /// First quartile of all samples.
    pub q1: U,
    /// Third quartile of all samples.
    pub q3: U,
    /// Median over the boots of each boot's median, which counts each boot once, however many
    /// samples it gave.
    pub median_of_boot_medians: U,
}

impl<U> Figures<U> {
    /// The same figures in another unit.
    pub fn map<V>(self, unit: impl Fn(U) -> V) -> Figures<V> {
        Figures {
            mean: unit(self.mean),
            median: unit(self.median),
            q1: unit(self.q1),
            q3: unit(self.q3),
            median_of_boot_medians: unit(self.median_of_boot_medians),
        }
    }
}

/// The figures of some of the samples.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// How many samples.
    pub samples: u64,
    /// The number of boots.
    pub boots: u32,
    /// The figures in TSC ticks.
    pub ticks: Figures<Ticks>,
    /// The same in nanoseconds, if the counter's frequency is known.
    pub ns: Option<Figures<Nanoseconds>>,
    /// 95 % interval of the median of boot medians.
    pub interval: Option<Interval<Ticks>>,
}

/// The results of one boot.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootMedian {
    /// Which boot of the target, from 0.
    pub boot: u32,
    /// Its place in the run, from 0, in order of time.
    pub position: u32,
    /// How many samples.
    pub samples: u64,
    /// Their median.
    pub median: Ticks,
    /// Their first quartile.
    pub q1: Ticks,
    /// Their third quartile.
    pub q3: Ticks,
    /// Their median in core cycles, if its clock chains measure the core's clock.
    pub median_cycles: Option<CoreCycles>,
    /// As in [`Row`].
    pub clock_moved: Option<u64>,
    /// As in [`Row`].
    pub outliers: Option<u64>,
}

/// Whether values rise or fall with time.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Of the boots' medians, from the first boot to the last.
    pub run: Trend,
    /// Of the rounds' medians within the boots, from the first round to the last.
    pub rounds: Trend,
}

/// A monotonic change.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// The result of the test.
    pub verdict: TrendVerdict,
    /// The change from first to last by the median slope, relative to the median: 0.01 means 1
    /// % more.
    pub change: Option<f64>,
    /// Probability of such an order without a trend (two-sided).
    pub p: Option<f64>,
}

/// The result of a test for a trend.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrendVerdict {
    /// Values rise.
    Rising,
    /// Values fall.
    Falling,
    /// No trend was seen.
    NoneSeen,
    /// There are too few boots or rounds for an answer.
    CannotTell,
}

/// Whether there is more than one typical value.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    /// Among the boots' medians: differences between boots, for example in memory layout.
    pub boots: ModeTest,
    /// Among the samples within each boot.
    pub samples: SampleModes,
}

/// Whether some values have two modes.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeTest {
    /// The result of the test.
    pub verdict: ModeVerdict,
    /// Probability of such a dip if there is one mode.
    pub p: Option<f64>,
    /// The two modes if there are two, the lower one first.
    pub modes: Vec<Mode>,
}

/// Whether samples have two modes, boot by boot.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleModes {
    /// Two if at least half of the boots have two.
    pub verdict: ModeVerdict,
    /// Boots with enough samples for an answer.
    pub boots_tested: u32,
    /// Boots with two modes.
    pub boots_with_two: u32,
    /// The two modes of the boot with the deepest dip, the lower one first; empty if no boot
    /// has two.
    pub modes: Vec<Mode>,
}

/// The result of a test for two modes.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeVerdict {
    /// The evidence does not rule out a single mode.
    One,
    /// There are at least two.
    Two,
    /// There are too few values for an answer.
    CannotTell,
}

/// A typical value.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// The median of the values around it.
    pub at: Ticks,
    /// Their share of all values.
    pub share: f64,
}

/// A row's medians by the alignment of its loops.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alignments {
    /// Probability of such differences if the alignment does not matter (Friedman's test, with
    /// a boot as a block).
    pub p: f64,
    /// One for each alignment, ascending.
    pub medians: Vec<AlignedMedian>,
}

/// The cost of a benchmark at one alignment.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignedMedian {
    /// Offset of the loops' bodies from the start of a cache line, in bytes.
    pub align: u8,
    /// The median over the boots of each boot's median at this alignment.
    pub median_of_boot_medians: Ticks,
}

/// A target's median of boot medians divided by the reference target's.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The reference target's name: the first in the experiment with this benchmark, by the
    /// same method, and also real or also emulated.
    pub reference: String,
    /// The ratio.
    pub ratio: f64,
    /// Its 95 % interval, from boots drawn on both sides; `None` if there are too few.
    pub interval: Option<Interval<f64>>,
}
