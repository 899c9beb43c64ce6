//! Tables of a summary: text in the original's layout, Markdown, LaTeX, terminal.

mod boots;
mod grid;
mod latex;
mod markdown;
mod number;
mod ruled;
mod terminal;
mod text;

use crate::summary::Summary;
pub(crate) use grid::{OTHER_PATH, another_path, counted_on};

pub use latex::latex;
pub use markdown::markdown;
pub use number::python;
pub use ruled::Style;
pub(crate) use ruled::{Block, Look, ruled, wrap};
pub use terminal::terminal;
pub use text::text;

/// Writes a summary as a table.
pub type Format = fn(&Summary) -> String;

/// The files that hold the table of a run, and what writes each.
pub const FILES: [(&str, Format); 3] = [
    ("table.txt", text),
    ("table.md", markdown),
    ("table.tex", latex),
];
