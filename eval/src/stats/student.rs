//! Student's t distribution, and what it says about a few values.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::LEVEL;

/// The value below which there is a share `p`; `None` for impossible degrees of freedom.
pub fn quantile(p: f64, freedom: f64) -> Option<f64> {
    Some(distribution(freedom)?.inverse_cdf(p))
}

/// Probability of a value at least as far from 0 as `t`, on either side.
pub fn two_sided(t: f64, freedom: f64) -> Option<f64> {
    Some((2.0 * distribution(freedom)?.cdf(-t.abs())).min(1.0))
}

fn distribution(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom).ok()
}

/// Mean and variance of values; `None` for fewer than two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance, with n − 1.
    pub variance: f64,
}

impl Moments {
    /// Of these values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 2 {
            return None;
        }
        let mean = super::mean_of(values);
        let squares = values.iter().map(|value| (value - mean).powi(2));
        Some(Self {
            n,
            mean,
            variance: squares.sum::<f64>() / (n - 1.0),
        })
    }

    /// 95 % interval of the mean.
    pub fn interval(&self) -> Option<[f64; 2]> {
        let half = quantile(upper(), self.n - 1.0)? * (self.variance / self.n).sqrt();
        Some([self.mean - half, self.mean + half])
    }
}

fn upper() -> f64 {
    f64::midpoint(1.0, LEVEL)
}

/// The difference of two means whose variances may differ (Welch, "The Generalization of
/// 'Student's' Problem when Several Different Population Variances Are Involved", 1947).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The second mean minus the first.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// Probability of such a difference if there is none.
    pub p: f64,
}

/// `b` minus `a`; `None` below two values on a side, and if no value differs from another.
pub fn welch(a: &[f64], b: &[f64]) -> Option<Welch> {
    let (a, b) = (Moments::of(a)?, Moments::of(b)?);
    let [of_a, of_b] = [a, b].map(|of| of.variance / of.n);
    let error = (of_a + of_b).sqrt();
    let freedom = (of_a + of_b).powi(2) / (of_a.powi(2) / (a.n - 1.0) + of_b.powi(2) / (b.n - 1.0));
    let difference = b.mean - a.mean;
    let half = quantile(upper(), freedom)? * error;
    Some(Welch {
        difference,
        interval: [difference - half, difference + half],
        p: two_sided(difference / error, freedom)?,
    })
}

/// Probability that one of so many values is as far from the others as `values[index]` if all
/// are alike and normal: by its distance in the others' deviations (the externally studentized
/// residual, whose maximum is the test of Grubbs, "Procedures for Detecting Outlying
/// Observations in Samples", 1969), before any correction. `None` below four values, and if the
/// others do not differ.
pub fn apart(values: &[f64], index: usize) -> Option<f64> {
    let value = values.get(index)?;
    let others = values.iter().enumerate().filter(|(at, _)| *at != index);
    let others: Vec<_> = others.map(|(_, value)| *value).collect();
    if others.len() < 3 {
        return None;
    }
    let rest = Moments::of(&others)?;
    let error = (rest.variance * (1.0 + 1.0 / rest.n)).sqrt();
    if error <= 0.0 {
        return None;
    }
    two_sided((value - rest.mean) / error, rest.n - 1.0)
}
