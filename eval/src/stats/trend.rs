//! Monotonic change over time.

use super::{Sorted, normal};

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The time, in any unit.
    pub time: f64,
    /// The value.
    pub value: f64,
}

/// The result of the test of Mann and Kendall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Pairs that rise, minus pairs that fall.
    pub s: f64,
    /// Probability of an S at least as far from 0 without a trend (two-sided).
    pub p: f64,
}

/// The test of Mann (1945) and Kendall over one or more series, by the normal approximation
/// with correction for ties and continuity. For several series, S and its variance are added up
/// (the seasonal test of Hirsch, Slack and Smith, 1982): only values of the same series are
/// ever compared.
pub fn mann_kendall(series: &[Vec<Point>]) -> MannKendall {
    let s: f64 = series.iter().map(|points| s(points)).sum();
    let variance: f64 = series.iter().map(|points| variance(points)).sum();
    let p = if variance > 0.0 {
        normal::two_sided((s.abs() - 1.0).max(0.0) / variance.sqrt())
    } else {
        1.0
    };
    MannKendall { s, p }
}

fn s(points: &[Point]) -> f64 {
    let signs = pairs(points).map(|(a, b)| (b.value - a.value) * (b.time - a.time).signum());
    signs
        .map(|difference| {
            if difference == 0.0 {
                0.0
            } else {
                difference.signum()
            }
        })
        .sum()
}

fn variance(points: &[Point]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let ties = values
        .chunk_by(|a, b| a == b)
        .map(|group| term(group.len() as f64));
    (term(points.len() as f64) - ties.sum::<f64>()) / 18.0
}

/// The median of the slopes between any two points of the same series (Theil, 1950; Sen, 1968).
/// `None` if no two points have different times.
pub fn theil_sen(series: &[Vec<Point>]) -> Option<f64> {
    let pairs = series.iter().flat_map(|points| pairs(points));
    let slopes = pairs
        .filter(|(a, b)| a.time != b.time)
        .map(|(a, b)| (b.value - a.value) / (b.time - a.time));
    Sorted::new(slopes.collect())
        .ok()
        .map(|slopes| slopes.median())
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (&Point, &Point)> {
    let later = |i: usize| points.iter().skip(i + 1);
    points
        .iter()
        .enumerate()
        .flat_map(move |(i, a)| later(i).map(move |b| (a, b)))
}
