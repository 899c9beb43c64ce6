//! Drawings on the page.

use contract::Method;
use maud::{Markup, html};

use crate::plot::Picture;
use crate::summary::{TargetInfo, TargetSummary};

/// A drawing under its caption.
pub(super) fn figure(picture: &Picture, caption: &str) -> Markup {
    html! { figure { figcaption { (caption) } (picture.inline()) } }
}

/// Drawings next to each other, as many as fit.
pub(super) fn row(figures: &[Markup]) -> Markup {
    html! { div .figures-row { @for figure in figures { (figure) } } }
}

/// A target's name above its drawings or rows, with what a reader must not overlook.
pub(super) fn target(target: &TargetSummary) -> Markup {
    let info = &target.info;
    html! {
        (info.title())
        @if info.measures_emulator() { " " strong .mark { "emulated: does not measure time" } }
        @if let Some(model) = counted_on(info) { " " strong .mark { (model) } }
        @if let Some(missing) = &info.missing { " " strong .mark { (missing.what) } }
        @if info.boots_failed > 0 {
            " " strong .mark.bad {
                (info.boots_failed) " of " (u64::from(info.boots_ok) + u64::from(info.boots_failed))
                " boots failed"
            }
        }
    }
}

/// The processor on which it was counted, unless its name says so.
fn counted_on(info: &TargetInfo) -> Option<String> {
    let model = info.cpu_model.as_ref()?;
    let counted = info.method == Some(Method::Exact) && !info.label.contains(model.as_str());
    counted.then(|| format!("counted on {model}"))
}
