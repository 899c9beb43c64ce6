//! Samples far from the others.

use super::Sorted;
use super::modes::Groups;

/// A value with a modified z-score beyond this is an outlier (Iglewicz and Hoaglin, "How to
/// Detect and Handle Outliers", 1993).
pub const THRESHOLD: f64 = 3.5;

/// A mode with a smaller share of a boot's values is a group of outliers.
pub const MODE_SHARE: f64 = 0.1;

/// Turns the median absolute deviation of a normal distribution into its standard deviation.
const SCALE: f64 = 0.6745;

/// The scale with which values around one typical value are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Their median.
    pub median: f64,
    /// Their median absolute deviation, or the counter's step if that is greater: a counter
    /// cannot resolve less, and without this, most values of a quiet boot that differ from the
    /// median would be outliers.
    pub deviation: f64,
}

impl Scale {
    /// The scale of some values; `step` is the counter's step for one operation, 0 if it is not
    /// known. `None` if the deviation is 0: then nothing is near or far.
    pub fn new(sorted: &Sorted, step: f64) -> Option<Self> {
        let deviation = deviation(sorted).max(step);
        (deviation > 0.0).then(|| Self {
            median: sorted.median(),
            deviation,
        })
    }

    /// The modified z-score: 0.6745 · (x − median) ÷ deviation.
    pub fn score(&self, value: f64) -> f64 {
        SCALE * (value - self.median) / self.deviation
    }

    /// The values whose score is exactly [`THRESHOLD`] on either side; values beyond are
    /// outliers.
    pub fn bounds(&self) -> [f64; 2] {
        let distance = THRESHOLD * self.deviation / SCALE;
        [self.median - distance, self.median + distance]
    }
}

/// The median absolute deviation from the median.
pub fn deviation(sorted: &Sorted) -> f64 {
    let median = sorted.median();
    let mut distances: Vec<f64> = sorted.values().iter().map(|v| (v - median).abs()).collect();
    super::median_of(&mut distances)
}

/// The range of a boot's values that are not outliers: around its median, or around each of its
/// two modes.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// Ascending and disjoint.
    ranges: Vec<[f64; 2]>,
}

impl Usual {
    /// For values with those two modes, if both have [`MODE_SHARE`], or with one. `None` if
    /// there is no [`Scale`], in the case of two modes for either.
    pub fn new(sorted: &Sorted, step: f64, modes: Option<&Groups>) -> Option<Self> {
        let modes = modes.filter(|m| m.low.1.min(m.high.1) >= MODE_SHARE);
        let Some(modes) = modes else {
            let ranges = vec![Scale::new(sorted, step)?.bounds()];
            return Some(Self { ranges });
        };
        let (low, high) = sorted.values().split_at(sorted.below(modes.boundary));
        let around = |values: &[f64]| {
            let values = Sorted::new(values.to_vec()).ok()?;
            Some(Scale::new(&values, step)?.bounds())
        };
        let [[from, low_end], [high_begin, to]] = [around(low)?, around(high)?];
        let ranges = if low_end < high_begin {
            vec![[from, low_end], [high_begin, to]]
        } else {
            vec![[from.min(high_begin), to.max(low_end)]]
        };
        Some(Self { ranges })
    }

    /// Whether a value is not an outlier.
    pub fn holds(&self, value: f64) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|[from, to]| (from..=to).contains(&&value))
    }

    /// How many of the values are outliers.
    pub fn outliers(&self, sorted: &Sorted) -> usize {
        let within =
            |&[from, to]: &[f64; 2]| sorted.values().len() - sorted.below(from) - sorted.above(to);
        sorted.values().len() - self.ranges.iter().map(within).sum::<usize>()
    }
}
