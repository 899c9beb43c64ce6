//! The results of the boots, each counting once: medians with their intervals, and ratios; one
//! block in ticks, and one in core cycles if they are known.

use super::grid::{self, EMULATED, NOTHING, number};
use crate::stats::{Interval, bootstrap};
use crate::summary::{Ratio, Row, Summary, TargetSummary};

/// Column headings of the block.
pub(super) const COLUMNS: [&str; 6] = [
    "Platform",
    "Routine call",
    "median of boots",
    "95 % interval",
    "spread",
    "ratio, 95 % interval",
];

/// The unit of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// TSC ticks.
    Ticks,
    /// Cycles at the core's own clock.
    CoreCycles,
}

/// The units for which a summary has values.
pub(super) fn units(summary: &Summary) -> impl Iterator<Item = Unit> {
    let cycles = summary.has_cycles().then_some(Unit::CoreCycles);
    std::iter::once(Unit::Ticks).chain(cycles)
}

/// A row of cells, not escaped.
pub(super) type Cells = [String; COLUMNS.len()];

/// The caption above the block.
pub(super) fn caption(summary: &Summary, unit: Unit) -> String {
    let alike = if summary.is_mixed() {
        "the same call by the same method"
    } else {
        "the same call"
    };
    let interval = if summary.has_intervals() {
        format!(
            "its interval by bootstrap over boots ({} resamples, seed {}), ",
            bootstrap::RESAMPLES,
            bootstrap::SEED
        )
    } else {
        String::new()
    };
    match unit {
        Unit::Ticks => format!(
            "Boots, each of which counts once: median of their medians in TSC ticks, {interval}\
             interquartile range over median, and ratio to the first platform with {alike}."
        ),
        Unit::CoreCycles => "The same in core cycles, from the clock chains around each sample: \
            changes of the core's clock do not affect them."
            .into(),
    }
}

/// The block's rows.
pub(super) fn measured(summary: &Summary, unit: Unit) -> impl Iterator<Item = Cells> {
    let targets = summary.targets.iter();
    targets.flat_map(move |target| rows(summary, target, unit).map(|(_, cells)| cells))
}

/// A target's rows that have numbers in that unit.
pub(super) fn rows<'s>(
    summary: &'s Summary,
    target: &'s TargetSummary,
    unit: Unit,
) -> impl Iterator<Item = (&'s Row, Cells)> {
    target.rows.iter().filter_map(move |row| {
        let figures = Figures::of(row, unit)?;
        let cell = |text: Option<String>| text.unwrap_or(NOTHING.into());
        let spread = figures.spread.map(|s| format!("{:.2} %", 100.0 * s));
        let cells = [
            grid::platform(summary, target),
            row.benchmark.title().into(),
            number(figures.median),
            cell(figures.interval.map(|i| ends(i, 2))),
            cell(spread),
            cell(figures.ratio.map(ratio)),
        ];
        Some((row, cells))
    })
}

/// A row's results in one unit.
struct Figures<'r> {
    median: f64,
    interval: Option<Interval<f64>>,
    spread: Option<f64>,
    ratio: Option<&'r Ratio>,
}

impl<'r> Figures<'r> {
    fn of(row: &'r Row, unit: Unit) -> Option<Self> {
        Some(match unit {
            Unit::Ticks => Self {
                median: row.ticks.median_of_boot_medians.0,
                interval: row.interval.map(|i| i.map(|ticks| ticks.0)),
                spread: row.spread,
                ratio: row.ratio.as_ref(),
            },
            Unit::CoreCycles => {
                let cycles = row.cycles.as_ref()?;
                Self {
                    median: cycles.figures.median_of_boot_medians.0,
                    interval: cycles.interval.map(|i| i.map(|cycles| cycles.0)),
                    spread: cycles.spread,
                    ratio: cycles.ratio.as_ref(),
                }
            }
        })
    }
}

/// The blocks as lines of text.
pub(super) fn lines(summary: &Summary) -> Vec<String> {
    let line = |target: &TargetSummary, row: &Row, cells: Cells| {
        let [_, _, median, interval, spread, ratio] = cells;
        let is_emulated = target.info.measures_emulator();
        let emulated = if is_emulated { " " } else { "" };
        let mark = if is_emulated { EMULATED } else { "" };
        format!(
            "{} {}{emulated}{mark}: {median} {interval}, spread {spread}, ratio {ratio}",
            target.info.name,
            row.benchmark.name()
        )
    };
    if summary.targets.iter().all(|target| target.rows.is_empty()) {
        return Vec::new();
    }
    let blocks = units(summary).flat_map(|unit| {
        let rows = summary.targets.iter().flat_map(move |target| {
            let rows = rows(summary, target, unit);
            rows.map(move |(row, cells)| line(target, row, cells))
        });
        std::iter::once(caption(summary, unit)).chain(rows)
    });
    blocks.collect()
}

fn ratio(ratio: &Ratio) -> String {
    let interval = ratio.interval.map(|i| format!(" {}", ends(i, 3)));
    format!("{:.3}{}", ratio.ratio, interval.unwrap_or_default())
}

fn ends(interval: Interval<f64>, decimals: usize) -> String {
    format!(
        "[{:.decimals$}, {:.decimals$}]",
        interval.low, interval.high
    )
}
