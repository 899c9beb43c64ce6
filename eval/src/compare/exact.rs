//! Compares the instructions of two runs. They are whole numbers that boots repeat, so no
//! statistics are needed, and one more is a change.

use std::fmt::Write;

use contract::Benchmark;
use serde::Serialize;

use crate::crossing::{self, Change, Crossing};
use crate::summary::{Count, Summary, TargetSummary};
use crate::table::{Block, Look, Style, ruled, wrap};
use crate::units::Instructions;

/// The counts of two runs.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExactComparison {
    /// The unit of all values.
    pub unit: &'static str,
    /// What was counted in both runs, in the first one's order.
    pub rows: Vec<ExactRow>,
    /// `target benchmark` of counts that only the first run has.
    pub only_before: Vec<String>,
    /// `target benchmark` of counts that only the second run has.
    pub only_after: Vec<String>,
}

/// One benchmark, counted on one target in both runs.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExactRow {
    /// The target's name.
    pub target: String,
    /// Its name for readers, in the first run.
    pub label: String,
    /// What was counted.
    #[serde(serialize_with = "crate::names::benchmark::serialize")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// The first run's count; `None` if it has no value.
    pub before: Option<Instructions>,
    /// The second run's.
    pub after: Option<Instructions>,
    /// How many more instructions the second has; `None` if a run has no value.
    pub change: Option<i128>,
    /// The functions in which the paths differ; `None` unless both runs hold a trace of their
    /// count.
    pub functions: Option<Vec<Change>>,
}

/// The paths that a run holds, by the name of the target.
pub type Paths = Vec<(String, Crossing)>;

/// Compares the counts of two runs, and the paths of those that differ.
pub fn compare_exact(
    (before, paths_before): (&Summary, &Paths),
    (after, paths_after): (&Summary, &Paths),
) -> ExactComparison {
    let mut rows = Vec::new();
    for (target, count) in counts(before) {
        let other = counts(after).find(|(other, theirs)| is_same((target, count), (other, theirs)));
        if let Some((other, theirs)) = other {
            let mut row = compared(target, count, theirs);
            if row.change.is_some_and(|change| change != 0) {
                let paths = [
                    path(target, count, paths_before),
                    path(other, theirs, paths_after),
                ];
                row.functions = functions(paths);
            }
            rows.push(row);
        }
    }
    ExactComparison {
        unit: "instructions for one operation",
        rows,
        only_before: only_in(before, after),
        only_after: only_in(after, before),
    }
}

fn counts(run: &Summary) -> impl Iterator<Item = (&TargetSummary, &Count)> {
    run.targets.iter().flat_map(|target| {
        let counts = target.counts.iter();
        counts.map(move |count| (target, count))
    })
}

fn is_same((a, ours): (&TargetSummary, &Count), (b, theirs): (&TargetSummary, &Count)) -> bool {
    a.info.name == b.info.name && ours.benchmark == theirs.benchmark
}

fn only_in(run: &Summary, other: &Summary) -> Vec<String> {
    let is_gone = |(target, count): &(&TargetSummary, &Count)| {
        !counts(other).any(|(theirs, known)| is_same((target, count), (theirs, known)))
    };
    let gone = counts(run).filter(is_gone);
    gone.map(|(target, count)| format!("{} {}", target.info.name, count.benchmark.name()))
        .collect()
}

fn compared(target: &TargetSummary, count: &Count, theirs: &Count) -> ExactRow {
    let (before, after) = (count.instructions, theirs.instructions);
    let change = |Instructions(before), Instructions(after)| i128::from(after) - i128::from(before);
    ExactRow {
        target: target.info.name.clone(),
        label: target.info.label.clone(),
        benchmark: count.benchmark,
        before,
        after,
        change: before
            .zip(after)
            .map(|(before, after)| change(before, after)),
        functions: None,
    }
}

/// The run's path for that count: of the counted target, or of the target for which it counts.
fn path<'p>(target: &TargetSummary, count: &Count, paths: &'p Paths) -> Option<&'p Crossing> {
    let total = count.instructions?;
    let info = &target.info;
    let mut paths = paths
        .iter()
        .filter(|(name, _)| *name == info.name || Some(name) == info.counts_for.as_ref());
    // A path of another length than the count explains nothing.
    let (_, path) =
        paths.find(|(_, path)| path.benchmark == count.benchmark.name() && path.total == total)?;
    Some(path)
}

fn functions([before, after]: [Option<&Crossing>; 2]) -> Option<Vec<Change>> {
    Some(crossing::changes(&before?.functions, &after?.functions))
}

impl ExactRow {
    /// `TARGET, BENCHMARK: +1 (253 to 254)`, and the functions if they are known.
    pub fn in_words(&self) -> String {
        let name = format!("{}, {}", self.target, self.benchmark.name());
        let mut words = match (self.before, self.after, self.change) {
            (Some(Instructions(before)), Some(Instructions(after)), Some(change)) => {
                let s = if change.abs() == 1 { "" } else { "s" };
                format!("{name}: {change:+} instruction{s} ({before} to {after})")
            }
            (None, _, _) => format!("{name}: the first run does not have a count"),
            (_, _, _) => format!("{name}: the second run does not have a count"),
        };
        for function in self.functions.iter().flatten() {
            let Change {
                name,
                before,
                after,
            } = function;
            let _ = write!(
                words,
                "; {name} {:+} ({} to {})",
                function.difference(),
                before.0,
                after.0
            );
        }
        words
    }
}

impl ExactComparison {
    /// Paths that take at least so many instructions more.
    pub fn regressions(&self, least: u64) -> impl Iterator<Item = &ExactRow> {
        let longer = move |row: &&ExactRow| row.change.is_some_and(|by| by >= i128::from(least));
        self.rows.iter().filter(longer)
    }

    /// Paths that may take more, one line each with the reason: a run does not have a count of
    /// them, or they are missing.
    pub fn undecided(&self) -> Vec<String> {
        let without = self.rows.iter().filter(|row| row.change.is_none());
        let without = without.map(ExactRow::in_words);
        let gone = self.only_before.iter();
        let gone = gone.map(|name| format!("{name}: missing in the second run"));
        let lines: Vec<_> = without.chain(gone).collect();
        if lines.is_empty() && self.rows.is_empty() {
            vec!["the runs have no count in common".into()]
        } else {
            lines
        }
    }
}

const TITLES: [&str; 4] = ["platform, call", "before", "after", "change"];
const NOTHING: &str = "–";

/// The comparison for a terminal of 80 columns.
pub fn exact_table(comparison: &ExactComparison, style: Style) -> String {
    let platforms = comparison.rows.chunk_by(|a, b| a.target == b.target);
    let blocks: Vec<_> = platforms
        .filter_map(|rows| {
            Some(Block {
                name: rows.first()?.label.clone(),
                look: Look::Measured,
                rows: rows.iter().map(cells).collect(),
            })
        })
        .collect();
    let has_counts = comparison.rows.iter().any(|row| row.change.is_some());
    let mut out = if has_counts {
        wrap(
            "Instructions for one operation: whole numbers that are the same in all boots of a \
             run. They do not measure time.",
        )
    } else {
        wrap("Instructions for one operation. They do not measure time.")
    };
    out += &ruled(style, &TITLES, &blocks);
    let changed = comparison.rows.iter().filter(|row| row.change != Some(0));
    for row in changed {
        out += &wrap(&format!("{}.", row.in_words()));
    }
    if comparison.rows.is_empty() {
        out += &wrap("The runs have no count in common.");
    }
    for (when, names) in [
        ("first", &comparison.only_before),
        ("second", &comparison.only_after),
    ] {
        if !names.is_empty() {
            out += &wrap(&format!("Only in the {when} run: {}.", names.join("; ")));
        }
    }
    out
}

fn cells(row: &ExactRow) -> Vec<String> {
    let known = |count: Option<Instructions>| {
        count.map_or(NOTHING.into(), |Instructions(each)| each.to_string())
    };
    let change = match row.change {
        None => NOTHING.into(),
        Some(0) => "0".into(),
        Some(change) => format!("{change:+}"),
    };
    vec![
        row.benchmark.name().into(),
        known(row.before),
        known(row.after),
        change,
    ]
}
