//! One typical value, or two?
//!
//! The question is asked without a kernel and its bandwidth. The values are split into the
//! two groups that are closest around their means; m and M are the groups' medians, d their
//! distance. Three windows of width d/2 lie beside each other: around m, in the valley
//! between, and around M. If the density had one mode, the valley could not hold fewer
//! values than both windows beside it: it would rise towards the mode from one side at
//! least. So the valley is compared with the window on its left and with the one on its
//! right, each by the binomial test of equal shares, and only where both are refused there
//! are two modes. (The worse of the two p-values is the whole's: an intersection-union
//! test, Berger, 1982.)
//!
//! The windows follow the values, so that p is only nearly one; [`ALPHA`] is strict enough
//! to make up for that. Tests try it on uniform, normal and skew values of many sizes.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::Sorted;
use super::random::SplitMix64;

/// Below this p there are two modes.
pub const ALPHA: f64 = 0.001;

/// Fewer values than this give no answer: ten a group are needed for a p below [`ALPHA`].
pub const MIN_VALUES: usize = 20;

/// The smallest distance of two modes, in parts of the median: nobody would act on less.
pub const MIN_DISTANCE: f64 = 0.005;

/// Two groups of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Groups {
    /// Probability of such a valley where there is one mode, nearly.
    pub p: f64,
    /// Where the upper group begins.
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

/// The two groups of the values. `step` is the distance between two values that the counter
/// can tell apart, 0 where that is not known: values are spread evenly over it, or its
/// lines would look like modes. `None` below [`MIN_VALUES`], and where all are equal.
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

/// More values than this are thinned out evenly: the question needs no more.
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

/// All but the outermost hundredth at either end, which no split shall follow.
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

/// Probability of so few of all values in the valley, where it is as dense as the window.
fn as_low(valley: u64, window: u64) -> f64 {
    Binomial::new(0.5, valley + window).map_or(1.0, |even| even.cdf(valley))
}
