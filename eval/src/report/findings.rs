//! The findings of the statistics that a reader should know.

use maud::{Markup, html};

use super::figure;
use super::section::Section;
use crate::summary::{Summary, TargetSummary};

/// Target by target; empty if nothing was found.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let found = |t: &&TargetSummary| {
        let rows = t.rows.iter().map(|row| &row.findings);
        let counts = t.counts.iter().map(|count| &count.findings);
        rows.chain(counts).any(|findings| !findings.is_empty())
    };
    let targets: Vec<_> = summary.targets.iter().filter(found).collect();
    let content = html! {
        @for target in &targets {
            @let heading = html! { h3 { (figure::target(target)) } };
            @if target.info.measures_emulator() {
                details { summary { (heading) } (list(target)) }
            } @else { (heading) (list(target)) }
        }
    };
    (!targets.is_empty()).then_some(Section {
        id: "findings",
        title: "Findings",
        content,
    })
}

fn list(target: &TargetSummary) -> Markup {
    let rows = target.rows.iter().map(|row| (row.benchmark, &row.findings));
    let counts = target.counts.iter();
    let counts = counts.map(|count| (count.benchmark, &count.findings));
    let all = rows
        .chain(counts)
        .filter(|(_, findings)| !findings.is_empty());
    html! {
        ul {
            @for (benchmark, findings) in all {
                li { b { (benchmark.title()) } @for finding in findings { " " (finding) } }
            }
        }
    }
}
