//! Compares two samples by ranks.

use super::{LEVEL, Sorted, normal};

/// Up to this many values on each side, the distribution of U is computed exactly, unless two
/// values are equal.
const EXACT: usize = 40;

/// The result of the test of Mann and Whitney.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the first sample's value is the greater one; equal ones count half.
    pub u: f64,
    /// Probability of a U at least as far from the middle if both samples come from one
    /// distribution (two-sided).
    pub p: f64,
}

/// The test of Mann and Whitney (1947): exact up to 40 values a side without ties, otherwise by
/// the normal approximation with correction for ties and continuity.
pub fn mann_whitney(a: &Sorted, b: &Sorted) -> MannWhitney {
    let (n, m) = (a.values().len(), b.values().len());
    let greater: f64 = a.values().iter().map(|&x| b.below(x) as f64).sum();
    let equal: f64 = a.values().iter().map(|&x| equals(b, x)).sum();
    let u = greater + equal / 2.0;
    let ties = tie_term(a, b);
    let p = if ties == 0.0 && n.max(m) <= EXACT {
        let counts = Counts::new(n, m);
        let smaller = u.min((n * m) as f64 - u);
        (2.0 * counts.up_to(smaller as usize)).min(1.0)
    } else {
        let (n, m) = (n as f64, m as f64);
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
        if variance > 0.0 {
            normal::two_sided(distance / variance.sqrt())
        } else {
            1.0
        }
    };
    MannWhitney { u, p }
}

fn equals(sorted: &Sorted, x: f64) -> f64 {
    (sorted.values().len() - sorted.below(x) - sorted.above(x)) as f64
}

/// Sum of t³ − t over groups of t equal values in both samples together.
fn tie_term(a: &Sorted, b: &Sorted) -> f64 {
    let mut all = [a.values(), b.values()].concat();
    all.sort_unstable_by(f64::total_cmp);
    let groups = all.chunk_by(|x, y| x == y).map(|group| group.len() as f64);
    groups.map(|t| t * t * t - t).sum()
}

/// How much greater a sample's values are than another's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The median of all differences between a value of the first and one of the second.
    pub shift: f64,
    /// The 95 % interval's ends; `None` if there are too few values.
    pub interval: Option<[f64; 2]>,
}

/// The shift of Hodges and Lehmann (1963), with the interval that belongs to the test of Mann
/// and Whitney (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 2014, 4.3):
/// the shifts that the test would not reject.
pub fn hodges_lehmann(a: &Sorted, b: &Sorted) -> Shift {
    let differences = a
        .values()
        .iter()
        .flat_map(|x| b.values().iter().map(move |y| x - y));
    let mut differences: Vec<f64> = differences.collect();
    differences.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| differences.get(index).copied();
    let pairs = differences.len();
    let middle = [pairs.saturating_sub(1) / 2, pairs / 2].map(|i| at(i).unwrap_or(f64::NAN));
    let interval = outside(a.values().len(), b.values().len())
        .and_then(|k| Some([at(k)?, at((pairs - 1).checked_sub(k)?)?]));
    Shift {
        shift: (middle[0] + middle[1]) / 2.0,
        interval,
    }
}

/// How many of the sorted differences are outside the interval at either end.
fn outside(n: usize, m: usize) -> Option<usize> {
    let tail = (1.0 - LEVEL) / 2.0;
    if n.max(m) <= EXACT {
        let counts = Counts::new(n, m);
        return (0..n * m).take_while(|&u| counts.up_to(u) <= tail).last();
    }
    let (n, m) = (n as f64, m as f64);
    let width = -normal::quantile(tail) * (n * m * (n + m + 1.0) / 12.0).sqrt();
    let outside = (n * m / 2.0 - width).floor();
    (outside >= 1.0).then(|| outside as usize - 1)
}

/// The number of orders of n and m different values for each value of U.
struct Counts {
    /// Probability that U is at most this value.
    cumulated: Vec<f64>,
}

impl Counts {
    fn new(n: usize, m: usize) -> Self {
        // The counts are the coefficients of the Gaussian binomial coefficient: the product of
        // (1 − xᵐ⁺ⁱ) / (1 − xⁱ) for i in 1..=n. Floats represent them exactly enough: all terms
        // are whole, and only a share of them is needed.
        let mut counts = vec![0.0; n * m + 1];
        if let Some(first) = counts.first_mut() {
            *first = 1.0;
        }
        for i in 1..=n {
            for u in ((m + i)..counts.len()).rev() {
                let taken = counts.get(u - m - i).copied().unwrap_or(0.0);
                if let Some(count) = counts.get_mut(u) {
                    *count -= taken;
                }
            }
            for u in i..counts.len() {
                let added = counts.get(u - i).copied().unwrap_or(0.0);
                if let Some(count) = counts.get_mut(u) {
                    *count += added;
                }
            }
        }
        let all: f64 = counts.iter().sum();
        let mut sum = 0.0;
        let share = |count| {
            sum += count;
            sum / all
        };
        Self {
            cumulated: counts.into_iter().map(share).collect(),
        }
    }

    fn up_to(&self, u: usize) -> f64 {
        self.cumulated.get(u).copied().unwrap_or(1.0)
    }
}
