//! Small drawings, one for each benchmark of a target: next to each other on a sheet, or alone
//! on a page.

use super::axis::Axis;
use super::canvas::{Align, Canvas, ROOM, SMALL, paint};
use super::picture::{Caption, Picture};
use super::{PlotError, palette};

/// Panels next to each other on a sheet: the empty measurement, the function call, the system
/// call.
pub(super) const COLUMNS: i32 = 3;
/// Between two of them.
pub(super) const GAP: i32 = 30;
/// Width of a panel.
pub(super) const PANEL: i32 = (ROOM - (COLUMNS - 1) * GAP) / COLUMNS;

/// The margin of a single panel: room for half a number at the end of an axis. On a page it
/// extends into the margins (style.css).
const EDGE: i32 = 12;

/// A small drawing, [`PANEL`] pixels wide.
pub(super) trait Panel {
    /// Its height.
    fn height(&self) -> i32;

    /// Its heading on a sheet.
    fn heading(&self) -> String;

    /// A description of its content.
    fn caption(&self) -> Caption;

    /// Draws it with its top left corner at this point.
    fn draw(&self, canvas: &Canvas<'_>, corner: (i32, i32)) -> Result<(), PlotError>;
}

/// The panel as a separate picture, narrow enough for a phone.
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
