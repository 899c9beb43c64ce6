//! Tables of a summary: text in the original's layout, Markdown, LaTeX, terminal.

mod boots;
mod grid;
mod latex;
mod markdown;
mod number;
mod terminal;
mod text;

pub(crate) use grid::routine;
pub use latex::latex;
pub use markdown::markdown;
pub use number::python;
pub(crate) use terminal::{Look, ruled, wrap};
pub use terminal::{Style, terminal};
pub use text::text;
