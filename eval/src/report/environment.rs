//! Where the run was made.

use maud::{Markup, html};

use super::facts::{Facts, Group};
use super::section::Section;

/// A value that is longer is folded away.
const LONG: usize = 240;

/// The machine, the targets and the guests' kernels.
pub(super) fn section(facts: &Facts) -> Option<Section> {
    let groups = &facts.environment;
    (!groups.is_empty()).then(|| Section {
        id: "environment",
        title: "Environment",
        content: html! { @for each in groups { (group(each)) } },
    })
}

fn group(group: &Group) -> Markup {
    html! {
        h3 { (group.title) }
        dl {
            @for (name, value) in &group.facts {
                div { dt { (name) } dd { (self::value(value)) } }
            }
        }
    }
}

fn value(value: &str) -> Markup {
    let words = value.split_whitespace().count();
    html! {
        @if value.len() > LONG {
            details { summary { (words) " words" } (value) }
        } @else { (value) }
    }
}
