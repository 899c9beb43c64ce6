//! From p-values to verdicts.

use console_format::Benchmark;

use super::{Change, ComparedRow, Comparison};
use crate::stats::MIN_BOOTS;

/// Probability of any false verdict in a whole comparison.
pub(super) const ALPHA: f64 = 0.05;

/// Corrects the rows' p-values and sets their verdicts.
pub(super) fn decide(rows: &mut [ComparedRow]) {
    holm(rows);
    let tested = rows.iter().filter(|row| row.p.is_some()).count();
    for row in rows {
        (row.verdict, row.reason) = match of(row, tested) {
            Ok(verdict) => (verdict, None),
            Err(reason) => (Change::CannotTell, Some(reason)),
        };
    }
}

/// Holm's correction: the smallest p counts as often as there are rows, the next once less,
/// and none less than the one before.
fn holm(rows: &mut [ComparedRow]) {
    let mut tested: Vec<_> = rows.iter_mut().filter(|row| row.p.is_some()).collect();
    tested.sort_by(|a, b| a.p.unwrap_or(1.0).total_cmp(&b.p.unwrap_or(1.0)));
    let mut least: f64 = 0.0;
    let count = tested.len();
    for (i, row) in tested.into_iter().enumerate() {
        let corrected = row.p.map(|p| (p * (count - i) as f64).clamp(least, 1.0));
        least = corrected.unwrap_or(least);
        row.p_corrected = corrected;
    }
}

fn of(row: &ComparedRow, tested: usize) -> Result<Change, String> {
    let boots = row.before.boots.min(row.after.boots);
    let Some(p) = row.p_corrected else {
        return Err(format!("{boots} boots are too few; {MIN_BOOTS} are needed"));
    };
    let Some(interval) = row.interval.filter(|_| row.after.median > 0.0) else {
        return Err("a ratio of costs that are not above zero means nothing".into());
    };
    // Whatever the difference: its absence from such a test is no observation.
    let least = least_p(row.before.boots, row.after.boots) * tested as f64;
    if p >= ALPHA && least >= ALPHA {
        return Err(format!(
            "{boots} boots are too few for {tested} rows at once: no difference could show"
        ));
    }
    Ok(match () {
        () if p >= ALPHA => Change::NoDifferenceSeen,
        () if interval.low > 1.0 => Change::Slower,
        () if interval.high < 1.0 => Change::Faster,
        () => Change::NoDifferenceSeen,
    })
}

/// The least p that the exact test of Mann and Whitney can have: that of n values which
/// are all below m others, on either side. One in as many orders as there are.
fn least_p(n: u32, m: u32) -> f64 {
    let orders = (1..=n).fold(1.0, |orders, i| orders * f64::from(m + i) / f64::from(i));
    2.0 / orders
}

impl Comparison {
    /// An empty measurement is no cost of a kernel's, and as coarse as the counter's step.
    fn costs(&self) -> impl Iterator<Item = &ComparedRow> {
        let is_cost = |row: &&ComparedRow| row.benchmark != Benchmark::Tsc;
        self.rows.iter().filter(is_cost)
    }

    /// Rows that became slower by more than `limit` (0.02 is 2 %). Those from an emulator
    /// are none: they measure nothing.
    pub fn regressions(&self, limit: f64) -> impl Iterator<Item = &ComparedRow> {
        let measured = self.costs().filter(|row| !row.emulated);
        measured.filter(move |row| {
            row.verdict == Change::Slower && row.ratio.is_some_and(|ratio| ratio > 1.0 + limit)
        })
    }

    /// What may have become slower by more than `limit` for all that is known, and why, a
    /// line each: rows that are gone, were not measured, have no verdict, or an
    /// interval that reaches beyond.
    pub fn undecided(&self, limit: f64) -> Vec<String> {
        let rows = self.costs().filter_map(|row| {
            let name = format!("{}, {}", row.target, row.benchmark.name());
            Some(format!("{name}: {}", undecided(row, limit)?))
        });
        let gone = self.only_before.iter();
        let gone = gone.map(|name| format!("{name}: not in the run after"));
        let lines: Vec<_> = rows.chain(gone).collect();
        match lines.is_empty() && self.rows.is_empty() {
            true => vec!["the runs have no row in common".into()],
            false => lines,
        }
    }
}

fn undecided(row: &ComparedRow, limit: f64) -> Option<String> {
    let beyond = row.interval.filter(|i| i.high > 1.0 + limit);
    if row.emulated {
        return Some("emulated, which measures nothing".into());
    }
    row.reason.clone().or_else(|| {
        let most = 100.0 * (beyond?.high - 1.0);
        Some(format!("it may be slower by up to {most:.2} %"))
    })
}
