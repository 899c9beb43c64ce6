//! Ratios and distributions.

use maud::html;

use super::Run;
use super::figure::{self, figure};
use super::section::Section;
use crate::plot::{self, PlotError};
use crate::summary::Summary;

/// Each call's ratio to the reference target; empty if there is nothing to compare.
pub(super) fn ratios(summary: &Summary) -> Result<Option<Section>, PlotError> {
    let panels = plot::ratio_panels(summary)?;
    let figures: Vec<_> = panels
        .iter()
        .map(|panel| figure(&panel.picture, &panel.heading))
        .collect();
    let content = html! {
        p { (plot::ratio_explanation(summary)) }
        (figure::row(&figures))
    };
    Ok((!figures.is_empty()).then_some(Section {
        id: "ratios",
        title: "Ratios",
        content,
    }))
}

/// A histogram of each target's samples, call by call.
pub(super) fn distributions(run: &Run<'_>) -> Result<Option<Section>, PlotError> {
    let mut targets = Vec::new();
    for target in &run.summary.targets {
        let panels = plot::distribution_panels(target, run.levels)?;
        let figures: Vec<_> = panels
            .iter()
            .map(|panel| figure(&panel.picture, &panel.heading))
            .collect();
        if !figures.is_empty() {
            targets.push(html! { h3 { (figure::target(target)) } (figure::row(&figures)) });
        }
    }
    let content = html! {
        p { (plot::distribution_explanation()) }
        @for target in &targets { (target) }
    };
    Ok((!targets.is_empty()).then_some(Section {
        id: "distributions",
        title: "Distributions",
        content,
    }))
}
