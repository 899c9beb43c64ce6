use std::io::Write;

use contract::Method;

use super::{Count, Figures, Ratio, Row, Summary, SummaryError, TargetSummary};
use crate::units::{CoreCycles, Instructions, Nanoseconds, Ticks};
use crate::verdict::Verdict;

const HEADER: [&str; 47] = [
    "target",
    "method",
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
    "interval_low_ticks",
    "interval_high_ticks",
    "order_interval_low_ticks",
    "order_interval_high_ticks",
    "spread",
    "clock_moved",
    "outliers",
    "reference",
    "ratio",
    "ratio_low",
    "ratio_high",
    "missing",
    "label",
    "machine",
    "mean_cycles",
    "median_cycles",
    "q1_cycles",
    "q3_cycles",
    "median_of_boot_medians_cycles",
    "interval_low_cycles",
    "interval_high_cycles",
    "spread_cycles",
    "ratio_cycles",
    "ratio_low_cycles",
    "ratio_high_cycles",
    "instructions",
    "agreement",
    "counts_for",
    "cpu_model",
];

/// Writes `summary.csv`: one line a target and benchmark, timed or counted, nothing rounded. A
/// target without numbers has one line without them.
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
        let nothing = target.rows.is_empty() && target.counts.is_empty();
        let nothing = nothing.then_some(Content::Nothing);
        let rows = target.rows.iter().map(Content::Time);
        let counts = target.counts.iter().map(Content::Instructions);
        let all = nothing.into_iter().chain(rows).chain(counts);
        all.map(|content| fields(summary, target, content))
    });
    std::iter::once(header).chain(rows)
}

/// What a line is about.
#[derive(Clone, Copy)]
enum Content<'s> {
    Nothing,
    Time(&'s Row),
    Instructions(&'s Count),
}

fn fields(
    summary: &Summary,
    target: &TargetSummary,
    content: Content<'_>,
) -> [String; HEADER.len()] {
    let info = &target.info;
    let (row, count) = match content {
        Content::Nothing => (None, None),
        Content::Time(row) => (Some(row), None),
        Content::Instructions(count) => (None, Some(count)),
    };
    let known = row.map(|row| (row.benchmark, row.samples, row.boots));
    let counted = count.map(|count| (count.benchmark, count.samples, count.boots));
    let known = known.or(counted);
    let ticks = row.map(|r| columns(r.ticks, |Ticks(t)| t));
    let ns = row
        .and_then(|r| r.ns)
        .map(|f| columns(f, |Nanoseconds(ns)| ns));
    let [mean, median, q1, q3, boot_median] = ticks.unwrap_or_default();
    let [mean_ns, median_ns, q1_ns, q3_ns, boot_median_ns] = ns.unwrap_or_default();
    let interval = row.and_then(|r| r.interval);
    let [low, high] = ends(interval.map(|i| [i.low.0, i.high.0]));
    let order = row.and_then(|r| r.order_interval);
    let [order_low, order_high] = ends(order.map(|i| [i.low.0, i.high.0]));
    let ratio = row.and_then(|r| r.ratio.as_ref());
    let [ratio_low, ratio_high] = ends(ratio.and_then(ratio_ends));
    let cycles = row.and_then(|r| r.cycles.as_ref());
    let figures = cycles.map(|c| columns(c.figures, |CoreCycles(c)| c));
    let [
        mean_cycles,
        median_cycles,
        q1_cycles,
        q3_cycles,
        boot_median_cycles,
    ] = figures.unwrap_or_default();
    let interval = cycles.and_then(|c| c.interval);
    let [low_cycles, high_cycles] = ends(interval.map(|i| [i.low.0, i.high.0]));
    let ratio_cycles = cycles.and_then(|c| c.ratio.as_ref());
    let [ratio_low_cycles, ratio_high_cycles] = ends(ratio_cycles.and_then(ratio_ends));
    [
        info.name.clone(),
        info.method.map(Method::name).unwrap_or_default().into(),
        info.engine.clone(),
        if info.emulated { "emulated" } else { "" }.into(),
        known
            .map(|(benchmark, ..)| benchmark.name().into())
            .unwrap_or_default(),
        known.map_or(0, |(_, samples, _)| samples).to_string(),
        known.map_or(info.boots_ok, |(.., boots)| boots).to_string(),
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
        low,
        high,
        order_low,
        order_high,
        text(row.and_then(|r| r.spread)),
        text(row.and_then(|r| r.clock_moved)),
        text(row.and_then(|r| r.outliers)),
        ratio.map(|r| r.reference.clone()).unwrap_or_default(),
        text(ratio.map(|r| r.ratio)),
        ratio_low,
        ratio_high,
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
        mean_cycles,
        median_cycles,
        q1_cycles,
        q3_cycles,
        boot_median_cycles,
        low_cycles,
        high_cycles,
        text(cycles.and_then(|c| c.spread)),
        text(ratio_cycles.map(|r| r.ratio)),
        ratio_low_cycles,
        ratio_high_cycles,
        text(
            count
                .and_then(|c| c.instructions)
                .map(|Instructions(each)| each),
        ),
        text(count.map(|c| c.agreement)),
        info.counts_for.clone().unwrap_or_default(),
        info.cpu_model.clone().unwrap_or_default(),
    ]
}

fn ratio_ends(ratio: &Ratio) -> Option<[f64; 2]> {
    ratio.interval.map(|i| [i.low, i.high])
}

fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |ends| ends.map(|end| end.to_string()))
}

fn text(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn columns<U>(figures: Figures<U>, number: impl Fn(U) -> f64) -> [String; 5] {
    let f = figures.map(number);
    [f.mean, f.median, f.q1, f.q3, f.median_of_boot_medians].map(|x| x.to_string())
}
