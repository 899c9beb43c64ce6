//! Plots of a run, as SVG.

use thiserror::Error;

use crate::levels::Levels;
use crate::summary::Summary;

/// Why there is no plot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the plot cannot be drawn: {0}")]
pub struct PlotError(String);

/// Bars of all targets' medians, with quartiles, the paper's beside them.
///
/// # Errors
///
/// [`PlotError`].
pub fn comparison(_summary: &Summary) -> Result<String, PlotError> {
    Err(PlotError("not drawn yet".into()))
}

/// How each target's samples are distributed.
///
/// # Errors
///
/// [`PlotError`].
pub fn distribution(_summary: &Summary, _levels: &Levels) -> Result<String, PlotError> {
    Err(PlotError("not drawn yet".into()))
}
