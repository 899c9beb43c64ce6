//! What boots say, each counting once: medians with their intervals, and ratios.

use super::grid::{self, EMULATED, NOTHING, number};
use crate::stats::{Interval, bootstrap};
use crate::summary::{Row, Summary, TargetSummary};

/// Column titles of the block.
pub(super) const COLUMNS: [&str; 6] = [
    "Platform",
    "Routine call",
    "median of boots",
    "95 % interval",
    "spread",
    "ratio, 95 % interval",
];

/// A row of cells, not escaped for anything.
pub(super) type Cells = [String; COLUMNS.len()];

/// The caption over the block.
pub(super) fn caption(summary: &Summary) -> String {
    let alike = match summary.is_mixed() {
        true => "the same call by the same method",
        false => "the same call",
    };
    format!(
        "Boots, each counting once: median of their medians in TSC ticks, its interval by \
         bootstrap over boots ({} resamples, seed {}), interquartile range over median, and \
         ratio to the first platform with {alike}.",
        bootstrap::RESAMPLES,
        bootstrap::SEED
    )
}

/// The block's rows.
pub(super) fn measured(summary: &Summary) -> impl Iterator<Item = Cells> {
    summary
        .targets
        .iter()
        .flat_map(|target| rows(summary, target))
}

/// A target's rows; none where there are no numbers.
pub(super) fn rows(summary: &Summary, target: &TargetSummary) -> impl Iterator<Item = Cells> {
    target.rows.iter().map(|row| {
        [
            grid::platform(summary, target),
            grid::routine(row.benchmark).into(),
            number(row.ticks.median_of_boot_medians.0),
            row.interval
                .map_or(NOTHING.into(), |i| ends(i.map(|ticks| ticks.0), 2)),
            spread(row),
            ratio(row),
        ]
    })
}

/// The block as lines of words.
pub(super) fn lines(summary: &Summary) -> Vec<String> {
    let line = |target: &TargetSummary, row: &Row, cells: Cells| {
        let [_, _, median, interval, spread, ratio] = cells;
        let emulated = if target.info.emulated { " " } else { "" };
        let mark = if target.info.emulated { EMULATED } else { "" };
        format!(
            "{} {}{emulated}{mark}: {median} {interval}, spread {spread}, ratio {ratio}",
            target.info.name,
            row.benchmark.name()
        )
    };
    let rows = summary.targets.iter().flat_map(|target| {
        let cells = rows(summary, target).zip(&target.rows);
        cells.map(move |(cells, row)| line(target, row, cells))
    });
    match summary.targets.iter().all(|target| target.rows.is_empty()) {
        true => Vec::new(),
        false => std::iter::once(caption(summary)).chain(rows).collect(),
    }
}

fn spread(row: &Row) -> String {
    row.spread
        .map_or(NOTHING.into(), |spread| format!("{:.1} %", spread * 100.0))
}

fn ratio(row: &Row) -> String {
    let Some(ratio) = &row.ratio else {
        return NOTHING.into();
    };
    let interval = ratio.interval.map(|i| format!(" {}", ends(i, 3)));
    format!("{:.3}{}", ratio.ratio, interval.unwrap_or_default())
}

fn ends(interval: Interval<f64>, decimals: usize) -> String {
    format!(
        "[{:.decimals$}, {:.decimals$}]",
        interval.low, interval.high
    )
}
