use std::io::Write;

use super::{Figures, Row, Summary, SummaryError, TargetSummary};
use crate::units::{Nanoseconds, Ticks};
use crate::verdict::Verdict;

const HEADER: [&str; 20] = [
    "target",
    "engine",
    "emulated",
    "benchmark",
    "samples",
    "boots",
    "boots_failed",
    "mean_ticks",
    "median_ticks",
    "q1_ticks",
    "q3_ticks",
    "median_of_boot_medians_ticks",
    "mean_ns",
    "median_ns",
    "q1_ns",
    "q3_ns",
    "median_of_boot_medians_ns",
    "missing",
    "label",
    "machine",
];

/// Writes `summary.csv`: one line a target and benchmark, nothing rounded. A target
/// without numbers has one line without them.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv<W: Write>(out: W, summary: &Summary) -> Result<(), SummaryError> {
    let mut csv = csv::Writer::from_writer(out);
    rows(summary)
        .try_for_each(|row| csv.write_record(row))
        .map_err(std::io::Error::from)
        .and_then(|()| csv.flush())
        .map_err(|error| SummaryError::Io {
            file: "summary.csv",
            error,
        })
}

fn rows(summary: &Summary) -> impl Iterator<Item = [String; HEADER.len()]> {
    let header = HEADER.map(String::from);
    let rows = summary.targets.iter().flat_map(|target| {
        let nothing = target
            .rows
            .is_empty()
            .then(|| fields(summary, target, None));
        let rows = target
            .rows
            .iter()
            .map(|row| fields(summary, target, Some(row)));
        nothing.into_iter().chain(rows)
    });
    std::iter::once(header).chain(rows)
}

fn fields(summary: &Summary, target: &TargetSummary, row: Option<&Row>) -> [String; HEADER.len()] {
    let info = &target.info;
    let ticks = row.map(|r| columns(r.ticks, |Ticks(t)| t));
    let ns = row
        .and_then(|r| r.ns)
        .map(|f| columns(f, |Nanoseconds(ns)| ns));
    let [mean, median, q1, q3, boot_median] = ticks.unwrap_or_default();
    let [mean_ns, median_ns, q1_ns, q3_ns, boot_median_ns] = ns.unwrap_or_default();
    [
        info.name.clone(),
        info.engine.clone(),
        if info.emulated { "emulated" } else { "" }.into(),
        row.map(|r| r.benchmark.name().into()).unwrap_or_default(),
        row.map_or(0, |r| r.samples).to_string(),
        row.map_or(info.boots_ok, |r| r.boots).to_string(),
        info.boots_failed.to_string(),
        mean,
        median,
        q1,
        q3,
        boot_median,
        mean_ns,
        median_ns,
        q1_ns,
        q3_ns,
        boot_median_ns,
        info.missing
            .as_ref()
            .map(|m| format!("{}: {}", m.what, m.hint))
            .unwrap_or_default(),
        info.label.clone(),
        summary
            .info
            .doctor
            .as_ref()
            .map_or("", Verdict::name)
            .into(),
    ]
}

fn columns<U>(figures: Figures<U>, number: impl Fn(U) -> f64) -> [String; 5] {
    let f = figures.map(number);
    [f.mean, f.median, f.q1, f.q3, f.median_of_boot_medians].map(|x| x.to_string())
}
