//! Compares two runs, row by row.
//!
//! A verdict is about boots. It needs the test of Mann and Whitney over the boots' medians,
//! corrected for the number of rows (Holm, "A Simple Sequentially Rejective Multiple Test
//! Procedure", 1979), so that at most 5 % of comparisons of two equal runs show any difference.
//! In addition, the interval of the ratio has to exclude 1.
//!
//! Verdicts are about time, in ticks. The same test in core cycles shows whether the core's
//! clock made the difference.

mod exact;
mod print;
mod verdict;

use contract::{Benchmark, Method};
use serde::Serialize;

pub use exact::{ExactComparison, ExactRow, Paths, compare_exact, exact_table};
pub use print::table;

use crate::stats::rank::{hodges_lehmann, mann_whitney};
use crate::stats::{Interval, MIN_BOOTS, Sorted, bootstrap};
use crate::summary::{Row, Summary, TargetSummary};
use crate::units::{CoreCycles, TscHz};

/// Two runs, compared.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The unit of all values.
    pub unit: Unit,
    /// Probability of any false verdict if nothing differs.
    pub alpha: f64,
    /// The rows that both runs have, in the first one's order.
    pub rows: Vec<ComparedRow>,
    /// `target benchmark` of rows that only the first run has.
    pub only_before: Vec<String>,
    /// `target benchmark` of rows that only the second run has.
    pub only_after: Vec<String>,
}

/// The unit in which values are compared.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// TSC ticks, on one machine.
    Ticks,
    /// Nanoseconds, if the counters' frequencies differ.
    Nanoseconds,
}

/// One benchmark on one target in both runs.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedRow {
    /// The target's name.
    pub target: String,
    /// Its name for readers, in the first run.
    pub label: String,
    /// What was timed.
    #[serde(serialize_with = "crate::names::benchmark::serialize")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// Whether the processor of either run was emulated: then the verdict is about an emulator.
    pub emulated: bool,
    /// The first run.
    pub before: Side,
    /// The second run.
    pub after: Side,
    /// The second run's median of boot medians divided by the first's; `None` unless that is
    /// above zero.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio.
    pub interval: Option<Interval<f64>>,
    /// How much greater the second run's boot medians are (Hodges and Lehmann).
    pub shift: Option<f64>,
    /// The shift's 95 % interval.
    pub shift_interval: Option<[f64; 2]>,
    /// The p of the test of Mann and Whitney.
    pub p: Option<f64>,
    /// The same, corrected for the number of rows.
    pub p_corrected: Option<f64>,
    /// The verdict.
    pub verdict: Change,
    /// Why the verdict is missing.
    pub reason: Option<String>,
    /// The same in core cycles; `None` if a run has none.
    pub cycles: Option<ComparedCycles>,
    /// What to conclude if the core cycles contradict the verdict.
    pub disagreement: Option<String>,
}

/// A row in core cycles.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedCycles {
    /// The first run's median of boot medians.
    pub before: CoreCycles,
    /// The second run's.
    pub after: CoreCycles,
    /// The second divided by the first; `None` unless that is above zero.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio.
    pub interval: Option<Interval<f64>>,
    /// The p of the test of Mann and Whitney.
    pub p: Option<f64>,
    /// The same, corrected for the number of rows in core cycles.
    pub p_corrected: Option<f64>,
    /// The verdict in core cycles.
    pub verdict: Change,
}

/// One run's part of a row.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// How it was measured.
    #[serde(serialize_with = "crate::names::method::serialize")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub method: Option<Method>,
    /// The number of boots.
    pub boots: u32,
    /// Boots of the target that failed and are excluded from all results.
    pub boots_failed: u32,
    /// The median of boot medians.
    pub median: f64,
}

/// How a cost has changed.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The second run's is lower.
    Faster,
    /// The second run's is higher.
    Slower,
    /// No difference was seen, which does not prove that there is none.
    NoDifferenceSeen,
    /// There are too few boots for so many rows to show any difference.
    CannotTell,
}

impl Change {
    /// As text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifferenceSeen => "no difference seen",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// Compares two runs, target by target and benchmark by benchmark. In ticks, unless the
/// counters' frequencies are known and differ ([`is_same_frequency`]).
pub fn compare(before: &Summary, after: &Summary) -> Comparison {
    let unit = if have_same_frequency(before, after) {
        Unit::Ticks
    } else {
        Unit::Nanoseconds
    };
    let mut rows = Vec::new();
    for target in &before.targets {
        let other = after
            .targets
            .iter()
            .find(|t| t.info.name == target.info.name);
        for row in &target.rows {
            let matching = other.and_then(|other| {
                let mut rows = other.rows.iter();
                Some((other, rows.find(|r| r.benchmark == row.benchmark)?))
            });
            if let Some((other, theirs)) = matching {
                let scales = [scale(before, unit), scale(after, unit)];
                rows.push(compared((target, row), (other, theirs), scales));
            }
        }
    }
    verdict::decide(&mut rows);
    Comparison {
        unit,
        alpha: verdict::ALPHA,
        rows,
        only_before: only_in(before, after),
        only_after: only_in(after, before),
    }
}

/// Whether two measured frequencies are the same one: they differ by 0.1 % at most.
pub fn is_same_frequency(a: TscHz, b: TscHz) -> bool {
    const PART: f64 = 0.001;
    (a.0 - b.0).abs() <= PART * a.0.max(b.0)
}

/// Whether ticks of two runs are alike, as far as is known.
fn have_same_frequency(before: &Summary, after: &Summary) -> bool {
    match (&before.info.tsc, &after.info.tsc) {
        (Some(a), Some(b)) => is_same_frequency(a.hz, b.hz),
        _ => true,
    }
}

/// The factor for ticks.
fn scale(summary: &Summary, unit: Unit) -> f64 {
    match (unit, &summary.info.tsc) {
        (Unit::Nanoseconds, Some(tsc)) => 1e9 / tsc.hz.0,
        _ => 1.0,
    }
}

fn only_in(run: &Summary, other: &Summary) -> Vec<String> {
    let has = |target: &TargetSummary, row: &Row| {
        let targets = other
            .targets
            .iter()
            .filter(|t| t.info.name == target.info.name);
        targets
            .flat_map(|t| &t.rows)
            .any(|r| r.benchmark == row.benchmark)
    };
    let rows = run.targets.iter().flat_map(|target| {
        let missing = target.rows.iter().filter(move |row| !has(target, row));
        missing.map(|row| format!("{} {}", target.info.name, row.benchmark.name()))
    });
    rows.collect()
}

fn compared(
    (before, row): (&TargetSummary, &Row),
    (after, theirs): (&TargetSummary, &Row),
    scales: [f64; 2],
) -> ComparedRow {
    let in_unit = |row: &Row, scale: f64| -> Vec<f64> {
        row.medians()
            .into_iter()
            .map(|median| median * scale)
            .collect()
    };
    let [ours, others] = [in_unit(row, scales[0]), in_unit(theirs, scales[1])];
    let side = |target: &TargetSummary, row: &Row, scale: f64| Side {
        method: target.info.method,
        boots: row.boots,
        boots_failed: target.info.boots_failed,
        median: row.ticks.median_of_boot_medians.0 * scale,
    };
    let [side_before, side_after] = [side(before, row, scales[0]), side(after, theirs, scales[1])];
    let sorted = sorted(&ours, &others);
    let shift = sorted
        .as_ref()
        .map(|[before, after]| hodges_lehmann(after, before));
    ComparedRow {
        target: before.info.name.clone(),
        label: before.info.label.clone(),
        benchmark: row.benchmark,
        emulated: before.info.emulated || after.info.emulated,
        before: side_before,
        after: side_after,
        ratio: ratio(side_before.median, side_after.median),
        interval: bootstrap::ratio(&others, &ours),
        shift: shift.map(|shift| shift.shift),
        shift_interval: shift.and_then(|shift| shift.interval),
        p: sorted.as_ref().map(p),
        p_corrected: None,
        verdict: Change::CannotTell,
        reason: None,
        cycles: in_cycles(row, theirs),
        disagreement: None,
    }
}

fn in_cycles(row: &Row, theirs: &Row) -> Option<ComparedCycles> {
    let [ours, others] = [row.medians_in_cycles()?, theirs.medians_in_cycles()?];
    let median = |row: &Row| Some(row.cycles.as_ref()?.figures.median_of_boot_medians);
    let (before, after) = (median(row)?, median(theirs)?);
    Some(ComparedCycles {
        before,
        after,
        ratio: ratio(before.0, after.0),
        interval: bootstrap::ratio(&others, &ours),
        p: sorted(&ours, &others).as_ref().map(p),
        p_corrected: None,
        verdict: Change::CannotTell,
    })
}

fn ratio(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| after / before)
}

/// Both sides, if they suffice for a test.
fn sorted(before: &[f64], after: &[f64]) -> Option<[Sorted; 2]> {
    let enough = before.len().min(after.len()) >= MIN_BOOTS;
    let sorted = |medians: &[f64]| Sorted::new(medians.to_vec()).ok();
    enough.then_some([sorted(before)?, sorted(after)?])
}

fn p([before, after]: &[Sorted; 2]) -> f64 {
    mann_whitney(after, before).p
}
