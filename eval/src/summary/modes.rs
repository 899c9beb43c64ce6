//! Whether there is more than one typical value.

use super::boot::JudgedBoot;
use super::{Mode, ModeTest, ModeVerdict, Modes, SampleModes};
use crate::stats::Sorted;
use crate::stats::modes::{Groups, MIN_VALUES, groups};
use crate::units::Ticks;

/// `medians` are those of the boots.
pub(super) fn modes(boots: &[JudgedBoot], medians: &Sorted) -> Modes {
    let step = boots
        .iter()
        .map(|boot| boot.boot.step())
        .fold(0.0, f64::max);
    Modes {
        boots: among_boots(medians, step),
        samples: within_boots(boots),
    }
}

fn among_boots(medians: &Sorted, step: f64) -> ModeTest {
    match groups(medians, step) {
        Some(groups) => ModeTest {
            verdict: verdict(groups.are_modes()),
            p: Some(groups.p),
            modes: both(groups.are_modes().then_some(groups)),
        },
        // Equal medians have one mode, however many there are.
        None => ModeTest {
            verdict: if medians.values().len() >= MIN_VALUES {
                ModeVerdict::One
            } else {
                ModeVerdict::CannotTell
            },
            p: None,
            modes: Vec::new(),
        },
    }
}

fn within_boots(boots: &[JudgedBoot]) -> SampleModes {
    let large = boots
        .iter()
        .filter(|boot| boot.boot.values().len() >= MIN_VALUES);
    let tested: Vec<_> = large.map(|boot| boot.groups).collect();
    let two: Vec<_> = tested
        .iter()
        .flatten()
        .filter(|g| g.are_modes())
        .copied()
        .collect();
    let clearest = two.iter().copied().min_by(|a, b| a.p.total_cmp(&b.p));
    SampleModes {
        verdict: if tested.is_empty() {
            ModeVerdict::CannotTell
        } else {
            verdict(2 * two.len() >= tested.len())
        },
        boots_tested: tested.len() as u32,
        boots_with_two: two.len() as u32,
        modes: both(clearest),
    }
}

fn verdict(two: bool) -> ModeVerdict {
    if two {
        ModeVerdict::Two
    } else {
        ModeVerdict::One
    }
}

fn both(groups: Option<Groups>) -> Vec<Mode> {
    let groups = groups
        .into_iter()
        .flat_map(|groups| [groups.low, groups.high]);
    groups
        .map(|(at, share)| Mode {
            at: Ticks(at),
            share,
        })
        .collect()
}
