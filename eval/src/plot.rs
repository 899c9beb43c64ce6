//! Plots of a run, as SVG: one picture, white background, readable in print.

pub mod axis;
mod boots;
pub mod canvas;
mod comparison;
mod counters;
mod crossing;
mod distribution;
mod forest;
mod histogram;
mod instructions;
mod number;
pub mod palette;
mod panel;
mod picture;
mod ratio;
mod remarks;
mod sheet;
mod watches;

pub(crate) use boots::explanation as boots_explanation;
pub(crate) use distribution::explanation as distribution_explanation;
pub(crate) use forest::explanation as forest_explanation;
pub(crate) use instructions::explanation as instructions_explanation;
pub(crate) use palette::THEME;
pub use picture::{Caption, Picture};
pub(crate) use ratio::explanation as ratio_explanation;
pub use remarks::Remarks;
use thiserror::Error;

use crate::boot::Boot;
use crate::crossing::Crossing;
use crate::levels::Levels;
use crate::stats::StatsError;
use crate::summary::{Fleet, Summary, TargetSummary};
use crate::watches::WatchedTarget;
use panel::Panel;

/// Why a plot cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The drawing library.
    #[error("the plot cannot be drawn: {0}")]
    Draw(String),
    /// Values that cannot be drawn.
    #[error("the plot cannot be drawn: target {target:?}: {error}")]
    Stats {
        /// The target's name.
        target: String,
        /// Why.
        error: StatsError,
    },
}

/// A bar for each target's median function call and system call, with whiskers from the first
/// to the third quartile, and the paper's published values, labelled as such. Emulated bars are
/// grey and hatched and say so; a target that was not measured says why. (An empty measurement,
/// `tsc`, is not a call; the tables have it.)
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn comparison(summary: &Summary) -> Result<Picture, PlotError> {
    comparison::draw(summary)
}

/// A histogram for each target and benchmark, each on its own axis. An axis shows the body of
/// the samples; how many are outside, and how far, is written under it.
///
/// # Errors
///
/// [`PlotError`].
pub fn distribution(summary: &Summary, levels: &Levels) -> Result<Picture, PlotError> {
    distribution::draw(summary, levels)
}

/// The median of each boot, by its place in the run, for each target and benchmark.
///
/// # Errors
///
/// [`PlotError`].
pub fn boots(summary: &Summary, boots: &[Boot]) -> Result<Picture, PlotError> {
    boots::draw(summary, boots)
}

/// The cost of each call on each target, divided by the cost on the reference target, with the
/// ratio's interval.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn ratio(summary: &Summary) -> Result<Picture, PlotError> {
    ratio::draw(summary)
}

/// A bar for each function on the path of a crossing, in the order of first entry; functions
/// that the path `against` does not execute are hatched.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn crossing(path: &Crossing, against: Option<&Crossing>) -> Result<Picture, PlotError> {
    crossing::draw(path, against)
}

/// The same for a page, without its title.
pub(crate) fn narrow_crossing(path: &Crossing) -> Result<Picture, PlotError> {
    crossing::narrow(path)
}

/// How many instructions each call takes on each target: whole numbers, not time.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn instructions(summary: &Summary) -> Result<Picture, PlotError> {
    instructions::draw(summary)
}

/// What each watch of a target adds: kinds by programs.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn watches(target: &WatchedTarget) -> Result<Picture, PlotError> {
    watches::draw(target)
}

/// A panel by itself, for a page.
pub(crate) struct Drawn {
    pub(crate) heading: String,
    pub(crate) picture: Picture,
}

/// The panels of [`distribution`] for one target.
pub(crate) fn distribution_panels(
    target: &TargetSummary,
    levels: &Levels,
) -> Result<Vec<Drawn>, PlotError> {
    alone(&distribution::panels(target, levels)?)
}

/// The panels of [`boots`] for one target, and what its kernel counted at the same time.
pub(crate) fn boot_panels(target: &TargetSummary, boots: &[Boot]) -> Result<Vec<Drawn>, PlotError> {
    let mut panels = alone(&boots::panels(target, boots)?)?;
    panels.extend(alone(counters::panel(target, boots).as_slice())?);
    Ok(panels)
}

/// The panels of [`ratio`].
pub(crate) fn ratio_panels(summary: &Summary) -> Result<Vec<Drawn>, PlotError> {
    alone(&ratio::panels(summary))
}

/// Each machine's ratios.
pub(crate) fn forest_panels(fleet: &Fleet) -> Result<Vec<Drawn>, PlotError> {
    alone(&forest::panels(fleet))
}

/// The panels of [`instructions`].
pub(crate) fn instruction_panels(summary: &Summary) -> Result<Vec<Drawn>, PlotError> {
    alone(&instructions::panels(summary))
}

fn alone(panels: &[impl Panel]) -> Result<Vec<Drawn>, PlotError> {
    let drawn = panels.iter().map(|panel| {
        Ok(Drawn {
            heading: panel.heading(),
            picture: panel::alone(panel)?,
        })
    });
    drawn.collect()
}
