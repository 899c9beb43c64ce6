//! What watching a crossing adds.

use maud::{Markup, html};

use super::figure::figure;
use super::grid::{Grid, Group};
use super::section::Section;
use crate::plot::{self, PlotError};
use crate::watches::{COLUMNS, WORDS, WatchCost, WatchedTarget, Watches, cells};

/// A table and a heat map for each target; none if nothing was watched.
pub(super) fn section(watches: Option<&Watches>) -> Result<Option<Section>, PlotError> {
    let Some(watches) = watches.filter(|watches| !watches.targets.is_empty()) else {
        return Ok(None);
    };
    let mut targets = Vec::new();
    for target in &watches.targets {
        targets.push((target, plot::watches(target)?));
    }
    let content = html! {
        p {
            "What a watch adds to one operation: watched minus the mean of the unwatched batches \
             before and after it, in the same boot. " em { "Idle" } " is the same process with \
             the same program and maps, not attached; " em { "equal" } " is the smallest share of \
             slopes that agree exactly. Instructions are not time."
        }
        @for (target, picture) in &targets {
            (figure(picture, &target.label))
            (table(target).render())
            ul {
                @for finding in &target.findings { li { (finding) } }
                @for row in &target.costs {
                    @for finding in row.refused.iter().chain(&row.findings) {
                        li { (name(row)) ": " (finding) }
                    }
                }
            }
        }
    };
    Ok(Some(Section {
        id: "watches",
        title: "What watching adds",
        content,
    }))
}

fn table(target: &WatchedTarget) -> Grid<'_> {
    let rows = target.costs.iter().map(|row| {
        let numbers = cells(row, target.unit).into_iter().skip(WORDS);
        let numbers: Vec<Markup> = numbers.map(|cell| html! { (cell) }).collect();
        (name(row), numbers)
    });
    Grid {
        label: "What watching adds to one operation",
        first: "Watch",
        columns: COLUMNS.iter().skip(WORDS).copied().collect(),
        groups: vec![Group {
            heading: Some(html! { (target.label) ", " (target.unit.name()) }),
            rows: rows.collect(),
            ..Group::default()
        }],
    }
}

fn name(row: &WatchCost) -> String {
    format!(
        "{} · {} · {} · {}",
        row.kind, row.site, row.operation, row.program
    )
}
