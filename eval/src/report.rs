//! `report.html`: a run on one page that does not need a network, another file or a script, for
//! a phone, a screen and paper.

mod boots;
mod check_lists;
mod crossings;
mod disturbances;
mod environment;
mod failures;
mod figure;
mod findings;
mod fleet;
mod grid;
mod head;
mod instructions;
mod method;
mod number;
mod paper;
mod pictures;
mod plots;
mod provenance;
mod repeat;
mod results;
mod rounds;
mod section;
mod watches;

use maud::{DOCTYPE, html};

pub use pictures::{Album, Plate};
pub use provenance::{FactGroup, Provenance, Repeat};

use crate::boot::Boot;
use crate::crossing::Crossing;
use crate::levels::Levels;
use crate::plot::PlotError;
use crate::summary::Summary;
use crate::watches::Watches;
use section::Section;

/// The data for the page.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// The run in a few numbers.
    pub summary: &'r Summary,
    /// Its samples.
    pub levels: &'r Levels,
    /// Its boots, including failed ones.
    pub boots: &'r [Boot],
    /// Where it was made, and how to make it again.
    pub provenance: &'r Provenance,
    /// The paths of crossings that were put into its folder.
    pub crossings: &'r [Crossing],
    /// What each watch adds, if sites were watched.
    pub watches: Option<&'r Watches>,
}

/// The page. Labels, notes and all other texts may contain anything: they remain text.
///
/// # Errors
///
/// [`PlotError`].
pub fn html(run: &Run<'_>) -> Result<String, PlotError> {
    let sections = [
        results::section(run.summary),
        findings::section(run.summary),
        watches::section(run.watches)?,
        instructions::section(run.summary)?,
        fleet::section(run.summary)?,
        plots::ratios(run.summary)?,
        crossings::section(run.summary, run.crossings)?,
        boots::section(run)?,
        plots::distributions(run)?,
        disturbances::section(run),
        failures::section(run),
        check_lists::doctor(run.summary),
        check_lists::method(run.summary),
        environment::section(run.provenance),
        method::section(run),
        paper::section(),
        repeat::section(run.provenance),
    ];
    let sections: Vec<Section> = sections.into_iter().flatten().collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head::head(&run.summary.info.experiment))
            body {
                (head::banners(run.summary))
                (head::header(run.summary))
                (section::contents(&sections))
                main { @for section in &sections { (section.render()) } }
            }
        }
    };
    Ok(printable(&page.into_string()))
}

/// Without characters that HTML forbids or that change the direction of the following text.
fn printable(page: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    page.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|&c| c == '\n' || !(c.is_control() || turns(c)))
        .collect()
}
