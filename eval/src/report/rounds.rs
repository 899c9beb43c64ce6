//! The rounds in which the program lost the processor.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::Run;
use super::figure;
use super::grid::{Grid, Group};
use super::number::{nothing, rounded, whole};
use crate::boot::Boot;
use crate::rounds::Round;
use crate::summary::TargetSummary;

/// The number of rounds per target that are listed; rounds.csv has all.
const NAMED: usize = 5;

/// The worst rounds of each target; empty if no kernel counts disturbances.
pub(super) fn disturbed(run: &Run<'_>) -> Option<Markup> {
    let groups: Vec<_> = run
        .summary
        .targets
        .iter()
        .filter_map(|target| group(target, run.boots))
        .collect();
    let grid = Grid {
        label: "Disturbed rounds",
        first: "Round",
        columns: vec!["switches", "run delay, µs", "steal, 1/100 s"],
        groups,
    };
    (!grid.groups.is_empty()).then(|| {
        html! {
            h3 { "Disturbed rounds" }
            p {
                "A round is disturbed if its kernel took the program off the processor, or the \
                 hypervisor ran something else there. The table lists each target's rounds with \
                 the longest waits; "
                a href="rounds.csv" { "rounds.csv" } " has all."
            }
            (grid.render())
        }
    })
}

fn group(target: &TargetSummary, boots: &[Boot]) -> Option<Group> {
    let boots = boots.iter().filter(|boot| boot.target == target.info.name);
    let watched: usize = boots.clone().map(|boot| boot.watched_rounds).sum();
    let mut worst: Vec<_> = boots.flat_map(|boot| &boot.disturbed_rounds).collect();
    let count = worst.len();
    worst.sort_by_key(|r| Reverse((r.run_delay_ns, r.steal_cs, r.switches)));
    worst.truncate(NAMED);
    (watched > 0).then(|| Group {
        heading: Some(html! {
            (figure::target(target)) ": " (count) " of " (watched) " rounds"
        }),
        emulated: target.info.measures_emulator(),
        rows: worst.into_iter().map(row).collect(),
        empty: None,
    })
}

fn row(round: &Round) -> (String, Vec<Markup>) {
    let count = |known: Option<u64>| known.map_or_else(nothing, whole);
    let delay = round.run_delay_ns.map(|ns| ns as f64 / 1e3);
    (
        format!("boot {}, round {}", round.boot, round.round),
        vec![
            count(round.switches),
            delay.map_or_else(nothing, |us| rounded(us, 1, " µs")),
            count(round.steal_cs),
        ],
    )
}
