//! The plots' colours.

use plotters::style::RGBColor;

// Okabe and Ito's palette: distinguishable with every kind of colour blindness, and in grey.

/// Measured here.
pub const MEASURED: RGBColor = RGBColor(0, 114, 178);
/// Published by the paper.
pub const PUBLISHED: RGBColor = RGBColor(230, 159, 0);
/// From an emulator.
pub const EMULATED: RGBColor = RGBColor(190, 190, 190);
/// Instructions, counted.
pub const COUNTED: RGBColor = RGBColor(0, 158, 115);
/// What disturbed a measurement, and boots that failed.
pub const DISTURBED: RGBColor = RGBColor(213, 94, 0);

/// The background: white, as in print.
pub const GROUND: RGBColor = RGBColor(255, 255, 255);
/// Titles, values, whiskers.
pub const INK: RGBColor = RGBColor(26, 26, 26);
/// What explains.
pub const FAINT_INK: RGBColor = RGBColor(90, 90, 90);
/// Axis lines, and the hatch of emulated bars.
pub const AXIS: RGBColor = RGBColor(120, 120, 120);
/// Behind an interval.
pub const BAND: RGBColor = RGBColor(218, 232, 242);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(225, 225, 225);

/// A bar's colour.
pub fn bar(emulated: bool) -> RGBColor {
    if emulated { EMULATED } else { MEASURED }
}

/// The colours and their names in the style of a page, which may change them.
pub(crate) const THEME: [(RGBColor, &str); 11] = [
    (MEASURED, "measured"),
    (COUNTED, "counted"),
    (PUBLISHED, "published"),
    (EMULATED, "emulated"),
    (DISTURBED, "disturbed"),
    (GROUND, "ground"),
    (INK, "ink"),
    (FAINT_INK, "faint"),
    (AXIS, "axis"),
    (GRID, "grid"),
    (BAND, "band"),
];
