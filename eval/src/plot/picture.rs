//! A finished drawing, for a separate file or for a page.

use maud::{Markup, PreEscaped, html};

use super::PlotError;

/// The title and description of a drawing, for people who cannot see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// What it is called.
    pub title: String,
    /// What it shows.
    pub about: String,
}

/// A drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    caption: Caption,
    /// The content between `<svg …>` and `</svg>`.
    shapes: String,
}

impl Picture {
    /// From the SVG that the drawing library made.
    pub fn new(
        (width, height): (u32, u32),
        caption: Caption,
        svg: &str,
    ) -> Result<Self, PlotError> {
        let shapes = svg
            .split_once('>')
            .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
            .map(|(shapes, _)| shapes.to_owned())
            .ok_or_else(|| PlotError::Draw("the library did not produce an SVG".into()))?;
        Ok(Self {
            width,
            height,
            caption,
            shapes,
        })
    }

    /// As an SVG file, in its own size.
    pub fn file(&self) -> String {
        let Self { width, height, .. } = self;
        let view = self.view();
        let markup = html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height)
                viewBox=(view) role="img" { (self.content()) }
        };
        markup.into_string()
    }

    /// As a part of a page, as wide as its place there.
    pub(crate) fn inline(&self) -> Markup {
        html! { svg viewBox=(self.view()) role="img" { (self.content()) } }
    }

    fn view(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    fn content(&self) -> Markup {
        let Caption { title, about } = &self.caption;
        html! {
            title { (printable(title)) }
            desc { (printable(about)) }
            // The library has escaped its texts.
            (PreEscaped(&self.shapes))
        }
    }
}

/// The text without control characters, which XML cannot express.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
