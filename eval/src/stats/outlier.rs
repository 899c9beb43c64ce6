//! Samples far from the others.

use super::Sorted;
use super::modes::Groups;

/// Beyond this modified z-score a value is an outlier (Iglewicz and Hoaglin, "How to
/// Detect and Handle Outliers", 1993).
pub const THRESHOLD: f64 = 3.5;

/// A mode that holds a smaller share of a boot's values is a group of outliers.
pub const MODE_SHARE: f64 = 0.1;

/// Makes the median absolute deviation of a normal distribution its standard deviation.
const SCALE: f64 = 0.6745;

/// What values around one typical value are compared with.
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

/// Where a boot's values lie that are no outliers: around its median, or around each of
/// its two modes.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// Ascending, apart from each other.
    ranges: Vec<[f64; 2]>,
}

impl Usual {
    /// Of values with those two modes, if both hold [`MODE_SHARE`], or with one. `None`
    /// where [`Scale`] has none: of two modes, around either.
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

    /// Whether a value is no outlier.
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
