//! From p-values to verdicts.

use contract::Benchmark;

use super::{Change, ComparedRow, Comparison};
use crate::stats::{Interval, MIN_BOOTS};

/// Probability of any false verdict in a whole comparison.
pub(super) const ALPHA: f64 = 0.05;

/// Corrects the rows' p-values and sets their verdicts, in time and in core cycles.
pub(super) fn decide(rows: &mut [ComparedRow]) {
    let time: Vec<_> = rows.iter().map(Tested::in_time).collect();
    for (row, (corrected, verdict)) in rows.iter_mut().zip(verdicts(&time)) {
        row.p_corrected = corrected;
        (row.verdict, row.reason) = match verdict {
            Ok(verdict) => (verdict, None),
            Err(reason) => (Change::CannotTell, Some(reason)),
        };
    }
    let cycles: Vec<_> = rows.iter().filter_map(Tested::in_cycles).collect();
    let known = rows.iter_mut().filter(|row| row.cycles.is_some());
    for (row, (corrected, verdict)) in known.zip(verdicts(&cycles)) {
        if let Some(cycles) = &mut row.cycles {
            cycles.p_corrected = corrected;
            cycles.verdict = verdict.unwrap_or(Change::CannotTell);
        }
        row.disagreement = disagreement(row);
    }
}

/// The basis of a verdict.
struct Tested {
    /// Boots of both runs.
    boots: [u32; 2],
    /// The p of the test of Mann and Whitney.
    p: Option<f64>,
    /// The interval of the ratio.
    interval: Option<Interval<f64>>,
    /// The second run's median of boot medians.
    after: f64,
}

impl Tested {
    fn in_time(row: &ComparedRow) -> Self {
        Self {
            boots: [row.before.boots, row.after.boots],
            p: row.p,
            interval: row.interval,
            after: row.after.median,
        }
    }

    fn in_cycles(row: &ComparedRow) -> Option<Self> {
        let cycles = row.cycles.as_ref()?;
        Some(Self {
            p: cycles.p,
            interval: cycles.interval,
            after: cycles.after.0,
            ..Self::in_time(row)
        })
    }
}

/// Each row's corrected p, and its verdict or the reason why there is none.
fn verdicts(rows: &[Tested]) -> Vec<(Option<f64>, Result<Change, String>)> {
    let tested = rows.iter().filter(|row| row.p.is_some()).count();
    let corrected = holm(rows).into_iter();
    let verdict = |(row, p): (&Tested, Option<f64>)| (p, of(row, p, tested));
    rows.iter().zip(corrected).map(verdict).collect()
}

/// Holm's correction: the smallest p is multiplied by the number of rows, the next by one less,
/// and no result is below the one before.
fn holm(rows: &[Tested]) -> Vec<Option<f64>> {
    let known = rows.iter().enumerate();
    let mut known: Vec<(usize, f64)> = known.filter_map(|(i, row)| Some((i, row.p?))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; rows.len()];
    let mut least: f64 = 0.0;
    let count = known.len();
    for (before, (i, p)) in known.into_iter().enumerate() {
        least = (p * (count - before) as f64).clamp(least, 1.0);
        if let Some(corrected) = corrected.get_mut(i) {
            *corrected = Some(least);
        }
    }
    corrected
}

fn of(row: &Tested, p: Option<f64>, tested: usize) -> Result<Change, String> {
    let [before, after] = row.boots;
    let boots = before.min(after);
    let Some(p) = p else {
        return Err(format!("{boots} boots are too few; {MIN_BOOTS} are needed"));
    };
    let Some(interval) = row.interval.filter(|_| row.after > 0.0) else {
        return Err("a ratio needs costs above zero".into());
    };
    // Whatever the difference is: such a test cannot show that it is absent.
    let least = least_p(before, after) * tested as f64;
    if p >= ALPHA && least >= ALPHA {
        return Err(format!(
            "{boots} boots are too few to show a difference in {tested} rows at once"
        ));
    }
    Ok(if p >= ALPHA {
        Change::NoDifferenceSeen
    } else if interval.low > 1.0 {
        Change::Slower
    } else if interval.high < 1.0 {
        Change::Faster
    } else {
        Change::NoDifferenceSeen
    })
}

/// In time, a row has changed by more than twice as much as in core cycles, or has not changed
/// although core cycles have.
fn disagreement(row: &ComparedRow) -> Option<String> {
    let cycles = row.cycles.as_ref().filter(|_| !row.emulated)?;
    let (in_time, in_cycles) = (row.ratio? - 1.0, cycles.ratio? - 1.0);
    let allowed = cycles.interval?;
    let why = match (row.verdict, cycles.verdict) {
        (_, Change::CannotTell) | (Change::CannotTell, _) => return None,
        (Change::NoDifferenceSeen, Change::NoDifferenceSeen) => return None,
        (Change::NoDifferenceSeen, _) => "the core's clock hides a difference",
        _ if (allowed.low..=allowed.high).contains(&(1.0 + in_time)) => return None,
        _ if in_cycles / in_time >= 0.5 => return None,
        (_, Change::NoDifferenceSeen) => "the core's clock differed, not the code",
        _ => "the core's clock differed more than the code",
    };
    Some(format!(
        "{:+.2} % in time, {:+.2} % in core cycles: {why}",
        100.0 * in_time,
        100.0 * in_cycles
    ))
}

/// The smallest p that the exact test of Mann and Whitney can have: that of n values which are
/// all below m others, on either side. One in as many orders as there are.
fn least_p(n: u32, m: u32) -> f64 {
    let orders = (1..=n).fold(1.0, |orders, i| orders * f64::from(m + i) / f64::from(i));
    2.0 / orders
}

impl Comparison {
    /// An empty measurement is not a cost of a kernel, and is as coarse as the counter's step.
    fn costs(&self) -> impl Iterator<Item = &ComparedRow> {
        let is_cost = |row: &&ComparedRow| row.benchmark != Benchmark::Tsc;
        self.rows.iter().filter(is_cost)
    }

    /// Rows that became slower by more than `limit` (0.02 is 2 %). Rows from an emulator do not
    /// count: they do not measure time.
    pub fn regressions(&self, limit: f64) -> impl Iterator<Item = &ComparedRow> {
        let measured = self.costs().filter(|row| !row.emulated);
        measured.filter(move |row| {
            row.verdict == Change::Slower && row.ratio.is_some_and(|ratio| ratio > 1.0 + limit)
        })
    }

    /// Rows that may have become slower by more than `limit`, one line each with the reason:
    /// they are missing, were not measured, have no verdict, or have an interval that extends
    /// beyond the limit.
    pub fn undecided(&self, limit: f64) -> Vec<String> {
        let rows = self.costs().filter_map(|row| {
            let name = format!("{}, {}", row.target, row.benchmark.name());
            Some(format!("{name}: {}", undecided(row, limit)?))
        });
        let gone = self.only_before.iter();
        let gone = gone.map(|name| format!("{name}: missing in the second run"));
        let lines: Vec<_> = rows.chain(gone).collect();
        if lines.is_empty() && self.rows.is_empty() {
            vec!["the runs have no row in common".into()]
        } else {
            lines
        }
    }
}

fn undecided(row: &ComparedRow, limit: f64) -> Option<String> {
    let beyond = row.interval.filter(|i| i.high > 1.0 + limit);
    if row.emulated {
        return Some("emulated, which does not measure time".into());
    }
    row.reason.clone().or_else(|| {
        let most = 100.0 * (beyond?.high - 1.0);
        Some(format!("it may be slower by up to {most:.2} %"))
    })
}
