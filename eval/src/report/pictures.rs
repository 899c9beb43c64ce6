use maud::{DOCTYPE, html};

use super::section::{Section, contents};
use super::{head, printable};
use crate::plot::Picture;

/// Plots on a page of their own, in the style of the report. It needs nothing else, neither
/// a network nor another file nor a script.
#[derive(Clone, Debug)]
pub struct Album {
    /// Which question they answer.
    pub question: &'static str,
    /// The page's title.
    pub title: String,
    /// What they are of, a paragraph each.
    pub about: Vec<String>,
    /// The plots.
    pub plates: Vec<Plate>,
}

/// A plot on such a page.
#[derive(Clone, Debug)]
pub struct Plate {
    /// Its name in links.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The drawing, which says what it shows.
    pub picture: Picture,
}

impl Album {
    /// The page. Titles and texts may hold anything: they stay text.
    pub fn html(&self) -> String {
        let sections: Vec<Section> = self.plates.iter().map(Plate::section).collect();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head::head(&self.title))
                body {
                    header {
                        p .kicker { (self.question) }
                        h1 { (self.title) }
                        @for about in &self.about { p { (about) } }
                    }
                    (contents(&sections))
                    main { @for section in &sections { (section.render()) } }
                }
            }
        };
        printable(&page.into_string())
    }
}

impl Plate {
    fn section(&self) -> Section {
        Section {
            id: self.id,
            title: self.title,
            content: html! { figure .plate { (self.picture.inline()) } },
        }
    }
}
