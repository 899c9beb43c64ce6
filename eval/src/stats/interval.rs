use serde::{Deserialize, Serialize};

/// A bootstrap interval, with everything that is needed to recompute it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval<U> {
    /// The lower end.
    pub low: U,
    /// The upper end.
    pub high: U,
    /// Its target coverage: 0.95.
    pub level: f64,
    /// How the ends were taken from the resamples.
    pub method: BootstrapMethod,
    /// The number of resamples.
    pub resamples: u32,
    /// Seed of the generator that drew them.
    pub seed: u64,
}

/// How the ends of an interval are computed from the resamples' statistics.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapMethod {
    /// Bias-corrected and accelerated (Efron, "Better Bootstrap Confidence Intervals", 1987).
    Bca,
    /// The plain quantiles, if BCa does not give an answer: all resamples gave the same value,
    /// or all are on one side of the estimate.
    Percentile,
}

impl<U> Interval<U> {
    /// The same interval in another unit.
    pub fn map<V>(self, unit: impl Fn(U) -> V) -> Interval<V> {
        Interval {
            low: unit(self.low),
            high: unit(self.high),
            level: self.level,
            method: self.method,
            resamples: self.resamples,
            seed: self.seed,
        }
    }
}

/// An interval between two order statistics. It needs no resampling and holds for every
/// distribution, and so checks the other one.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderInterval<U> {
    /// The lower end.
    pub low: U,
    /// The upper end.
    pub high: U,
    /// Its actual coverage, at least 0.95.
    pub level: f64,
}

impl<U> OrderInterval<U> {
    /// The same interval in another unit.
    pub fn map<V>(self, unit: impl Fn(U) -> V) -> OrderInterval<V> {
        OrderInterval {
            low: unit(self.low),
            high: unit(self.high),
            level: self.level,
        }
    }
}
