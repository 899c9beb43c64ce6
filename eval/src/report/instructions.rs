//! The counts: how well samples agree, and for which processors.

use std::fmt::Write;

use maud::{Markup, html};

use super::figure::{self, figure};
use super::grid::{Grid, Group};
use super::number::{instructions, percent, whole};
use super::section::Section;
use crate::plot::{self, PlotError};
use crate::summary::{Count, ModelGroup, Summary, TargetSummary};
use crate::units::Instructions;

/// Counts, with a bar for each; empty if nothing was counted.
pub(super) fn section(summary: &Summary) -> Result<Option<Section>, PlotError> {
    let panels = plot::instruction_panels(summary)?;
    let figures: Vec<_> = panels
        .iter()
        .map(|panel| figure(&panel.picture, &panel.heading))
        .collect();
    let models = summary.model_groups();
    let content = html! {
        p { (plot::instructions_explanation()) }
        (table(summary).render())
        @if !figures.is_empty() { (figure::row(&figures)) }
        @if !models.is_empty() {
            h3 { "CPU models as QEMU emulates them" }
            p {
                "Models form a group if their counts and the features by which Linux chooses its \
                 path are equal. The table shows what Linux does on such a processor, not the \
                 cost on the real one."
            }
            (model_table(&models))
        }
    };
    Ok(summary.has_counts().then_some(Section {
        id: "instructions",
        title: "Instructions",
        content,
    }))
}

fn table(summary: &Summary) -> Grid<'_> {
    let counted = summary.targets.iter().filter(|t| !t.counts.is_empty());
    let group = |target: &TargetSummary| Group {
        heading: Some(figure::target(target)),
        emulated: false,
        rows: target
            .counts
            .iter()
            .map(|count| (count.benchmark.title().into(), cells(count)))
            .collect(),
        empty: None,
    };
    Grid {
        label: "Instructions for one operation",
        first: "Call",
        columns: vec![
            "instructions",
            "samples that agree",
            "others",
            "samples",
            "boots",
        ],
        groups: counted.map(group).collect(),
    }
}

fn cells(count: &Count) -> Vec<Markup> {
    vec![
        instructions(count.instructions),
        percent(count.agreement),
        others(count),
        whole(count.samples),
        whole(u64::from(count.boots)),
    ]
}

/// The number of other values that are listed; summary.json has all.
const NAMED: usize = 3;

fn others(count: &Count) -> Markup {
    let others = count.seen.iter().skip(1);
    let named = others
        .clone()
        .take(NAMED)
        .map(|seen| match seen.instructions {
            Some(Instructions(each)) => format!("{each} ({})", seen.samples),
            None => format!("not whole ({})", seen.samples),
        });
    let mut text = named.collect::<Vec<_>>().join(", ");
    let more = others.skip(NAMED).count();
    if more > 0 {
        let _ = write!(text, ", {more} more");
    }
    html! { @if text.is_empty() { "none" } @else { (text) } }
}

fn model_table(groups: &[ModelGroup<'_>]) -> Markup {
    html! {
        table .plain {
            thead {
                tr {
                    th scope="col" { "Models" }
                    th scope="col" { "Instructions" }
                    th scope="col" { "Features and mitigations" }
                }
            }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" .several { (group.labels().join("; ")) }
                        td { (group.counts()) }
                        td {
                            p { "Features: " (group.features()) }
                            @for line in group.mitigations() { p { (line) } }
                            @for line in group.others() { p .note { (line) } }
                        }
                    }
                }
            }
        }
    }
}
