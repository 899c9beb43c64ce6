//! Tables of numbers. On a phone, the rows of a wide one become small cards with their numbers
//! under the columns' headings; for screen readers it remains a table.

use maud::{Markup, html};

/// A table of numbers.
pub(super) struct Grid<'a> {
    /// A description for people who cannot see it.
    pub(super) label: &'a str,
    /// Heading of the first column.
    pub(super) first: &'a str,
    /// Headings of the others, which have numbers.
    pub(super) columns: Vec<&'a str>,
    /// Its rows, in groups.
    pub(super) groups: Vec<Group>,
}

/// Rows that belong together.
#[derive(Default)]
pub(super) struct Group {
    /// Their heading.
    pub(super) heading: Option<Markup>,
    /// Whether they come from an emulator.
    pub(super) emulated: bool,
    /// Their names, and a number for each column.
    pub(super) rows: Vec<(String, Vec<Markup>)>,
    /// The text if there are none.
    pub(super) empty: Option<Markup>,
}

/// The number of columns that fit on a phone.
const NARROW: usize = 3;

impl Grid<'_> {
    /// The table; it scrolls separately if it is wider than the page.
    pub(super) fn render(&self) -> Markup {
        html! {
            div .scroll role="region" aria-label=(self.label) tabindex="0" {
                table .figures .cards[self.columns.len() > NARROW] {
                    thead {
                        tr {
                            th scope="col" { (self.first) }
                            @for title in &self.columns {
                                th scope="col" { (title) }
                            }
                        }
                    }
                    @for group in &self.groups { (self.group(group)) }
                }
            }
        }
    }

    fn group(&self, group: &Group) -> Markup {
        let all = 1 + self.columns.len();
        html! {
            tbody .emulated[group.emulated] {
                @if let Some(heading) = &group.heading {
                    tr .platform {
                        th scope="rowgroup" colspan=(all) { (heading) }
                    }
                }
                @for (name, cells) in &group.rows {
                    tr {
                        th scope="row" { (name) }
                        @for (title, cell) in self.columns.iter().zip(cells) {
                            td data-label=(title) { (cell) }
                        }
                    }
                }
                @if let Some(empty) = &group.empty {
                    tr .empty { td colspan=(all) { (empty) } }
                }
            }
        }
    }
}
