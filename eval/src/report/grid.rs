//! Tables of numbers. On a phone the rows of a wide one become small cards, their numbers
//! under their columns' titles; for those who hear it, it stays a table.

use maud::{Markup, html};

/// A table of numbers in `N` columns behind the first.
pub(super) struct Grid<'a, const N: usize> {
    /// What it is, for those who cannot see it.
    pub(super) label: &'a str,
    /// Title of the first column.
    pub(super) first: &'a str,
    /// Titles of the others.
    pub(super) columns: [&'a str; N],
    /// Its rows, in groups.
    pub(super) groups: Vec<Group<N>>,
}

/// Rows that belong together.
#[derive(Default)]
pub(super) struct Group<const N: usize> {
    /// What stands above them.
    pub(super) heading: Option<Markup>,
    /// Whether they come from an emulator.
    pub(super) emulated: bool,
    /// Their names and numbers.
    pub(super) rows: Vec<(String, [Markup; N])>,
    /// What stands where there are none.
    pub(super) empty: Option<Markup>,
}

/// So many columns fit on a phone.
const NARROW: usize = 3;

impl<const N: usize> Grid<'_, N> {
    /// The table; it scrolls by itself where it is wider than the page.
    pub(super) fn render(&self) -> Markup {
        html! {
            div .scroll role="region" aria-label=(self.label) tabindex="0" {
                table .figures .cards[N > NARROW] {
                    thead {
                        tr {
                            th scope="col" { (self.first) }
                            @for title in self.columns {
                                th scope="col" { (title) }
                            }
                        }
                    }
                    @for group in &self.groups { (self.group(group)) }
                }
            }
        }
    }

    fn group(&self, group: &Group<N>) -> Markup {
        html! {
            tbody .emulated[group.emulated] {
                @if let Some(heading) = &group.heading {
                    tr .platform {
                        th scope="rowgroup" colspan=(N + 1) { (heading) }
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
                    tr .empty { td colspan=(N + 1) { (empty) } }
                }
            }
        }
    }
}
