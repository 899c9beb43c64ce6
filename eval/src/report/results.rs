//! Table 1 as measured here.

use maud::{Markup, html};

use super::figure;
use super::grid::{Grid, Group};
use super::number::{interval, nothing, percent, rounded, whole};
use super::section::Section;
use crate::digits;
use crate::stats::{BootstrapMethod, bootstrap};
use crate::summary::{Ratio, Row, Summary, TargetSummary};
use crate::table::routine;
use crate::units::CoreCycles;

/// How many columns there are.
const N: usize = 10;

/// Titles of the columns behind the call's name.
const COLUMNS: [&str; N] = [
    "mean, ticks",
    "median, ticks",
    "q1, ticks",
    "q3, ticks",
    "median, ns",
    "boot median, ticks",
    "95 % interval, ticks",
    "spread",
    "ratio",
    "boots / samples",
];

/// The table and what it says.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let content = html! {
        p {
            "For one operation. Mean, median and quartiles are those of all samples together, as in the paper. "
            dfn { "Boot median" } ": the median of the boots’ medians, a boot counting once"
            @if summary.has_intervals() {
                "; its interval is by bootstrap over boots (" (whole(u64::from(bootstrap::RESAMPLES))) " resamples, seed " (bootstrap::SEED) ")"
            }
            ". "
            dfn { "Spread" } ": the boots’ interquartile range over their median. "
            dfn { "Ratio" } ": boot median over the reference target’s."
        }
        (table(summary).render())
        @if summary.has_cycles() {
            h3 { "In core cycles" }
            p {
                "Cycles at the core’s own clock, as the clock chains around each sample tell it: what that clock did from boot to boot is in ticks, and is not in these. Where ticks spread more, it is the clock that differed."
            }
            (cycles_table(summary).render())
        }
        @if let Some(verdict) = verdict(summary) { p .note { (verdict) } }
        p .note {
            "Rounded for reading, where there is an interval so far that its width shows. The exact values appear on hover; all stand in "
            a href="summary.csv" { "summary.csv" } " and " a href="summary.json" { "summary.json" } "."
        }
    };
    Some(Section {
        id: "results",
        title: "Results",
        content,
    })
}

/// The doctor's word in a line; its findings have a section of their own.
fn verdict(summary: &Summary) -> Option<Markup> {
    let verdict = summary.info.doctor.as_ref()?.lines().into_iter().next()?;
    Some(html! { a href="#doctor" { (verdict) } })
}

fn table(summary: &Summary) -> Grid<'_, N> {
    Grid {
        label: "Measured values",
        first: "Call",
        columns: COLUMNS,
        groups: summary.targets.iter().map(group).collect(),
    }
}

/// How many columns the table of core cycles has.
const N_CYCLES: usize = 5;

/// Their titles.
const CYCLES_COLUMNS: [&str; N_CYCLES] = [
    "boot median, core cycles",
    "95 % interval, core cycles",
    "spread of core cycles",
    "spread of ticks",
    "ratio",
];

fn cycles_table(summary: &Summary) -> Grid<'_, N_CYCLES> {
    let groups = summary.targets.iter().map(|target| Group {
        heading: Some(figure::target(target)),
        emulated: target.info.emulated,
        rows: target.rows.iter().filter_map(in_cycles).collect(),
        empty: None,
    });
    Grid {
        label: "Measured values in core cycles",
        first: "Call",
        columns: CYCLES_COLUMNS,
        groups: groups.filter(|group| !group.rows.is_empty()).collect(),
    }
}

fn in_cycles(row: &Row) -> Option<(String, [Markup; N_CYCLES])> {
    let cycles = row.cycles.as_ref()?;
    let ends = cycles.interval.map(|i| (i.low.0, i.high.0));
    let CoreCycles(median) = cycles.figures.median_of_boot_medians;
    let cells = [
        rounded(median, decimals(ends, 2), UNIT),
        ends.map_or_else(nothing, |(low, high)| {
            interval(low, high, 2, UNIT, " by bootstrap")
        }),
        cycles.spread.map_or_else(nothing, percent),
        row.spread.map_or_else(nothing, percent),
        ratio(cycles.ratio.as_ref()),
    ];
    Some((routine(row.benchmark).into(), cells))
}

const UNIT: &str = " core cycles";

fn group(target: &TargetSummary) -> Group<N> {
    let rows = target.rows.iter();
    Group {
        heading: Some(html! {
            (figure::target(target)) " " span .engine { (made(target)) }
        }),
        emulated: target.info.emulated,
        rows: rows
            .map(|row| (routine(row.benchmark).into(), cells(row)))
            .collect(),
        empty: target.rows.is_empty().then(|| why_empty(target)),
    }
}

/// How the rows came about, and what their ratios refer to.
fn made(target: &TargetSummary) -> String {
    let method = target.info.method.map_or("original program", |m| m.name());
    let rows = target.rows.iter();
    let mut references: Vec<_> = rows
        .filter_map(|row| Some(row.ratio.as_ref()?.reference.as_str()))
        .collect();
    references.dedup();
    let ratios = match references.is_empty() {
        true => String::new(),
        false => format!(", ratios to {}", references.join(" and ")),
    };
    format!("engine {}, method {method}{ratios}", target.info.engine)
}

fn why_empty(target: &TargetSummary) -> Markup {
    html! {
        @match &target.info.missing {
            Some(missing) => { (missing.what) ": " (missing.hint) },
            None => "No boot succeeded: there are no numbers.",
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
        row.ns
            .map_or_else(nothing, |ns| rounded(ns.median.0, 2, " ns")),
        boot_median(row),
        median_interval(row),
        row.spread.map_or_else(nothing, percent),
        ratio(row.ratio.as_ref()),
        html! { (whole(u64::from(row.boots))) " / " (whole(row.samples)) },
    ]
}

/// The bootstrap's interval; on hover, how it was made and what order statistics say.
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

/// As exact as its interval.
fn boot_median(row: &Row) -> Markup {
    let ends = row.interval.map(|i| (i.low.0, i.high.0));
    let median = row.ticks.median_of_boot_medians.0;
    rounded(median, decimals(ends, 2), " ticks")
}

/// So many that an interval shows its width, and at least so many.
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
