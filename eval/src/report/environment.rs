//! The environment of the run.

use maud::{Markup, html};

use super::number::nothing;
use super::provenance::{FactGroup, Provenance};
use super::section::Section;

/// A group with more facts than this is folded.
const LONG: usize = 10;

/// The machine, the targets and the guests' kernels.
pub(super) fn section(provenance: &Provenance) -> Option<Section> {
    let groups = &provenance.environment;
    (!groups.is_empty()).then(|| Section {
        id: "environment",
        title: "Environment",
        content: html! { @for each in groups { (group(each)) } },
    })
}

/// Folded if it is long; paper shows everything.
fn group(group: &FactGroup) -> Markup {
    let facts = html! {
        dl {
            @for (name, value) in &group.facts { div { dt { (name) } dd { @if value.is_empty() { (nothing()) } @else { (value) } } } }
        }
    };
    let heading = html! { h3 { (group.title) } };
    html! {
        @if group.facts.len() > LONG {
            details { summary { (heading) " " (group.facts.len()) " facts" } (facts) }
        } @else { (heading) (facts) }
    }
}
