//! How to repeat the run.

use maud::html;

use super::provenance::Provenance;
use super::section::Section;

/// Commands, seed and hashes.
pub(super) fn section(provenance: &Provenance) -> Option<Section> {
    let repeat = &provenance.repeat;
    if repeat.commands.is_empty() && repeat.hashes.is_empty() {
        return None;
    }
    let content = html! {
        pre tabindex="0" { code { @for command in &repeat.commands { (command) "\n" } } }
        @for remark in &repeat.remarks { p { (remark) } }
        @if !repeat.hashes.is_empty() {
            h3 { "SHA-256" }
            dl .hashes {
                @for (file, hash) in &repeat.hashes { div { dt { (file) } dd { code { (hash) } } } }
            }
        }
    };
    Some(Section {
        id: "repeat",
        title: "How to repeat this run",
        content,
    })
}
