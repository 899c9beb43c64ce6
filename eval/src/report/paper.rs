//! The paper's published values.

use maud::{Markup, html};

use super::grid::{Grid, Group};
use super::number::rounded;
use super::section::Section;
use crate::reference::{MACHINE, PUBLISHED, Published, SOURCE};

/// The paper's table.
pub(super) fn section() -> Option<Section> {
    let content = html! {
        p { "Published, not measured here: " (SOURCE) ", on an " (MACHINE) "." }
        (table().render())
        p .note { "The original program cut off decimals before computing its statistics." }
    };
    Some(Section {
        id: "paper",
        title: "The paper’s values",
        content,
    })
}

fn table() -> Grid<'static> {
    let rows = PUBLISHED.iter().map(|p| (name(p), cells(p).into()));
    Grid {
        label: "Published values",
        first: "Platform and call",
        columns: vec![
            "mean, ticks",
            "median, ticks",
            "q1, ticks",
            "q3, ticks",
            "median, ns",
        ],
        groups: vec![Group {
            rows: rows.collect(),
            ..Group::default()
        }],
    }
}

fn name(p: &Published) -> String {
    format!("{}: {}", p.platform, p.benchmark.title())
}

fn cells(p: &Published) -> [Markup; 5] {
    let ticks = |value: f64| rounded(value, 2, " ticks");
    [
        ticks(p.mean.0),
        ticks(p.median.0),
        ticks(p.q1.0),
        ticks(p.q3.0),
        rounded(p.median_ns().0, 2, " ns"),
    ]
}
