//! From p-values to verdicts.

use super::{Change, ComparedRow, Comparison};
use crate::stats::MIN_BOOTS;

/// Probability of any false verdict in a whole comparison.
pub(super) const ALPHA: f64 = 0.05;

/// Corrects the rows' p-values and sets their verdicts.
pub(super) fn decide(rows: &mut [ComparedRow]) {
    holm(rows);
    for row in rows {
        (row.verdict, row.reason) = match of(row) {
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

fn of(row: &ComparedRow) -> Result<Change, String> {
    let boots = row.before.boots.min(row.after.boots);
    let Some(p) = row.p_corrected else {
        return Err(format!("{boots} boots are too few; {MIN_BOOTS} are needed"));
    };
    let Some(interval) = row.interval else {
        return Err("a ratio to costs that are not above zero means nothing".into());
    };
    Ok(match () {
        () if p >= ALPHA => Change::NoDifferenceSeen,
        () if interval.low > 1.0 => Change::Slower,
        () if interval.high < 1.0 => Change::Faster,
        () => Change::NoDifferenceSeen,
    })
}

impl Comparison {
    /// Rows that became slower by more than `limit` (0.02 is 2 %). Those from an emulator
    /// are none: they measure nothing.
    pub fn regressions(&self, limit: f64) -> impl Iterator<Item = &ComparedRow> {
        let measured = self.rows.iter().filter(|row| !row.emulated);
        measured.filter(move |row| {
            row.verdict == Change::Slower && row.ratio.is_some_and(|ratio| ratio > 1.0 + limit)
        })
    }

    /// Whether every row of the first run was measured in both, and has a verdict.
    pub fn can_tell(&self) -> bool {
        let told = |row: &ComparedRow| !row.emulated && row.verdict != Change::CannotTell;
        !self.rows.is_empty() && self.only_before.is_empty() && self.rows.iter().all(told)
    }
}
