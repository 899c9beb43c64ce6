//! The table of watches, for terminals and for `watches.txt`.

use std::fmt::Write;

use super::{Cost, Unit, WatchCost, WatchedTarget, Watches};

/// The columns.
pub(crate) const COLUMNS: [&str; 10] = [
    "kind",
    "site",
    "operation",
    "program",
    "unwatched",
    "added",
    "statistics",
    "idle",
    "equal",
    "boots",
];
/// How many of them, from the first, are words.
pub(crate) const WORDS: usize = 4;

/// A block for each target: a row for each watch, then what a reader should know.
pub fn text(watches: &Watches) -> String {
    let mut out = String::new();
    for target in &watches.targets {
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            out,
            "{}: what watching adds to one operation, in {}",
            target.label,
            target.unit.name()
        );
        block(&mut out, target);
        for finding in &target.findings {
            let _ = writeln!(out, "# {finding}");
        }
        for row in &target.costs {
            for finding in row.refused.iter().chain(&row.findings) {
                let _ = writeln!(
                    out,
                    "# {} {} {}: {finding}",
                    row.kind, row.site, row.program
                );
            }
        }
        out.push('\n');
    }
    out
}

fn block(out: &mut String, target: &WatchedTarget) {
    let rows: Vec<_> = target
        .costs
        .iter()
        .map(|row| cells(row, target.unit))
        .collect();
    let heading = COLUMNS.map(str::to_owned);
    let all = || std::iter::once(&heading).chain(&rows);
    let mut widths = [0; COLUMNS.len()];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in all() {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(place, (cell, width))| match place {
            0..WORDS => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A row's cells.
pub(crate) fn cells(row: &WatchCost, unit: Unit) -> [String; COLUMNS.len()] {
    let cost = |cost: Option<Cost>| cost.map_or_else(|| missing(row), |cost| number(cost, unit));
    [
        row.kind.clone(),
        row.site.clone(),
        row.operation.clone(),
        row.program.clone(),
        row.unwatched
            .map_or_else(|| missing(row), |each| plain(each, unit)),
        cost(row.added),
        row.statistics
            .map_or_else(String::new, |cost| number(cost, unit)),
        cost(row.idle),
        row.agreement
            .filter(|_| unit == Unit::Instructions)
            .map_or_else(String::new, |share| format!("{:.0} %", 100.0 * share)),
        row.boots.to_string(),
    ]
}

/// Never empty: a reader has to see why.
fn missing(row: &WatchCost) -> String {
    match row.refused {
        Some(_) => "refused".into(),
        None => "none".into(),
    }
}

fn number(cost: Cost, unit: Unit) -> String {
    let each = plain(cost.each, unit);
    match cost.interval {
        Some((low, high)) => format!("{each} [{}, {}]", plain(low, unit), plain(high, unit)),
        None => each,
    }
}

fn plain(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Instructions => format!("{value:.0}"),
        Unit::Nanoseconds => format!("{value:.1}"),
    }
}
