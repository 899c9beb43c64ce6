//! The paths of crossings that somebody asked for.

use maud::html;

use super::figure::{self, figure};
use super::section::Section;
use crate::crossing::Crossing;
use crate::plot::{self, PlotError};

/// A bar for each function of each path; none where the run holds no paths.
pub(super) fn section(crossings: &[Crossing]) -> Result<Option<Section>, PlotError> {
    let mut figures = Vec::new();
    for path in crossings {
        let Crossing {
            target,
            total,
            cpu_model,
            ..
        } = path;
        let caption = format!("{target}, {cpu_model}: {} instructions", total.0);
        figures.push(figure(&plot::narrow_crossing(path)?, &caption));
    }
    let content = html! {
        p {
            "Instructions of one system call, function by function, in the order in which the \
             path enters them first. Counted in a boot of its own by "
            code { "tollgate trace" }
            ", on a processor as QEMU emulates it. Instructions are no time."
        }
        (figure::row(&figures))
    };
    Ok((!figures.is_empty()).then_some(Section {
        id: "crossings",
        title: "One crossing, function by function",
        content,
    }))
}
