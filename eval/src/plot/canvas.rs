//! The canvas and styles of every plot.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, Rectangle, SVGBackend,
    Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, RGBColor};

use super::picture::{Caption, Picture};
use super::{PlotError, palette};

/// Width of a plot that is a file of its own, in pixels.
pub const WIDTH: i32 = 960;
/// Empty space at the left and right.
pub const MARGIN: i32 = 24;
/// What is left between them.
pub const ROOM: i32 = WIDTH - 2 * MARGIN;

/// Plotters makes SVG text smaller than requested by this factor.
const TYPE_SCALE: f64 = 1.24;
/// A letter's usual width in a sans-serif font, relative to its size; wide fonts included,
/// since the reader's machine picks one.
const LETTER_WIDTH: f64 = 0.55;
const BOLD_LETTER_WIDTH: f64 = 0.62;

/// The style of a text.
#[derive(Clone, Copy)]
pub struct Type {
    /// In pixels.
    pub size: i32,
    bold: bool,
    colour: RGBColor,
}

impl Type {
    fn letter_width(self) -> f64 {
        let width = if self.bold {
            BOLD_LETTER_WIDTH
        } else {
            LETTER_WIDTH
        };
        f64::from(self.size) * width
    }
}

/// A plot's title.
pub const TITLE: Type = Type {
    size: 20,
    bold: true,
    colour: palette::INK,
};
/// A panel's or an axis' heading.
pub const HEADING: Type = Type {
    size: 14,
    bold: true,
    colour: palette::INK,
};
/// Labels and values.
pub const BODY: Type = Type {
    size: 13,
    bold: false,
    colour: palette::INK,
};
/// What a reader must not overlook.
pub const NOTE: Type = Type {
    size: 12,
    bold: false,
    colour: palette::INK,
};
/// What explains.
pub const REMARK: Type = Type {
    size: 12,
    bold: false,
    colour: palette::FAINT_INK,
};
/// Ticks of an axis.
pub const SMALL: Type = Type {
    size: 11,
    bold: false,
    colour: palette::FAINT_INK,
};

/// Which end of a text is at its place.
#[derive(Clone, Copy)]
pub enum Align {
    /// Its beginning.
    Left,
    /// Its middle.
    Centre,
    /// Its end.
    Right,
}

/// The fill of a shape.
#[derive(Clone, Copy)]
pub struct Fill {
    /// The ground.
    pub colour: RGBColor,
    /// Hatched, so that it can also be distinguished in grey print.
    pub hatched: bool,
}

/// Half of a dot's width.
const DOT: i32 = 3;

/// The look of a dot.
#[derive(Clone, Copy)]
pub struct Dot {
    /// The edge, and the inside of one that is not hollow.
    pub colour: RGBColor,
    /// So that it can also be distinguished in grey print.
    pub hollow: bool,
}

impl Dot {
    /// One of an emulator's is grey and hollow.
    pub(super) fn of_boot(emulated: bool) -> Self {
        Self {
            colour: if emulated {
                palette::AXIS
            } else {
                palette::MEASURED
            },
            hollow: emulated,
        }
    }
}

/// A white ground to draw on, in pixels from the top left.
pub struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// What `painting` paints on a canvas of that width and height.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn paint(
    (width, height): (i32, i32),
    caption: Caption,
    painting: impl FnOnce(&Canvas<'_>) -> Result<(), PlotError>,
) -> Result<Picture, PlotError> {
    let mut svg = String::new();
    let size = (width.unsigned_abs(), height.unsigned_abs());
    let canvas = Canvas(SVGBackend::with_string(&mut svg, size).into_drawing_area());
    canvas.0.fill(&palette::GROUND).map_err(failed)?;
    painting(&canvas)?;
    canvas.0.present().map_err(failed)?;
    drop(canvas);
    Picture::new(size, caption, &svg)
}

impl Canvas<'_> {
    /// A line of text whose middle is at height `y`, cut off to `room` pixels.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn text(
        &self,
        (x, y): (i32, i32),
        align: Align,
        kind: Type,
        text: &str,
        room: i32,
    ) -> Result<(), PlotError> {
        if text.is_empty() {
            return Ok(());
        }
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = if kind.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let style = ("sans-serif", f64::from(kind.size) * TYPE_SCALE)
            .into_font()
            .style(style)
            .color(&kind.colour)
            .pos(Pos::new(horizontal, VPos::Center));
        let text = fit(text, kind, room);
        self.0.draw(&Text::new(text, (x, y), style)).map_err(failed)
    }

    /// A text like [`Self::text`], on a ground that hides the grid behind it.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn text_on_white(
        &self,
        (x, y): (i32, i32),
        kind: Type,
        text: &str,
        room: i32,
    ) -> Result<(), PlotError> {
        let half = kind.size / 2 + 2;
        let ground = Fill {
            colour: palette::GROUND,
            hatched: false,
        };
        let right = x + width(text, kind).min(room);
        self.bar((x - 2, y - half), (right, y + half), ground)?;
        self.text((x, y), Align::Left, kind, text, room)
    }

    /// A straight line, that many pixels wide.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn line(
        &self,
        from: (i32, i32),
        to: (i32, i32),
        colour: RGBColor,
        width: u32,
    ) -> Result<(), PlotError> {
        let path = PathElement::new(vec![from, to], colour.stroke_width(width));
        self.0.draw(&path).map_err(failed)
    }

    /// A dot; a hollow one hides what is behind it.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn dot(&self, middle: (i32, i32), dot: Dot) -> Result<(), PlotError> {
        let inside = if dot.hollow {
            palette::GROUND
        } else {
            dot.colour
        };
        self.0
            .draw(&Circle::new(middle, DOT, inside.filled()))
            .map_err(failed)?;
        self.0
            .draw(&Circle::new(middle, DOT, dot.colour.stroke_width(1)))
            .map_err(failed)
    }

    /// An arrow's head that points beyond the edge at height `y`.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn arrow(&self, (x, y): (i32, i32), up: bool, colour: RGBColor) -> Result<(), PlotError> {
        let back = if up { y + 2 * DOT } else { y - 2 * DOT };
        let corners = vec![(x, y), (x - DOT, back), (x + DOT, back)];
        self.0
            .draw(&Polygon::new(corners, colour.filled()))
            .map_err(failed)
    }

    /// A cross.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn cross(&self, (x, y): (i32, i32), colour: RGBColor) -> Result<(), PlotError> {
        self.line((x - DOT, y - DOT), (x + DOT, y + DOT), colour, 2)?;
        self.line((x - DOT, y + DOT), (x + DOT, y - DOT), colour, 2)
    }

    /// A rectangle from its top left corner to its bottom right one.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn bar(
        &self,
        (left, top): (i32, i32),
        (right, bottom): (i32, i32),
        fill: Fill,
    ) -> Result<(), PlotError> {
        let corners = [(left, top), (right, bottom)];
        self.0
            .draw(&Rectangle::new(corners, fill.colour.filled()))
            .map_err(failed)?;
        if fill.hatched {
            self.hatch(corners)?;
        }
        Ok(())
    }

    /// A rectangle in a colour as dense as a share from 0 to 1: the page's ground shines
    /// through, light or dark.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn shade(
        &self,
        left_top: (i32, i32),
        right_bottom: (i32, i32),
        colour: RGBColor,
        share: f64,
    ) -> Result<(), PlotError> {
        let fill = colour.mix(share.clamp(0.0, 1.0)).filled();
        self.0
            .draw(&Rectangle::new([left_top, right_bottom], fill))
            .map_err(failed)
    }

    /// Lines that rise to the right, a few pixels apart.
    fn hatch(&self, [(left, top), (right, bottom)]: [(i32, i32); 2]) -> Result<(), PlotError> {
        const APART: usize = 6;
        let height = bottom - top;
        for foot in (left - height..right).step_by(APART) {
            let (x0, x1) = (foot.max(left), (foot + height).min(right));
            if x1 > x0 {
                let from = (x0, bottom - (x0 - foot));
                self.line(from, (x1, bottom - (x1 - foot)), palette::AXIS, 1)?;
            }
        }
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError::Draw(error.to_string())
}

/// How wide a text is, about.
pub fn width(text: &str, kind: Type) -> i32 {
    (text.chars().count() as f64 * kind.letter_width()).ceil() as i32
}

/// The text, cut off if it is too wide. XML does not allow control characters.
fn fit(text: &str, kind: Type, room: i32) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if width(&text, kind) <= room {
        return text;
    }
    let letters = (f64::from(room) / kind.letter_width()) as usize;
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    kept.trim_end().to_owned() + "…"
}
