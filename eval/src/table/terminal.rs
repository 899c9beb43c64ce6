//! The table on the terminal: one number per unit, and the findings that affect their
//! interpretation.

use super::grid::{self, EMULATED, NOTHING, number};
use super::ruled::{Block, Look, Style, ruled, wrap};
use crate::summary::{Line, Platform, Summary};
use crate::verdict::Verdict;

/// The number of findings that are shown; table.txt and report.html have all.
const SHOWN: usize = 3;

/// The table for a terminal of 80 columns: medians of the boots' medians in each unit, the
/// findings that change how to read them, and the doctor's verdict in one line. Means,
/// quartiles, intervals and ratios are in the other tables.
pub fn terminal(summary: &Summary, style: Style) -> String {
    let columns = columns(summary);
    let titles: Vec<_> = columns.iter().map(|column| column.title()).collect();
    let blocks: Vec<_> = summary
        .platforms()
        .map(|platform| block(summary, &platform, &columns))
        .collect();
    let mut out = String::new();
    let doctor = summary.info.doctor.as_ref();
    let unfit = doctor.and_then(Verdict::headline);
    let (machine, notes) = match summary.info.notes.split_first() {
        Some((first, others)) => (Some(first.clone()), others),
        None => (None, &[][..]),
    };
    for line in unfit.iter().chain(&machine) {
        out += &wrap(line);
    }
    out += &wrap(&grid::caption(summary));
    out += &ruled(style, &titles, &blocks);
    for line in legend(summary) {
        out += &wrap(&line);
    }
    let findings = summary.first_findings(notes);
    for line in findings.iter().take(SHOWN) {
        out += &wrap(line);
    }
    if let Some(fit) = doctor.filter(|doctor| doctor.fit) {
        out += &wrap(fit.lines().first().map_or("", String::as_str));
    }
    out + &wrap(&rest(findings.len().saturating_sub(SHOWN)))
}

fn rest(more: usize) -> String {
    let findings = match more {
        0 => String::new(),
        1 => "one more finding, ".into(),
        more => format!("{more} more findings, "),
    };
    format!("In table.txt and report.html: {findings}quartiles, intervals, ratios, all checks.")
}

/// The meaning of the columns and marks.
fn legend(summary: &Summary) -> Vec<String> {
    let mut legend = Vec::new();
    let counted = grid::counted_on(summary);
    // If there are many, their rows name them.
    if let [one] = &counted[..] {
        legend.push(one.clone());
    }
    legend.extend(grid::another_path(summary));
    legend.extend(grid::emulated(summary));
    let mut lines = summary.platforms().flat_map(|platform| platform.lines());
    if lines.any(|line| is_self_check(&line)) {
        legend.push(
            "Function calls took 3 and 4 instructions, as expected: these are counts.".into(),
        );
    }
    legend
}

/// A column after the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Call,
    Ticks,
    Spread,
    Cycles,
    Nanoseconds,
    Instructions,
    PerCycle,
    Boots,
}

/// The columns that any row can fill.
fn columns(summary: &Summary) -> Vec<Column> {
    let mut columns = vec![Column::Call];
    if summary.targets.iter().any(|target| !target.rows.is_empty()) {
        columns.extend([Column::Ticks, Column::Spread]);
    }
    if summary.has_cycles() {
        columns.push(Column::Cycles);
    }
    if summary
        .targets
        .iter()
        .flat_map(|t| &t.rows)
        .any(|row| row.ns.is_some())
    {
        columns.push(Column::Nanoseconds);
    }
    if summary.has_counts() {
        columns.push(Column::Instructions);
    }
    if grid::has_instructions_per_cycle(summary) {
        columns.push(Column::PerCycle);
    }
    columns.push(Column::Boots);
    columns
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Call => "platform, call",
            Self::Ticks => "ticks",
            Self::Spread => "spread",
            Self::Cycles => "core\ncycles",
            Self::Nanoseconds => "ns",
            Self::Instructions => "instr.",
            Self::PerCycle => "instr./\ncycle",
            Self::Boots => "boots",
        }
    }

    fn cell(self, platform: &Platform<'_>, line: &Line<'_>) -> String {
        let known = |text: Option<String>| text.unwrap_or(NOTHING.into());
        let row = line.row;
        match self {
            Self::Call if platform.is_emulated() => {
                format!("{} {EMULATED}", line.benchmark.name())
            }
            Self::Call => line.benchmark.name().into(),
            Self::Ticks => known(row.map(|row| number(row.ticks.median_of_boot_medians.0))),
            Self::Spread => {
                let spread = row.and_then(|row| row.spread);
                known(spread.map(|spread| format!("{:.2} %", 100.0 * spread)))
            }
            Self::Cycles => {
                let cycles = row.and_then(|row| row.cycles.as_ref());
                known(cycles.map(|cycles| number(cycles.figures.median_of_boot_medians.0)))
            }
            Self::Nanoseconds => {
                let ns = row.and_then(|row| row.ns);
                known(ns.map(|ns| number(ns.median_of_boot_medians.0)))
            }
            Self::Instructions => grid::instructions(line),
            Self::PerCycle => grid::per_core_cycle(platform, line),
            Self::Boots => boots(line),
        }
    }
}

/// Of what was timed, and of what was counted.
fn boots(line: &Line<'_>) -> String {
    let timed = line.row.map(|row| row.boots.to_string());
    let counted = line.count.map(|count| count.boots.to_string());
    let boots: Vec<_> = timed.into_iter().chain(counted).collect();
    boots.join("+")
}

/// A function call with the expected count, which only proves that these are counts.
fn is_self_check(line: &Line<'_>) -> bool {
    line.row.is_none() && line.count.is_some_and(|count| count.is_self_check())
}

fn block(summary: &Summary, platform: &Platform<'_>, columns: &[Column]) -> Block {
    let name = grid::platform(summary, platform.target);
    let mut lines = platform.lines();
    lines.retain(|line| !is_self_check(line));
    let rows = if lines.is_empty() {
        let mut cells = vec![grid::why_nothing(platform.target)];
        cells.resize(columns.len(), NOTHING.into());
        vec![cells]
    } else {
        let cells = |line| {
            columns
                .iter()
                .map(|column| column.cell(platform, line))
                .collect()
        };
        lines.iter().map(cells).collect()
    };
    Block {
        // Each row says that it is emulated.
        name: name.trim_end_matches(EMULATED).trim_end().to_owned(),
        look: if platform.is_emulated() {
            Look::Emulated
        } else if lines.is_empty() {
            Look::Missing
        } else {
            Look::Measured
        },
        rows,
    }
}
