//! Several machines: by class, and one by one.

use maud::{Markup, html};

use super::figure::figure;
use super::grid::{Grid, Group};
use super::number::{interval, nothing, percent, rounded};
use super::section::Section;
use crate::plot::{self, PlotError};
use crate::summary::Summary;
use crate::summary::fleet::{ClassCost, Fleet, FleetRow};

/// Empty for a run on one machine.
pub(super) fn section(summary: &Summary) -> Result<Option<Section>, PlotError> {
    let Some(fleet) = &summary.fleet else {
        return Ok(None);
    };
    let panels = plot::forest_panels(fleet)?;
    let figures = panels.iter();
    let figures: Vec<_> = figures
        .map(|panel| figure(&panel.picture, &panel.heading))
        .collect();
    let content = html! {
        ul { @for line in fleet.lines() { li { (line) } } }
        h3 { "By class of machines" }
        p { "Model, microcode and kernel. The cost is the median of the machines’ costs; the ratio is the geometric mean of the machines’ ratios." }
        (classes(fleet).render())
        @if !figures.is_empty() {
            h3 { "Machine by machine" }
            p { (plot::forest_explanation(fleet)) }
            (super::figure::row(&figures))
        }
    };
    Ok(Some(Section {
        id: "machines",
        title: "Machines",
        content,
    }))
}

fn classes(fleet: &Fleet) -> Grid<'_> {
    Grid {
        label: "Costs by class of machines",
        first: "Class",
        columns: vec!["machines", "boots", "ns", "ratio", "95 % interval"],
        groups: fleet.rows.iter().map(group).collect(),
    }
}

fn group(row: &FleetRow) -> Group {
    let spread = |share: Option<f64>| share.map_or_else(nothing, percent);
    Group {
        heading: Some(html! {
            (row.target) " " (row.benchmark.name()) ": spread between machines "
            (spread(row.between_machines)) ", between boots " (spread(row.between_boots))
        }),
        rows: row
            .classes
            .iter()
            .map(|class| (class.class.clone(), cells(class)))
            .collect(),
        ..Group::default()
    }
}

fn cells(class: &ClassCost) -> Vec<Markup> {
    let ends = class
        .interval
        .map(|[low, high]| interval(low, high, 3, "", ""));
    vec![
        html! { (class.machines) },
        html! { (class.boots) },
        rounded(class.ns.0, 2, " ns"),
        class
            .ratio
            .map_or_else(nothing, |ratio| rounded(ratio, 3, "")),
        ends.unwrap_or_else(nothing),
    ]
}
