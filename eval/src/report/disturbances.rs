//! What disturbed the measurement: counted, and never deleted.

use maud::{Markup, html};

use super::Run;
use super::figure;
use super::grid::{Grid, Group};
use super::number::{interval, nothing, rounded, whole};
use super::rounds;
use super::section::Section;
use crate::boot::Boot;
use crate::summary::{Row, Summary, TargetSummary};

/// The number of columns in the table of flagged samples.
const N: usize = 6;

/// Their headings.
const COLUMNS: [&str; N] = [
    "samples",
    "clock moved",
    "outliers",
    "boot median, ticks",
    "without them, ticks",
    "95 % interval, ticks",
];

/// Flagged samples and the kernel's counters; empty if nothing was recorded.
pub(super) fn section(run: &Run<'_>) -> Option<Section> {
    let watched = run.summary.targets.iter().flat_map(|t| &t.rows);
    let watched = watched.map(|row| row.clock_moved.or(row.outliers));
    let flagged = watched.flatten().next().is_some();
    let counters: Vec<_> = run
        .summary
        .targets
        .iter()
        .filter_map(|target| Some((target, counters(target, run.boots)?)))
        .collect();
    if !flagged && counters.is_empty() {
        return None;
    }
    let content = html! {
        p {
            "No sample is deleted: all numbers above include all samples. A sample is flagged if \
             the core’s clock changed during it, or if it is an outlier, far from its boot’s \
             median. The table shows the numbers without these samples."
        }
        @if flagged { (flags(run.summary).render()) }
        @if !counters.is_empty() {
            h3 { "What the kernels counted during the measurement" }
            (counts(&counters).render())
        }
        @if let Some(rounds) = rounds::disturbed(run) { (rounds) }
    };
    Some(Section {
        id: "disturbances",
        title: "Disturbances",
        content,
    })
}

fn flags(summary: &Summary) -> Grid<'_> {
    let targets = summary.targets.iter().filter(|t| !t.rows.is_empty());
    let group = |target: &TargetSummary| Group {
        heading: Some(figure::target(target)),
        emulated: target.info.measures_emulator(),
        rows: target
            .rows
            .iter()
            .map(|row| (row.benchmark.title().into(), cells(row).into()))
            .collect(),
        empty: None,
    };
    Grid {
        label: "Flagged samples",
        first: "Call",
        columns: COLUMNS.into(),
        groups: targets.map(group).collect(),
    }
}

fn cells(row: &Row) -> [Markup; N] {
    let ticks = |value: f64| rounded(value, 2, " ticks");
    let without = row.without_flagged.as_ref();
    [
        whole(row.samples),
        row.clock_moved.map_or_else(nothing, |n| part(n, row)),
        row.outliers.map_or_else(nothing, |n| part(n, row)),
        ticks(row.ticks.median_of_boot_medians.0),
        without.map_or_else(nothing, |v| ticks(v.ticks.median_of_boot_medians.0)),
        without.and_then(|v| v.interval).map_or_else(nothing, |i| {
            interval(i.low.0, i.high.0, 2, " ticks", " by bootstrap")
        }),
    ]
}

fn part(count: u64, row: &Row) -> Markup {
    let share = 100.0 * count as f64 / row.samples.max(1) as f64;
    html! { (whole(count)) " " span .nowrap { "(" (rounded(share, 2, " %")) "\u{a0}%)" } }
}

/// A counter of a target's kernel.
struct Counter<'b> {
    name: &'b str,
    total: u64,
    boots: usize,
    disturbed: usize,
    worst: &'b Boot,
    most: u64,
}

fn counters<'b>(target: &TargetSummary, boots: &'b [Boot]) -> Option<Vec<Counter<'b>>> {
    let mut counters: Vec<Counter<'b>> = Vec::new();
    for boot in boots.iter().filter(|b| b.target == target.info.name) {
        for (name, count) in &boot.disturbances {
            let known = counters.iter_mut().find(|c| c.name == name);
            match known {
                Some(counter) => counter.add(boot, *count),
                None => {
                    let mut counter = Counter {
                        name,
                        total: 0,
                        boots: 0,
                        disturbed: 0,
                        worst: boot,
                        most: 0,
                    };
                    counter.add(boot, *count);
                    counters.push(counter);
                }
            }
        }
    }
    (!counters.is_empty()).then_some(counters)
}

impl<'b> Counter<'b> {
    fn add(&mut self, boot: &'b Boot, count: u64) {
        self.total = self.total.saturating_add(count);
        self.boots += 1;
        self.disturbed += usize::from(count > 0);
        if count > self.most {
            self.most = count;
            self.worst = boot;
        }
    }

    fn cells(&self) -> [Markup; 3] {
        [
            whole(self.total),
            html! { (self.disturbed) " of " (self.boots) },
            html! {
                (whole(self.most))
                @if self.most > 0 { " (boot " (self.worst.boot) ")" }
            },
        ]
    }
}

fn counts<'a>(targets: &[(&TargetSummary, Vec<Counter<'_>>)]) -> Grid<'a> {
    let group = |(target, counters): &(&TargetSummary, Vec<Counter<'_>>)| Group {
        heading: Some(figure::target(target)),
        emulated: target.info.measures_emulator(),
        rows: counters
            .iter()
            .map(|c| (c.name.to_owned(), c.cells().into()))
            .collect(),
        empty: None,
    };
    Grid {
        label: "Counters of the kernels",
        first: "Counter",
        columns: vec!["total", "boots affected", "most in a boot"],
        groups: targets.iter().map(group).collect(),
    }
}
