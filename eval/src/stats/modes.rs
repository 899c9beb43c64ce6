//! One typical value, or two?
//!
//! The test needs neither a kernel nor a bandwidth. The values are split into the two groups
//! that are closest around their means; m and M are the groups' medians, d their distance.
//! Three windows of width d/2 are compared: around m, in the valley between, and around M. If
//! the density had one mode, the valley could not contain fewer values than both of the other
//! windows: it would rise towards the mode from at least one side. So the valley is compared
//! with the window on its left and with the one on its right, each by the binomial test of
//! equal shares, and only if both are rejected are there two modes. (The larger of the two
//! p-values is that of the whole: an intersection-union test, Berger, 1982.)
//!
//! The windows depend on the values, so p is only approximate; [`ALPHA`] is strict enough to
//! make up for that. Tests try it on uniform, normal and skewed values of many sizes.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::Sorted;
use super::random::SplitMix64;

/// Below this p there are two modes.
pub const ALPHA: f64 = 0.001;

/// Fewer values than this give no answer: a p below [`ALPHA`] needs ten in each group.
pub const MIN_VALUES: usize = 20;

/// The smallest distance of two modes, relative to the median; less would not matter to
/// anybody.
pub const MIN_DISTANCE: f64 = 0.005;

/// Two groups of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Groups {
    /// Approximate probability of such a valley if there is one mode.
    pub p: f64,
    /// The start of the upper group.
    pub boundary: f64,
    /// The lower group's median, and its share of the values.
    pub low: (f64, f64),
    /// The upper group's.
    pub high: (f64, f64),
}

impl Groups {
    /// Whether the groups are two modes.
    pub fn are_modes(&self) -> bool {
        let (low, high) = (self.low.0, self.high.0);
        self.p < ALPHA && high - low >= MIN_DISTANCE * (low.abs() + high.abs()) / 2.0
    }
}

/// The two groups of the values. `step` is the smallest difference that the counter can show, 0
/// if it is not known: values are spread evenly over it, because otherwise its lines would look
/// like modes. `None` below [`MIN_VALUES`], and if all are equal.
pub fn groups(sorted: &Sorted, step: f64) -> Option<Groups> {
    if sorted.values().len() < MIN_VALUES {
        return None;
    }
    let spread = spread(sorted, step)?;
    let values = spread.values();
    let n = values.len();
    let split = split(inner(values)) + (n - inner(values).len()) / 2;
    let (low, high) = values.split_at(split);
    let (m, big_m) = (middle(low)?, middle(high)?);
    let quarter = (big_m - m) / 4.0;
    let within = |from: f64, to: f64| {
        (values.partition_point(|v| *v < to) - values.partition_point(|v| *v < from)) as u64
    };
    let valley = within(m + quarter, big_m - quarter);
    let beside = [
        within(m - quarter, m + quarter),
        within(big_m - quarter, big_m + quarter),
    ];
    let p = beside
        .map(|window| as_low(valley, window))
        .into_iter()
        .fold(0.0, f64::max);
    let share = |group: &[f64]| group.len() as f64 / n as f64;
    Some(Groups {
        p,
        boundary: *high.first()?,
        low: (m, share(low)),
        high: (big_m, share(high)),
    })
}

/// More values than this are thinned out evenly: the test does not need more.
const MAX_VALUES: usize = 5000;

/// The values, each somewhere within its step.
fn spread(sorted: &Sorted, step: f64) -> Option<Sorted> {
    if sorted.min() == sorted.max() {
        return None;
    }
    let mut random = SplitMix64::new(super::bootstrap::SEED);
    let within = |v: &f64| v + step * (random.uniform() - 0.5);
    let every = sorted.values().len().div_ceil(MAX_VALUES);
    Sorted::new(sorted.values().iter().step_by(every).map(within).collect()).ok()
}

/// All except the outermost hundredth at either end, in which no split may be.
fn inner(values: &[f64]) -> &[f64] {
    let cut = values.len() / 100;
    values.get(cut..values.len() - cut).unwrap_or(values)
}

/// Where to split ascending values so that the squared distances to the two groups' means
/// are smallest (Otsu, 1979).
fn split(values: &[f64]) -> usize {
    let n = values.len() as f64;
    // From the middle value, so that sums lose nothing.
    let zero = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let total: f64 = values.iter().map(|v| v - zero).sum();
    let mut below = 0.0;
    let mut best = (0.0, 1);
    for (count, value) in (1..values.len()).zip(values) {
        below += value - zero;
        let k = count as f64;
        let between = k * (n - k) * (below / k - (total - below) / (n - k)).powi(2);
        if between > best.0 {
            best = (between, count);
        }
    }
    best.1
}

fn middle(group: &[f64]) -> Option<f64> {
    group.get(group.len() / 2).copied()
}

/// Probability of so few values in the valley, if it is as dense as the window.
fn as_low(valley: u64, window: u64) -> f64 {
    Binomial::new(0.5, valley + window).map_or(1.0, |even| even.cdf(valley))
}
