//! Table 1 as measured here.

use maud::{Markup, html};

use super::figure;
use super::grid::{Grid, Group};
use super::number::{instructions, interval, nothing, percent, rounded, whole};
use super::section::Section;
use crate::digits;
use crate::stats::{BootstrapMethod, bootstrap};
use crate::summary::{InCycles, Line, Platform, Ratio, Row, Summary, TargetSummary};
use crate::table::{OTHER_PATH, another_path, counted_on};
use crate::units::CoreCycles;

/// The tables and their explanations.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let timed = summary.targets.iter().any(|target| !target.rows.is_empty());
    let content = html! {
        p {
            "For one operation. "
            dfn { "Ticks" } ", core cycles and nanoseconds: the median of the boots’ medians, so that each boot counts once. "
            @if summary.has_counts() {
                dfn { "Instructions" } ": a whole number that is the same in all boots of an \
                    emulated machine; it does not measure time. "
            }
            dfn { "Ratio" } ": ticks divided by those of the reference target."
        }
        (glance(summary).render())
        @for line in counted_on(summary) { p .note { (line) } }
        @if let Some(line) = another_path(summary) { p .note { (line) } }
        @if timed {
            h3 { "In ticks" }
            p {
                "Mean, median and quartiles are those of all samples together, as in the paper. "
                dfn { "Boot median" } ": the median of the boots’ medians"
                @if summary.has_intervals() {
                    "; its interval is by bootstrap over boots (" (whole(u64::from(bootstrap::RESAMPLES))) " resamples, seed " (bootstrap::SEED) ")"
                }
                ". "
                dfn { "Spread" } ": the interquartile range of the boots’ medians, divided by their median."
            }
            (table(summary).render())
        }
        @if summary.has_cycles() {
            h3 { "In core cycles" }
            p {
                "Cycles at the core’s own clock, from the clock chains around each sample: \
                 changes of that clock from boot to boot affect ticks, but not core cycles. If \
                 ticks spread more, the clock is the cause."
            }
            (cycles_table(summary).render())
        }
        @if let Some(verdict) = verdict(summary) { p .note { (verdict) } }
        p .note {
            "Values are rounded, those with an interval to a precision that shows its width. The \
             exact values appear on hover; all are in "
            a href="summary.csv" { "summary.csv" } " and " a href="summary.json" { "summary.json" } "."
        }
    };
    Some(Section {
        id: "results",
        title: "Results",
        content,
    })
}

/// The doctor's verdict in one line; its findings have a separate section.
fn verdict(summary: &Summary) -> Option<Markup> {
    let verdict = summary.info.doctor.as_ref()?.lines().into_iter().next()?;
    Some(html! { a href="#doctor" { (verdict) } })
}

/// One number per unit, side by side.
fn glance(summary: &Summary) -> Grid<'_> {
    let mut columns = vec!["ticks", "core cycles", "ns"];
    if summary.has_counts() {
        columns.extend(["instructions", "instr. / core cycle"]);
    }
    columns.extend(["ratio", "boots / samples"]);
    let group = |platform: Platform<'_>| {
        let lines = platform.lines();
        let rows = lines.iter().map(|line| {
            let cells = glance_cells(summary, &platform, line);
            (line.benchmark.title().into(), cells)
        });
        Group {
            heading: Some(html! {
                (figure::target(platform.target)) " " span .engine { (made(platform.target)) }
            }),
            emulated: platform.is_emulated(),
            rows: rows.collect(),
            empty: lines.is_empty().then(|| why_empty(platform.target)),
        }
    };
    Grid {
        label: "Measured values",
        first: "Call",
        columns,
        groups: summary.platforms().map(group).collect(),
    }
}

fn glance_cells(summary: &Summary, platform: &Platform<'_>, line: &Line<'_>) -> Vec<Markup> {
    let row = line.row;
    let cycles = row.and_then(|row| row.cycles.as_ref());
    let ns = row.and_then(|row| row.ns);
    let mut cells = vec![
        row.map_or_else(nothing, boot_median),
        cycles.map_or_else(nothing, cycles_median),
        ns.map_or_else(nothing, |ns| rounded(ns.median_of_boot_medians.0, 2, " ns")),
    ];
    if summary.has_counts() {
        cells.push(instructions(line.instructions()));
        cells.push(line.instructions_per_cycle().map_or_else(nothing, |ratio| {
            let unit = " instructions per core cycle";
            html! {
                (rounded(ratio, 2, unit))
                @if platform.counts_another_path(line.benchmark) { (OTHER_PATH) }
            }
        }));
    }
    let ratio = row.and_then(|row| row.ratio.as_ref());
    cells.push(ratio.map_or_else(nothing, |ratio| rounded(ratio.ratio, 3, "")));
    let timed = row.map(|row| (row.boots, row.samples));
    let counted = line.count.map(|count| (count.boots, count.samples));
    cells.push(timed.or(counted).map_or_else(nothing, |(boots, samples)| {
        html! { (whole(u64::from(boots))) " / " (whole(samples)) }
    }));
    cells
}

/// How many columns the table of ticks has.
const N: usize = 8;

fn table(summary: &Summary) -> Grid<'_> {
    let groups = summary.targets.iter().map(|target| Group {
        heading: Some(figure::target(target)),
        emulated: target.info.measures_emulator(),
        rows: target
            .rows
            .iter()
            .map(|row| (row.benchmark.title().into(), cells(row).into()))
            .collect(),
        empty: None,
    });
    Grid {
        label: "Measured values in ticks",
        first: "Call",
        columns: vec![
            "mean, ticks",
            "median, ticks",
            "q1, ticks",
            "q3, ticks",
            "boot median, ticks",
            "95 % interval, ticks",
            "spread",
            "ratio",
        ],
        groups: groups.filter(|group| !group.rows.is_empty()).collect(),
    }
}

fn cycles_table(summary: &Summary) -> Grid<'_> {
    let groups = summary.targets.iter().map(|target| Group {
        heading: Some(figure::target(target)),
        emulated: target.info.measures_emulator(),
        rows: target.rows.iter().filter_map(in_cycles).collect(),
        empty: None,
    });
    Grid {
        label: "Measured values in core cycles",
        first: "Call",
        columns: vec![
            "boot median, core cycles",
            "95 % interval, core cycles",
            "spread of core cycles",
            "spread of ticks",
            "ratio",
        ],
        groups: groups.filter(|group| !group.rows.is_empty()).collect(),
    }
}

/// As precise as its interval.
fn cycles_median(cycles: &InCycles) -> Markup {
    let ends = cycles.interval.map(|i| (i.low.0, i.high.0));
    let CoreCycles(median) = cycles.figures.median_of_boot_medians;
    rounded(median, decimals(ends, 2), UNIT)
}

fn in_cycles(row: &Row) -> Option<(String, Vec<Markup>)> {
    let cycles = row.cycles.as_ref()?;
    let ends = cycles.interval.map(|i| (i.low.0, i.high.0));
    let cells = vec![
        cycles_median(cycles),
        ends.map_or_else(nothing, |(low, high)| {
            interval(low, high, 2, UNIT, " by bootstrap")
        }),
        cycles.spread.map_or_else(nothing, percent),
        row.spread.map_or_else(nothing, percent),
        ratio(cycles.ratio.as_ref()),
    ];
    Some((row.benchmark.title().into(), cells))
}

const UNIT: &str = " core cycles";

/// How the rows were measured, and what their ratios refer to.
fn made(target: &TargetSummary) -> String {
    let method = target.info.method.map_or("original program", |m| m.name());
    let rows = target.rows.iter();
    let mut references: Vec<_> = rows
        .filter_map(|row| Some(row.ratio.as_ref()?.reference.as_str()))
        .collect();
    references.dedup();
    let ratios = if references.is_empty() {
        String::new()
    } else {
        format!(", ratios to {}", references.join(" and "))
    };
    format!("engine {}, method {method}{ratios}", target.info.engine)
}

fn why_empty(target: &TargetSummary) -> Markup {
    html! {
        @match &target.info.missing {
            Some(missing) => { (missing.what) ": " (missing.hint) },
            None => "No boot succeeded, so numbers are missing.",
        }
    }
}

fn cells(row: &Row) -> [Markup; N] {
    let ticks = |value: f64| rounded(value, 2, " ticks");
    let t = row.ticks;
    [
        ticks(t.mean.0),
        ticks(t.median.0),
        ticks(t.q1.0),
        ticks(t.q3.0),
        boot_median(row),
        median_interval(row),
        row.spread.map_or_else(nothing, percent),
        ratio(row.ratio.as_ref()),
    ]
}

/// The bootstrap's interval; on hover, how it was computed, and the interval by order
/// statistics.
fn median_interval(row: &Row) -> Markup {
    let Some(i) = row.interval else {
        return nothing();
    };
    let method = match i.method {
        BootstrapMethod::Bca => "BCa",
        BootstrapMethod::Percentile => "percentiles",
    };
    let order = row.order_interval.map_or(String::new(), |order| {
        let (low, high, level) = (order.low.0, order.high.0, 100.0 * order.level);
        format!("; by order statistics [{low}, {high}] ticks, which holds in {level} %")
    });
    let how = format!(" by bootstrap, {method}{order}");
    interval(i.low.0, i.high.0, 2, " ticks", &how)
}

/// As precise as its interval.
fn boot_median(row: &Row) -> Markup {
    let ends = row.interval.map(|i| (i.low.0, i.high.0));
    let median = row.ticks.median_of_boot_medians.0;
    rounded(median, decimals(ends, 2), " ticks")
}

/// So many that an interval shows its width, and at least this many.
fn decimals(ends: Option<(f64, f64)>, least: usize) -> usize {
    ends.map_or(least, |(low, high)| digits::of_interval(low, high, least))
}

fn ratio(ratio: Option<&Ratio>) -> Markup {
    let Some(ratio) = ratio else {
        return nothing();
    };
    let ends = ratio.interval.as_ref().map(|i| (i.low, i.high));
    html! {
        (rounded(ratio.ratio, decimals(ends, 3), ""))
        @if let Some((low, high)) = ends { " " (interval(low, high, 3, "", " by bootstrap")) }
    }
}
