//! Plots of a run, as SVG: one picture, white ground, readable in print.

mod axis;
mod canvas;
mod comparison;
mod distribution;
mod histogram;
mod number;
mod palette;
mod panel;
mod picture;
mod sheet;

pub use picture::Picture;
use thiserror::Error;

use crate::levels::Levels;
use crate::stats::StatsError;
use crate::summary::Summary;

/// Why there is no plot.
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

/// A bar for each target's median function call and system call, with whiskers from
/// the first to the third quartile, and the paper's published values, named as such,
/// beside them. Emulated bars are grey and hatched and say so; a target that was not
/// measured says why. (An empty measurement, `tsc`, is no call; it is in the tables.)
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn comparison(summary: &Summary) -> Result<Picture, PlotError> {
    comparison::draw(summary)
}

/// A histogram for each target and benchmark, each on its own axis. An axis shows the
/// body of the samples; how many lie outside, and how far, is written under it.
///
/// # Errors
///
/// [`PlotError`].
pub fn distribution(summary: &Summary, levels: &Levels) -> Result<Picture, PlotError> {
    distribution::draw(summary, levels)
}
