//! Bootstrap intervals over boots.
//!
//! A boot is a cluster: everything that varies from boot to boot (memory layout, the machine's
//! state) affects its median as a whole, so boots are drawn, never samples (Kalibera and Jones,
//! "Rigorous Benchmarking in Reasonable Time", 2013).

use super::random::SplitMix64;
use super::{BootstrapMethod, Interval, LEVEL, MIN_BOOTS, Sorted, midpoint, normal};

/// Resamples of every interval.
pub const RESAMPLES: u32 = 10_000;

/// Seed of every interval: the system call's number, which was not chosen for its result.
pub const SEED: u64 = 500;

/// 95 % interval of the median. `None` below [`MIN_BOOTS`] values.
pub fn median(values: &[f64]) -> Option<Interval<f64>> {
    if values.len() < MIN_BOOTS {
        return None;
    }
    let sample = Sorted::new(values.to_vec()).ok()?;
    let mut random = SplitMix64::new(SEED);
    let mut draw = Draw::default();
    let resampled = (0..RESAMPLES).map(|_| draw.median(&sample, &mut random));
    interval(
        sample.median(),
        Sorted::new(resampled.collect()).ok()?,
        &without_one(&sample),
    )
}

/// 95 % interval of the median of `values` divided by the median of `reference`; each resample
/// draws from both. `None` below [`MIN_BOOTS`] values on either side, and if a resampled median
/// of the reference is not above zero.
pub fn ratio(values: &[f64], reference: &[f64]) -> Option<Interval<f64>> {
    if values.len().min(reference.len()) < MIN_BOOTS {
        return None;
    }
    let values = Sorted::new(values.to_vec()).ok()?;
    let reference = Sorted::new(reference.to_vec()).ok()?;
    if reference.min() <= 0.0 {
        return None;
    }
    let mut random = SplitMix64::new(SEED);
    let mut draw = Draw::default();
    let resampled = (0..RESAMPLES).map(|_| {
        let above = draw.median(&values, &mut random);
        above / draw.median(&reference, &mut random)
    });
    let resampled = Sorted::new(resampled.collect()).ok()?;
    let (above, below) = (values.median(), reference.median());
    let left_out = without_one(&values)
        .into_iter()
        .map(|median| median / below);
    let left_out_below = without_one(&reference)
        .into_iter()
        .map(|median| above / median);
    let left_out: Vec<_> = left_out.chain(left_out_below).collect();
    interval(above / below, resampled, &left_out)
}

/// The geometric mean over strata of each one's ratio of medians, and its 95 % interval: each
/// resample draws within each stratum, from both sides. `None` below [`MIN_BOOTS`] values on a
/// side of a stratum, and if a value is not above zero.
pub fn stratified_ratio(strata: &[(&[f64], &[f64])]) -> Option<(f64, Interval<f64>)> {
    let mut sides = Vec::new();
    for (values, reference) in strata {
        for (side, sign) in [(values, 1.0), (reference, -1.0)] {
            let side = Sorted::new(side.to_vec()).ok()?;
            if side.values().len() < MIN_BOOTS || side.min() <= 0.0 {
                return None;
            }
            sides.push((side, sign));
        }
    }
    let each = 1.0 / strata.len() as f64;
    let total = |log: &mut dyn FnMut(&Sorted) -> f64| {
        let logs = sides.iter().map(|(side, sign)| sign * each * log(side));
        logs.sum::<f64>()
    };
    let log_ratio = total(&mut |side| side.median().ln());
    let mut random = SplitMix64::new(SEED);
    let mut draw = Draw::default();
    let resampled = (0..RESAMPLES).map(|_| total(&mut |side| draw.median(side, &mut random).ln()));
    let resampled = Sorted::new(resampled.collect()).ok()?;
    let left_out = sides.iter().flat_map(|(side, sign)| {
        let whole = side.median().ln();
        let medians = without_one(side).into_iter();
        medians.map(move |median| log_ratio + sign * each * (median.ln() - whole))
    });
    let left_out: Vec<_> = left_out.collect();
    let logs = interval(log_ratio, resampled, &left_out)?;
    Some((log_ratio.exp(), logs.map(f64::exp)))
}

/// Draws resamples; reuses its memory between them.
#[derive(Default)]
struct Draw(Vec<usize>);

impl Draw {
    /// The median of as many values as there are, drawn with replacement.
    fn median(&mut self, sorted: &Sorted, random: &mut SplitMix64) -> f64 {
        let values = sorted.values();
        self.0.clear();
        self.0
            .extend(values.iter().map(|_| random.below(values.len())));
        // Ranks represent values, because they are compared faster.
        let at = |rank: usize| values.get(rank).copied().unwrap_or(f64::NAN);
        let (below, &mut middle, _) = self.0.select_nth_unstable(values.len() / 2);
        if values.len() % 2 == 1 {
            return at(middle);
        }
        let before = below.iter().copied().max().unwrap_or(middle);
        midpoint(at(before), at(middle))
    }
}

/// The median without one value, for each of the values.
fn without_one(sorted: &Sorted) -> Vec<f64> {
    let values = sorted.values();
    let left = values.len() - 1;
    let at = |rank: usize| values.get(rank).copied().unwrap_or(f64::NAN);
    let median_without = |out: usize| {
        let kept = |rank: usize| at(if rank < out { rank } else { rank + 1 });
        if left % 2 == 1 {
            kept(left / 2)
        } else {
            midpoint(kept(left / 2 - 1), kept(left / 2))
        }
    };
    (0..values.len()).map(median_without).collect()
}

/// The interval of an estimate, from its resamples and its values without one boot each.
fn interval(estimate: f64, resampled: Sorted, left_out: &[f64]) -> Option<Interval<f64>> {
    let tail = (1.0 - LEVEL) / 2.0;
    let (method, [low, high]) = match bca(estimate, &resampled, left_out, tail) {
        Some(tails) => (BootstrapMethod::Bca, tails),
        None => (BootstrapMethod::Percentile, [tail, 1.0 - tail]),
    };
    Some(Interval {
        low: resampled.quantile(low),
        high: resampled.quantile(high),
        level: LEVEL,
        method,
        resamples: resampled.values().len() as u32,
        seed: SEED,
    })
}

/// The quantiles that BCa uses instead of `tail` and `1 − tail` (Efron and Tibshirani, "An
/// Introduction to the Bootstrap", 1993, 14.3); equal resamples count half, as in SciPy. `None`
/// if BCa does not give an answer.
fn bca(estimate: f64, resampled: &Sorted, left_out: &[f64], tail: f64) -> Option<[f64; 2]> {
    let n = resampled.values().len();
    let below = resampled.below(estimate) as f64;
    let equal = n as f64 - below - resampled.above(estimate) as f64;
    let bias = normal::quantile((below + equal / 2.0) / n as f64);
    let acceleration = acceleration(left_out)?;
    let corrected = |z: f64| {
        let shifted = bias + z;
        normal::below(bias + shifted / (1.0 - acceleration * shifted))
    };
    let tails = [tail, 1.0 - tail].map(|tail| corrected(normal::quantile(tail)));
    let sensible = bias.is_finite() && tails.iter().all(|tail| (0.0..=1.0).contains(tail));
    sensible.then_some(tails)
}

/// A sixth of the skewness of the values without one boot each; `None` if all are equal.
fn acceleration(left_out: &[f64]) -> Option<f64> {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |n| {
        left_out
            .iter()
            .map(|value| (mean - value).powi(n))
            .sum::<f64>()
    };
    let variance = power(2);
    // Not by the variance, which need not be exactly 0 for equal values.
    let differ = left_out.windows(2).any(|pair| pair.first() != pair.last());
    differ.then(|| power(3) / (6.0 * variance.powf(1.5)))
}
