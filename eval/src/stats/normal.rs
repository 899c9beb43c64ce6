//! The standard normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// Probability below `z`.
pub(super) fn below(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The value below which there is a share `p`.
pub(super) fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// Probability of a value at least as far from 0 as `z`, on either side.
pub(super) fn two_sided(z: f64) -> f64 {
    (2.0 * below(-z.abs())).min(1.0)
}
