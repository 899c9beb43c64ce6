//! Statistics, over values that were checked once. Means and quantiles follow NumPy's rules;
//! docs/METHOD.md, "Statistics", has the reasons and sources of the others.

pub mod bootstrap;
pub mod friedman;
mod interval;
mod mean;
pub mod modes;
mod normal;
pub mod order;
pub mod outlier;
mod quantile;
pub mod random;
pub mod rank;
pub mod student;
pub mod trend;

use thiserror::Error;

pub use interval::{BootstrapMethod, Interval, OrderInterval};
use mean::midpoint;

/// The target coverage of every interval.
pub const LEVEL: f64 = 0.95;

/// The number of boots that an interval needs. Below six, not even the range from the smallest
/// to the greatest covers the median in 95 % of cases: 1 − 2 · ½⁵ is less than 94 %.
pub const MIN_BOOTS: usize = 6;

/// Why values have no statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StatsError {
    /// There are none.
    #[error("the list of values is empty")]
    Empty,
    /// One is not a number, or infinite.
    #[error("value {index} is not a finite number")]
    NotFinite {
        /// Its index in the given order.
        index: usize,
    },
}

/// Values in ascending order: at least one, all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Checks and sorts.
    ///
    /// # Errors
    ///
    /// [`StatsError`] for no values at all, and for NaN and infinities.
    pub fn new(mut values: Vec<f64>) -> Result<Self, StatsError> {
        if values.is_empty() {
            return Err(StatsError::Empty);
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.at(0)
    }

    /// The greatest value.
    pub fn max(&self) -> f64 {
        self.at(self.0.len() - 1)
    }

    /// The arithmetic mean, as exact as a float can be.
    pub fn mean(&self) -> f64 {
        mean::mean(&self.0)
    }

    /// The middle value, or the mean of the two middle ones (`numpy.median`).
    pub fn median(&self) -> f64 {
        let n = self.0.len();
        if n % 2 == 1 {
            self.at(n / 2)
        } else {
            mean::midpoint(self.at(n / 2 - 1), self.at(n / 2))
        }
    }

    /// The first quartile: [`Self::quantile`] at 0.25.
    pub fn q1(&self) -> f64 {
        self.quantile(0.25)
    }

    /// The third quartile: [`Self::quantile`] at 0.75.
    pub fn q3(&self) -> f64 {
        self.quantile(0.75)
    }

    /// The quantile `q`, limited to 0..=1, by NumPy's default rule, "linear" (Hyndman and Fan's
    /// 7): between the two values next to index `q · (n − 1)`.
    pub fn quantile(&self, q: f64) -> f64 {
        quantile::linear(&self.0, q)
    }

    /// How many values are below `x`.
    pub fn below(&self, x: f64) -> usize {
        self.0.partition_point(|v| *v < x)
    }

    /// How many values are above `x`.
    pub fn above(&self, x: f64) -> usize {
        self.0.len() - self.0.partition_point(|v| *v <= x)
    }

    fn at(&self, index: usize) -> f64 {
        // Never empty, and every caller stays within bounds.
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }
}

/// The mean of values in any order; NaN for none.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    mean::mean(values)
}

/// The median of values whose order may be changed; NaN for none.
pub(crate) fn median_of(values: &mut [f64]) -> f64 {
    let place = values.len().saturating_sub(1) / 2;
    match selected(values, place) {
        Some((middle, next)) if values.len().is_multiple_of(2) => midpoint(middle, next),
        Some((middle, _)) => middle,
        None => f64::NAN,
    }
}

/// The quartiles of [`Sorted`], for values whose order may be changed; NaN for none. Selecting
/// takes a fraction of the time of sorting.
pub(crate) fn quartiles_of(values: &mut [f64]) -> [f64; 3] {
    let median = median_of(values);
    let quartile = |values: &mut [f64], q: f64| {
        let place = q * values.len().saturating_sub(1) as f64;
        let below = place.floor();
        let pair = selected(values, below as usize);
        pair.map_or(f64::NAN, |(a, b)| {
            quantile::interpolate(a, b, place - below)
        })
    };
    [quartile(values, 0.25), median, quartile(values, 0.75)]
}

/// The value at an index in ascending order, and the next one.
fn selected(values: &mut [f64], place: usize) -> Option<(f64, f64)> {
    if place >= values.len() {
        return None;
    }
    let (_, &mut at, above) = values.select_nth_unstable_by(place, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp);
    Some((at, next.unwrap_or(at)))
}
