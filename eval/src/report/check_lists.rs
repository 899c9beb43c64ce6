//! What was checked: the machine, by the doctor, and the method, by the evidence in each
//! target's own logs.

use maud::{Markup, html};

use super::figure;
use super::section::Section;
use crate::summary::Summary;
use crate::verdict::{Finding, State};

/// The doctor's findings; empty if the doctor did not run.
pub(super) fn doctor(summary: &Summary) -> Option<Section> {
    let doctor = summary.info.doctor.as_ref()?;
    let content = html! {
        p {
            "This machine was " strong { (if doctor.fit { "fit" } else { "unfit" }) }
            " for measuring when the run began, and while it ran."
        }
        (table(&doctor.findings))
        @if let Some(noise) = &doctor.noise { p .note { "Noise: " (noise) "." } }
    };
    Some(Section {
        id: "doctor",
        title: "Doctor",
        content,
    })
}

/// Whether the method holds on each target; empty if no log has evidence.
pub(super) fn method(summary: &Summary) -> Option<Section> {
    let targets = summary.targets.iter();
    let checked: Vec<_> = targets.filter(|t| !t.info.checks.is_empty()).collect();
    let content = html! {
        @for target in &checked {
            h3 { (figure::target(target)) }
            (table(&target.info.checks))
        }
    };
    (!checked.is_empty()).then_some(Section {
        id: "checks",
        title: "Is the method valid on these targets?",
        content,
    })
}

/// Worst first.
fn table(findings: &[Finding]) -> Markup {
    let in_state = |state| findings.iter().filter(move |f| f.state == state);
    html! {
        table .plain {
            thead {
                tr {
                    th scope="col" { "Check" }
                    th scope="col" { "State" }
                    th scope="col" { "Found" }
                }
            }
            tbody {
                @for finding in State::ALL.into_iter().flat_map(in_state) { (row(finding)) }
            }
        }
    }
}

fn row(finding: &Finding) -> Markup {
    html! {
        tr {
            th scope="row" { (finding.check) }
            td { span .state .bad[finding.state == State::Unfit] { (finding.state) } }
            td {
                (finding.what)
                @if let Some(fix) = &finding.fix { span .fix { "Fix: " code { (fix) } } }
            }
        }
    }
}
