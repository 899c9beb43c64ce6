//! The boots in order of time.

use maud::html;

use super::Run;
use super::figure::{self, figure};
use super::section::Section;
use crate::plot::{self, PlotError};

/// Each boot's median, by its place in the run.
pub(super) fn section(run: &Run<'_>) -> Result<Option<Section>, PlotError> {
    let mut targets = Vec::new();
    for target in &run.summary.targets {
        let panels = plot::boot_panels(target, run.boots)?;
        let figures: Vec<_> = panels
            .iter()
            .map(|panel| figure(&panel.picture, &panel.heading))
            .collect();
        if !figures.is_empty() {
            targets.push(html! { h3 { (figure::target(target)) } (figure::row(&figures)) });
        }
    }
    let content = html! {
        p { (plot::boots_explanation(run.summary)) }
        @for target in &targets { (target) }
    };
    Ok((!targets.is_empty()).then_some(Section {
        id: "boots",
        title: "Boots in order of time",
        content,
    }))
}
