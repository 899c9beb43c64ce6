//! Small drawings, one for each benchmark of a target: beside others on a sheet, or
//! alone on a page.

use super::axis::Axis;
use super::canvas::{Align, Canvas, ROOM, SMALL, paint};
use super::picture::{Caption, Picture};
use super::{PlotError, palette};

/// Panels beside each other on a sheet: the empty measurement, the function call, the
/// system call.
pub(super) const COLUMNS: i32 = 3;
/// Between two of them.
pub(super) const GAP: i32 = 30;
/// Width of a panel.
pub(super) const PANEL: i32 = (ROOM - (COLUMNS - 1) * GAP) / COLUMNS;

/// Around a panel that stands alone: room for half a number at an axis' end. On a page
/// it hangs in the margins (style.css).
const EDGE: i32 = 12;

/// A small drawing, [`PANEL`] pixels wide.
pub(super) trait Panel {
    /// Its height.
    fn height(&self) -> i32;

    /// What stands above it on a sheet.
    fn heading(&self) -> String;

    /// What it shows, in words.
    fn caption(&self) -> Caption;

    /// Draws it; its top left corner is there.
    fn draw(&self, canvas: &Canvas<'_>, corner: (i32, i32)) -> Result<(), PlotError>;
}

/// The panel as a picture of its own, narrow enough for a phone.
pub(super) fn alone(panel: &impl Panel) -> Result<Picture, PlotError> {
    let size = (PANEL + 2 * EDGE, panel.height() + EDGE);
    paint(size, panel.caption(), |canvas| {
        panel.draw(canvas, (EDGE, EDGE / 2))
    })
}

/// Ticks and their numbers below an axis.
pub(super) fn ticks(canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
    for (value, label) in axis.ticks() {
        let x = axis.pixel(value);
        canvas.line((x, y), (x, y + 4), palette::AXIS, 1)?;
        canvas.text((x, y + 13), Align::Centre, SMALL, &label, PANEL)?;
    }
    Ok(())
}
