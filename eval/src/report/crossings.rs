//! The paths of crossings that were recorded for the run.

use std::fmt::Write;

use maud::html;

use super::figure::{self, figure};
use super::section::Section;
use crate::crossing::Crossing;
use crate::plot::{self, PlotError};
use crate::summary::Summary;
use crate::units::Instructions;

/// A bar for each function of each path; none where the run holds no paths.
pub(super) fn section(
    summary: &Summary,
    crossings: &[Crossing],
) -> Result<Option<Section>, PlotError> {
    let mut figures = Vec::new();
    for path in crossings {
        let Crossing {
            target,
            total,
            cpu_model,
            ..
        } = path;
        let mut caption = format!("{target}, {cpu_model}: {} instructions", total.0);
        if let Some(Instructions(counted)) = counted(summary, path).filter(|n| n != total) {
            // Writing into a `String` cannot fail.
            let _ = write!(
                caption,
                ". This run counted {counted}: the path belongs to a different kernel or program. \
                 Run `tollgate trace --into` again"
            );
        }
        figures.push(figure(&plot::narrow_crossing(path)?, &caption));
    }
    let content = html! {
        p {
            "Instructions of one system call, function by function, in the order in which the \
             path first enters them. Counted in a separate boot by "
            code { "tollgate trace" }
            ", on a processor as QEMU emulates it. Instructions do not measure time."
        }
        (figure::row(&figures))
    };
    Ok((!figures.is_empty()).then_some(Section {
        id: "crossings",
        title: "One crossing, function by function",
        content,
    }))
}

/// What the run counted of the same call on the same target and processor.
fn counted(summary: &Summary, path: &Crossing) -> Option<Instructions> {
    let is_its = |name: &str| name == path.target;
    let target = summary.targets.iter().find(|target| {
        let info = &target.info;
        let counts = is_its(&info.name) || info.counts_for.as_deref().is_some_and(is_its);
        counts && info.cpu_model.as_ref() == Some(&path.cpu_model) && !target.counts.is_empty()
    })?;
    let mut counts = target.counts.iter();
    let count = counts.find(|count| count.benchmark.name() == path.benchmark)?;
    count.instructions
}
