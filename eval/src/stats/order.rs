//! Intervals between order statistics.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::{LEVEL, OrderInterval, Sorted};

/// [`median_interval_at`] 95 %. `None` below six values, for which even the whole range covers
/// less.
pub fn median_interval(sorted: &Sorted) -> Option<OrderInterval<f64>> {
    median_interval_at(sorted, LEVEL)
}

/// The narrowest interval between two order statistics, as many values from the lower end as
/// from the upper, that covers the median in at least `level` of cases (0.95 is 95 %), whatever
/// the distribution: the number of values below the median is binomial. `None` if even the
/// whole range covers less.
pub fn median_interval_at(sorted: &Sorted, level: f64) -> Option<OrderInterval<f64>> {
    let values = sorted.values();
    let below_median = Binomial::new(0.5, values.len() as u64).ok()?;
    let missed = |rank: u64| 2.0 * below_median.cdf(rank);
    let rank = (0..values.len() as u64 / 2)
        .take_while(|&rank| missed(rank) <= 1.0 - level)
        .last()?;
    Some(OrderInterval {
        low: *values.get(rank as usize)?,
        high: *values.get(values.len() - 1 - rank as usize)?,
        level: 1.0 - missed(rank),
    })
}
