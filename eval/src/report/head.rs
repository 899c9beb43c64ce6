//! The page's head, and what a reader must know before anything else.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::plot::THEME;
use crate::summary::{Platform, RunInfo, Summary};

/// Title and style.
pub(super) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="generator" content="tollgate";
            // The page requests nothing, not even the icon that browsers request on their own.
            link rel="icon" href="data:,";
            title { (title) " – tollgate" }
            style { (PreEscaped(include_str!("style.css"))) (PreEscaped(theme())) }
        }
    }
}

/// Names the plots' colours, which the style changes in dark mode.
fn theme() -> String {
    let mut rules = String::new();
    for (colour, name) in THEME {
        let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        let _ = writeln!(
            rules,
            "svg [fill=\"{hex}\"]{{fill:var(--{name})}}svg [stroke=\"{hex}\"]{{stroke:var(--{name})}}"
        );
    }
    rules
}

/// The first lines: whether the numbers can be trusted.
pub(super) fn banners(summary: &Summary) -> Markup {
    let unfit = summary.info.doctor.as_ref().and_then(|d| d.headline());
    let all = summary.platforms().count();
    let emulated = summary.platforms().filter(Platform::is_emulated).count();
    let untimed = summary
        .platforms()
        .filter(Platform::is_counted_only)
        .count();
    html! {
        @if let Some(incomplete) = &summary.info.incomplete {
            p .banner.unfit { strong { "This run is " (incomplete) "." } }
        }
        @if let Some(headline) = unfit {
            p .banner.unfit { strong { (headline) } " " a href="#doctor" { "The doctor's \
                findings" } }
        }
        @if untimed > 0 {
            p .banner.emulation {
                strong { (untimed) " of " (all) " targets were counted but not timed." }
                " Their instructions are exact for an emulated processor; they do not have times."
            }
        }
        @if emulated > 0 {
            p .banner.emulation {
                strong { (emulated) " of " (all) " targets are emulated." }
                " Their rows are hatched and labelled: they show that the pipeline works, but do not measure time."
            }
        }
    }
}

/// What was run, and where.
pub(super) fn header(summary: &Summary) -> Markup {
    let info = &summary.info;
    html! {
        header {
            p .kicker { "What does it cost to cross into a kernel?" }
            h1 { "Experiment " (info.experiment) }
            @for note in &info.notes { p { (note) } }
            (frequency(info))
            (verdict(info))
        }
    }
}

fn frequency(info: &RunInfo) -> Markup {
    html! {
        @if let Some(tsc) = &info.tsc {
            p {
                "Ticks are those of the time stamp counter, which runs at "
                data value=(tsc.hz.0) title={ (tsc.hz.0) " Hz" } { (format!("{:.3} MHz", tsc.hz.0 / 1e6)) }
                " (" (tsc.source) ")."
            }
        } @else {
            p { "The time stamp counter’s frequency is unknown, so the report has ticks but not \
                nanoseconds." }
        }
    }
}

fn verdict(info: &RunInfo) -> Markup {
    html! {
        @match &info.doctor {
            Some(doctor) if doctor.fit => p {
                "The doctor found this machine " strong { "fit for measuring" } ": "
                a href="#doctor" { "its findings" } "."
            },
            Some(_) => {},
            None => p {
                strong { "The doctor did not run" }
                ", so the report cannot show whether this machine is fit for measuring."
            },
        }
    }
}
