//! Whether values rise or fall with time.

use super::boot::JudgedBoot;
use super::{Drift, Trend, TrendVerdict};
use crate::stats::median_of;
use crate::stats::trend::{Point, mann_kendall, theil_sen};

/// Below this p there is a drift. A run has some twenty rows with two tests each.
const ALPHA: f64 = 0.01;

/// Pairs of values that an answer needs: those of eight boots. Fewer could hardly reach
/// [`ALPHA`] in any order.
const MIN_PAIRS: usize = 28;

/// With more rounds than this, neighbouring ones are combined.
const MAX_ROUNDS: usize = 64;

/// Boots are in order of time; changes are relative to `median`.
pub(super) fn drift(boots: &[JudgedBoot], median: f64) -> Drift {
    let point = |boot: &JudgedBoot| Point {
        time: f64::from(boot.line.position),
        value: boot.line.median.0,
    };
    let rounds: Vec<_> = boots.iter().map(round_medians).collect();
    Drift {
        run: trend(&[boots.iter().map(point).collect()], median),
        rounds: trend(&rounds, median),
    }
}

fn round_medians(boot: &JudgedBoot) -> Vec<Point> {
    let rounds: Vec<_> = boot.boot.rounds().collect();
    let together = rounds.len().div_ceil(MAX_ROUNDS).max(1);
    let point = |rounds: &[(u32, &[f64])]| {
        let numbers: f64 = rounds.iter().map(|(round, _)| f64::from(*round)).sum();
        let mut values: Vec<f64> = rounds
            .iter()
            .flat_map(|(_, values)| *values)
            .copied()
            .collect();
        Point {
            time: numbers / rounds.len() as f64,
            value: median_of(&mut values),
        }
    };
    rounds.chunks(together).map(point).collect()
}

fn trend(series: &[Vec<Point>], median: f64) -> Trend {
    let pairs: usize = series
        .iter()
        .map(|s| s.len() * s.len().saturating_sub(1) / 2)
        .sum();
    let slope = theil_sen(series).filter(|_| pairs >= MIN_PAIRS);
    let Some(slope) = slope else {
        return Trend {
            verdict: TrendVerdict::CannotTell,
            change: None,
            p: None,
        };
    };
    let test = mann_kendall(series);
    let verdict = if test.p < ALPHA && test.s > 0.0 {
        TrendVerdict::Rising
    } else if test.p < ALPHA {
        TrendVerdict::Falling
    } else {
        TrendVerdict::NoneSeen
    };
    Trend {
        verdict,
        change: (median > 0.0).then(|| slope * duration(series) / median),
        p: Some(test.p),
    }
}

/// The time from the first point to the last, of the longest series.
fn duration(series: &[Vec<Point>]) -> f64 {
    let times = |points: &Vec<Point>| Some(points.last()?.time - points.first()?.time);
    series.iter().filter_map(times).fold(0.0, f64::max)
}
