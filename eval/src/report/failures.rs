//! Boots that are in no number.

use maud::html;

use super::Run;
use super::section::Section;

/// Each failed boot and why; none where all went well.
pub(super) fn section(run: &Run<'_>) -> Option<Section> {
    let failed = |boot: &crate::boot::Boot| Some((boot.clone(), boot.failed.clone()?));
    let failed: Vec<_> = run.boots.iter().filter_map(failed).collect();
    let content = html! {
        p { "These boots are in no number." }
        table .plain {
            thead { tr { th scope="col" { "Boot" } th scope="col" { "Place in the run" } th scope="col" { "Why" } } }
            tbody {
                @for (boot, why) in &failed {
                    tr {
                        th scope="row" { (boot.target) " " (boot.boot) }
                        td { (u64::from(boot.position) + 1) }
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
