//! What the statistics found and a reader should know.

use maud::{Markup, html};

use super::figure;
use super::section::Section;
use crate::summary::{Summary, TargetSummary};
use crate::table::routine;

/// Target by target; none where nothing was found.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let found = |t: &&TargetSummary| t.rows.iter().any(|row| !row.findings.is_empty());
    let targets: Vec<_> = summary.targets.iter().filter(found).collect();
    let content = html! {
        @for target in &targets {
            @let heading = html! { h3 { (figure::target(target)) } };
            @if target.info.emulated {
                details { summary { (heading) } (list(target)) }
            } @else { (heading) (list(target)) }
        }
    };
    (!targets.is_empty()).then_some(Section {
        id: "findings",
        title: "What to know",
        content,
    })
}

fn list(target: &TargetSummary) -> Markup {
    let rows = target.rows.iter().filter(|row| !row.findings.is_empty());
    html! {
        ul {
            @for row in rows {
                li { b { (routine(row.benchmark)) } @for finding in &row.findings { " " (finding) } }
            }
        }
    }
}
