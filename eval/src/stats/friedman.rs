//! Treatments in blocks: does any differ from the others?

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The result of Friedman's test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Friedman {
    /// How much the treatments' ranks differ; approximately chi-square distributed, with one
    /// degree of freedom less than there are treatments.
    pub statistic: f64,
    /// Probability of such a difference if the treatments are alike.
    pub p: f64,
}

/// Friedman's test (1937), corrected for ties. Each block has the same treatments in the same
/// order, and is ranked separately, so that differences between blocks do not matter. `None`
/// below two blocks or treatments, and if blocks differ in length.
pub fn friedman(blocks: &[Vec<f64>]) -> Option<Friedman> {
    let treatments = blocks.first()?.len();
    let alike = blocks.iter().all(|block| block.len() == treatments);
    if blocks.len() < 2 || treatments < 2 || !alike {
        return None;
    }
    let mut sums = vec![0.0; treatments];
    let mut ties = 0.0;
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            let below = block.iter().filter(|other| *other < value).count() as f64;
            let equal = block.iter().filter(|other| *other == value).count() as f64;
            *sum += below + (equal + 1.0) / 2.0;
            // Over a group of t equal values this sums up to t³ − t.
            ties += equal * equal - 1.0;
        }
    }
    let (n, k) = (blocks.len() as f64, treatments as f64);
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let untied = 1.0 - ties / (k * (k * k - 1.0) * n);
    let statistic = if untied > 0.0 {
        (12.0 / (k * n * (k + 1.0)) * squares - 3.0 * n * (k + 1.0)) / untied
    } else {
        0.0
    };
    let p = ChiSquared::new(k - 1.0).map_or(1.0, |chi| chi.sf(statistic.max(0.0)));
    Some(Friedman { statistic, p })
}
