//! What the statistics found and a reader should know.

use maud::html;

use super::section::Section;
use crate::summary::Summary;
use crate::table::routine;

/// Target by target; none where nothing was found.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let found = |target: &&crate::summary::TargetSummary| {
        target.rows.iter().any(|row| !row.findings.is_empty())
    };
    let targets: Vec<_> = summary.targets.iter().filter(found).collect();
    let content = html! {
        @for target in &targets {
            h3 { (super::figure::target(target)) }
            ul {
                @for row in &target.rows {
                    @for finding in &row.findings {
                        li { b { (routine(row.benchmark)) } ": " (finding) }
                    }
                }
            }
        }
    };
    (!targets.is_empty()).then_some(Section {
        id: "findings",
        title: "What to know",
        content,
    })
}
