//! The common form of all parts of the page.

use maud::{Markup, html};

/// A part of the page.
pub(super) struct Section {
    /// Its name in links.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// Its content.
    pub(super) content: Markup,
}

impl Section {
    /// The section with its heading.
    pub(super) fn render(&self) -> Markup {
        html! {
            section id=(self.id) aria-labelledby={ "h-" (self.id) } {
                h2 id={ "h-" (self.id) } { (self.title) }
                div .content { (self.content) }
            }
        }
    }
}

/// Links to all sections.
pub(super) fn contents(sections: &[Section]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for section in sections {
                    li { a href={ "#" (section.id) } { (section.title) } }
                }
            }
        }
    }
}
