//! What the tables for readers have in common: Table 1 of the paper, row by row.

use console_format::Benchmark;

use crate::reference::{self, Published};
use crate::summary::{Row, Summary, TargetSummary};
use crate::units::{Nanoseconds, Ticks};

/// Column titles of the measured block.
pub(super) const COLUMNS: [&str; 8] = [
    "Platform",
    "Routine call",
    "avg",
    "median",
    "q1",
    "q3",
    "ns (median)",
    "boots/samples",
];
/// How many columns at the beginning hold words; the others hold numbers.
pub(super) const WORDS: usize = 2;
/// How many columns of the measured block the published one has.
pub(super) const PUBLISHED_COLUMNS: usize = COLUMNS.len() - 1;

/// What stands where there is no number.
pub(super) const NOTHING: &str = "–";

/// A row of cells, not escaped for anything.
pub(super) type Cells = [String; COLUMNS.len()];

/// How a row from an emulator is marked.
pub(super) const EMULATED: &str = "(emulated)";

/// The caption over the measured block.
pub(super) fn caption(summary: &Summary) -> String {
    let mut caption = format!(
        "Experiment {}, {} method: TSC ticks for one operation",
        summary.info.experiment,
        summary.methods()
    );
    if let Some(tsc) = &summary.info.tsc {
        caption += &format!(" at {:.3} MHz ({})", tsc.hz.0 / 1e6, tsc.source);
    }
    caption + "."
}

/// The caption over the published block.
pub(super) fn published_caption() -> String {
    format!(
        "Published, not measured here: {}, on an {}.",
        reference::SOURCE,
        reference::MACHINE
    )
}

/// What must stand under the measured block.
pub(super) fn footnotes(summary: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    if summary.targets.iter().any(|t| t.info.emulated) {
        notes.push(
            "Rows marked “emulated” ran on an emulated processor: they show that the pipeline works, they measure nothing."
                .into(),
        );
    }
    for target in &summary.targets {
        let info = &target.info;
        if let Some(missing) = &info.missing {
            notes.push(format!(
                "{}: {}; {}",
                info.label, missing.what, missing.hint
            ));
        }
        if info.boots_failed > 0 {
            notes.push(format!(
                "{}: {} of {} boots failed and are in no number.",
                info.label,
                info.boots_failed,
                u64::from(info.boots_ok) + u64::from(info.boots_failed)
            ));
        }
    }
    notes.extend(summary.footnotes());
    notes
}

/// The measured block.
pub(super) fn measured(summary: &Summary) -> impl Iterator<Item = Cells> {
    summary
        .targets
        .iter()
        .flat_map(|target| rows(summary, target))
}

/// A target's rows: one a benchmark, or one that says why there is none.
pub(super) fn rows(summary: &Summary, target: &TargetSummary) -> impl Iterator<Item = Cells> {
    let platform = platform(summary, target);
    let nothing = target.rows.is_empty();
    let nothing = nothing.then(|| without_numbers(platform.clone(), target));
    let rows = target
        .rows
        .iter()
        .map(move |row| with_numbers(platform.clone(), row));
    nothing.into_iter().chain(rows)
}

/// The published block.
pub(super) fn published() -> impl Iterator<Item = [String; PUBLISHED_COLUMNS]> {
    reference::PUBLISHED.iter().map(|p: &Published| {
        let Nanoseconds(ns) = p.median_ns();
        let [mean, median, q1, q3] = [p.mean, p.median, p.q1, p.q3].map(|Ticks(t)| number(t));
        [
            p.platform.into(),
            routine(p.benchmark).into(),
            mean,
            median,
            q1,
            q3,
            number(ns),
        ]
    })
}

/// A benchmark as the tables and plots call it.
pub(crate) fn routine(benchmark: Benchmark) -> &'static str {
    match benchmark {
        Benchmark::Tsc => "empty measurement",
        Benchmark::Fcall => "function call",
        Benchmark::FcallChain => "function calls in a chain",
        Benchmark::Scall => "system call",
        Benchmark::Enosys => "system call (ENOSYS)",
    }
}

/// A target as the tables name it.
pub(super) fn platform(summary: &Summary, target: &TargetSummary) -> String {
    let mut platform = target.info.label.clone();
    if summary.is_mixed() {
        platform += &format!(" ({} method)", target.info.method_name());
    }
    if target.info.emulated {
        platform += &format!(" {EMULATED}");
    }
    platform
}

fn with_numbers(platform: String, row: &Row) -> Cells {
    let ticks = row.ticks.map(|Ticks(t)| number(t));
    [
        platform,
        routine(row.benchmark).into(),
        ticks.mean,
        ticks.median,
        ticks.q1,
        ticks.q3,
        row.ns.map_or(NOTHING.into(), |ns| number(ns.median.0)),
        format!("{}/{}", row.boots, row.samples),
    ]
}

fn without_numbers(platform: String, target: &TargetSummary) -> Cells {
    let why = match &target.info.missing {
        Some(missing) => missing.what.clone(),
        None => "no boot succeeded".into(),
    };
    let mut cells: Cells = std::array::from_fn(|_| NOTHING.into());
    cells[0] = platform;
    cells[1] = why;
    cells
}

pub(super) fn number(x: f64) -> String {
    format!("{x:.2}")
}
