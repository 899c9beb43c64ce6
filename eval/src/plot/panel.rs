//! Small drawings, one for each benchmark of a target.

use super::PlotError;
use super::canvas::{Canvas, ROOM};
use super::picture::Caption;

/// Panels beside each other on a sheet: the empty measurement, the function call, the
/// system call.
pub(super) const COLUMNS: i32 = 3;
/// Between two of them.
pub(super) const GAP: i32 = 30;
/// Width of a panel.
pub(super) const PANEL: i32 = (ROOM - (COLUMNS - 1) * GAP) / COLUMNS;

/// A small drawing, [`PANEL`] pixels wide.
pub(super) trait Panel {
    /// Its height.
    const HEIGHT: i32;

    /// What stands above it on a sheet.
    fn heading(&self) -> String;

    /// What it shows, in words.
    fn caption(&self) -> Caption;

    /// Draws it; its top left corner is there.
    fn draw(&self, canvas: &Canvas<'_>, corner: (i32, i32)) -> Result<(), PlotError>;
}
