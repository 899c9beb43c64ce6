//! The doctor's verdict.

use maud::html;

use super::section::Section;
use crate::summary::Summary;
use crate::verdict::State;

/// All findings, the worst first; none where the doctor was not asked.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let doctor = summary.info.doctor.as_ref()?;
    let findings = State::ALL
        .into_iter()
        .flat_map(|state| doctor.in_state(state));
    let content = html! {
        p {
            "This machine was " strong { (if doctor.fit { "fit" } else { "unfit" }) }
            " for measuring when the run began."
        }
        table .plain.findings {
            thead { tr { th scope="col" { "Check" } th scope="col" { "State" } th scope="col" { "Found" } } }
            tbody {
                @for finding in findings {
                    tr .(finding.state.name()) {
                        th scope="row" { (finding.check) }
                        td { span .state { (finding.state) } }
                        td {
                            (finding.what)
                            @if let Some(mend) = &finding.mend { span .mend { "Mend: " code { (mend) } } }
                        }
                    }
                }
            }
        }
        @if let Some(noise) = &doctor.noise { p { "Noise: " (noise) "." } }
    };
    Some(Section {
        id: "doctor",
        title: "Doctor",
        content,
    })
}
