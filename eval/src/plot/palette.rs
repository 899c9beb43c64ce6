use plotters::style::RGBColor;

// Okabe and Ito's palette: told apart with every kind of colour blindness, and in grey.

/// Measured here.
pub(super) const MEASURED: RGBColor = RGBColor(0, 114, 178);
/// Published by the paper.
pub(super) const PUBLISHED: RGBColor = RGBColor(230, 159, 0);
/// From an emulator.
pub(super) const EMULATED: RGBColor = RGBColor(190, 190, 190);
/// Instructions, counted.
pub(super) const COUNTED: RGBColor = RGBColor(0, 158, 115);
/// What disturbed a measurement, and boots that failed.
pub(super) const DISTURBED: RGBColor = RGBColor(213, 94, 0);

/// Behind everything: print is white, too.
pub(super) const GROUND: RGBColor = RGBColor(255, 255, 255);
/// Titles, values, whiskers.
pub(super) const INK: RGBColor = RGBColor(26, 26, 26);
/// What explains.
pub(super) const FAINT_INK: RGBColor = RGBColor(90, 90, 90);
/// Axis lines, and the hatch of emulated bars.
pub(super) const AXIS: RGBColor = RGBColor(120, 120, 120);
/// Behind an interval.
pub(super) const BAND: RGBColor = RGBColor(218, 232, 242);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);

/// A bar's colour.
pub(super) fn bar(emulated: bool) -> RGBColor {
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
