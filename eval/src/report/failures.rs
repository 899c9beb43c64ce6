//! Boots that are excluded from all results.

use maud::html;

use super::Run;
use super::section::Section;

/// Each failed boot with its reason; empty if all succeeded.
pub(super) fn section(run: &Run<'_>) -> Option<Section> {
    let boots = run.boots.iter();
    let failed: Vec<_> = boots
        .filter_map(|boot| Some((boot, boot.failed.as_ref()?)))
        .collect();
    let content = html! {
        p { "These boots are excluded from all results." }
        table .plain {
            thead { tr { th scope="col" { "Boot" } th scope="col" { "Why" } } }
            tbody {
                @for (boot, why) in &failed {
                    tr {
                        th scope="row" {
                            (boot.target) ", boot " (boot.boot)
                            ", number " (u64::from(boot.position) + 1) " in the run"
                        }
                        td { (why) }
                    }
                }
            }
        }
    };
    (!failed.is_empty()).then_some(Section {
        id: "failures",
        title: "Failed boots",
        content,
    })
}
