use eval::plot::PlotError;
use eval::plot::canvas::{Align, BODY, Canvas, Fill, ROOM, width};

/// Between a sample and its text, and after the text.
const SAMPLE: i32 = 18;
const GAP: i32 = 24;

/// Colours and what they mean, in a row from `x`, at height `y`.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    (mut x, y): (i32, i32),
    entries: &[(Fill, String)],
) -> Result<(), PlotError> {
    for (fill, text) in entries {
        canvas.bar((x, y - 5), (x + SAMPLE - 6, y + 5), *fill)?;
        canvas.text((x + SAMPLE, y), Align::Left, BODY, text, ROOM)?;
        x += SAMPLE + width(text, BODY) + GAP;
    }
    Ok(())
}

/// A plain ground.
pub(super) fn plain(colour: plotters::style::RGBColor) -> Fill {
    Fill {
        colour,
        hatched: false,
    }
}
