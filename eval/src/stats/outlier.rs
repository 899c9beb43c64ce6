//! Samples far from the others.

use super::Sorted;

/// Beyond this modified z-score a value is an outlier (Iglewicz and Hoaglin, "How to
/// Detect and Handle Outliers", 1993).
pub const THRESHOLD: f64 = 3.5;

/// Makes the median absolute deviation of a normal distribution its standard deviation.
const SCALE: f64 = 0.6745;

/// What values of one boot are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Their median.
    pub median: f64,
    /// Their median absolute deviation, or the counter's step where that is greater: a
    /// counter cannot show less, and without this most values of a quiet boot that are not
    /// the very median would be outliers.
    pub deviation: f64,
}

impl Scale {
    /// The scale of some values; `step` is the counter's step for one operation, 0 where it
    /// is not known. `None` where the deviation is 0: nothing is near or far then.
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

    /// The values whose score is just [`THRESHOLD`] on either side; beyond are outliers.
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
