//! Do all calls that work alone work together?

use super::laboratory::{Laboratory, Rules};
use super::rules::{Decision, Finding};
use super::{ExploreError, Request};
use crate::Mode;
use crate::feature::Feature;
use crate::result::{Purpose, Union};

const STAGE: &str = "all rules together";

/// The union of all stubs, and that of all fakes.
pub fn explore(
    lab: &Laboratory<'_>,
    request: &Request,
    decisions: &[Decision],
) -> Result<Vec<Union>, ExploreError> {
    let mut unions = Vec::new();
    for mode in request.modes.iter().copied() {
        let works =
            |decision: &&Decision| decision.mode == mode && decision.finding == Finding::Works;
        let working: Vec<_> = decisions
            .iter()
            .filter(works)
            .map(|decision| decision.feature.clone())
            .collect();
        // A call takes its parts with it.
        let whole = |feature: &Feature| working.contains(&feature.call.into());
        let calls: Vec<_> = working
            .iter()
            .filter(|feature| feature.is_whole() || !whole(feature))
            .cloned()
            .collect();
        if !calls.is_empty() && !lab.is_stopped() {
            unions.push(union(lab, request, mode, calls)?);
        }
    }
    Ok(unions)
}

fn union(
    lab: &Laboratory<'_>,
    request: &Request,
    mode: Mode,
    calls: Vec<Feature>,
) -> Result<Union, ExploreError> {
    let whole = rules(&calls, mode);
    let repeated = vec![whole; request.replicas.get() as usize];
    let observations = lab.try_all(STAGE, Purpose::Union, &repeated)?;
    let all = |works: bool| observations.iter().all(|seen| seen.works == Some(works));
    let works = match (all(true), all(false)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let (conflicts, largest) = match works {
        Some(false) => largest(&calls, &mut |sets| first_failing(lab, mode, sets))?,
        Some(true) => (Vec::new(), calls.clone()),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Union {
        mode,
        calls,
        works,
        conflicts,
        largest,
        runs: observations
            .into_iter()
            .flat_map(|seen| seen.runs)
            .collect(),
    })
}

fn rules(calls: &[Feature], mode: Mode) -> Rules {
    calls.iter().map(|call| (call.clone(), mode)).collect()
}

/// The first of these sets without which the program does not work.
fn first_failing(
    lab: &Laboratory<'_>,
    mode: Mode,
    sets: &[Vec<Feature>],
) -> Result<Option<usize>, ExploreError> {
    if lab.is_stopped() {
        return Ok(None);
    }
    let rules: Vec<_> = sets.iter().map(|calls| rules(calls, mode)).collect();
    let observations = lab.try_all(STAGE, Purpose::Union, &rules)?;
    Ok(observations
        .iter()
        .position(|seen| seen.works == Some(false)))
}

/// The first of these sets that fails.
type Ask<'a, E> = dyn FnMut(&[Vec<Feature>]) -> Result<Option<usize>, E> + 'a;

/// Removes one call of each conflict from a failing set until the rest works, and adds back
/// those that have become possible. Returns the conflicts and the rest.
fn largest<E>(
    calls: &[Feature],
    ask: &mut Ask<'_, E>,
) -> Result<(Vec<Vec<Feature>>, Vec<Feature>), E> {
    let (mut conflicts, mut rest, mut taken) = (Vec::new(), calls.to_vec(), Vec::new());
    while !rest.is_empty() {
        let conflict = smallest(&rest, ask)?;
        let last = conflict.last().cloned();
        rest.retain(|call| Some(call) != last.as_ref());
        taken.extend(last);
        conflicts.push(conflict);
        if ask(std::slice::from_ref(&rest))?.is_none() {
            break;
        }
    }
    // The last of them is the one that made the set fail.
    taken.pop();
    for call in taken {
        let more = [&rest[..], &[call]].concat();
        if ask(std::slice::from_ref(&more))?.is_none() {
            rest = more;
        }
    }
    rest.sort_unstable();
    Ok((conflicts, rest))
}

/// A minimal failing set: delta debugging (Zeller and Hildebrandt, "Simplifying and
/// Isolating Failure-Inducing Input", 2002).
fn smallest<E>(calls: &[Feature], ask: &mut Ask<'_, E>) -> Result<Vec<Feature>, E> {
    let (mut calls, mut parts) = (calls.to_vec(), 2);
    while calls.len() > 1 {
        let size = calls.len().div_ceil(parts);
        let pieces: Vec<Vec<Feature>> = calls.chunks(size).map(<[Feature]>::to_vec).collect();
        let without = |piece: &Vec<Feature>| {
            let others = calls.iter().filter(|call| !piece.contains(call));
            others.cloned().collect::<Vec<_>>()
        };
        let others: Vec<Vec<Feature>> = pieces.iter().map(without).collect();
        if let Some(piece) = ask(&pieces)?.and_then(|index| pieces.get(index)) {
            (calls, parts) = (piece.clone(), 2);
        } else if let Some(other) = ask(&others)?.and_then(|index| others.get(index)) {
            parts = (parts - 1).max(2);
            calls = other.clone();
        } else if parts >= calls.len() {
            break;
        } else {
            parts = (2 * parts).min(calls.len());
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Call;

    proptest! {
        /// Programs that fail if all calls of any of some sets are missing.
        #[test]
        fn the_rest_works_and_each_conflict_is_real_and_small(
            bad in prop::collection::vec(prop::collection::btree_set(0_u32..40, 2..5), 1..4)
        ) {
            let calls: Vec<Feature> = (0..40).map(|n| Call(n).into()).collect();
            let fails = |set: &[Feature]| bad.iter().any(|bad| bad.iter().all(|n| set.contains(&Call(*n).into())));
            let mut ask = |sets: &[Vec<Feature>]| Ok::<_, ()>(sets.iter().position(|set| fails(set)));
            let (conflicts, rest) = largest(&calls, &mut ask).unwrap();
            prop_assert!(!fails(&rest));
            for conflict in conflicts {
                prop_assert!(fails(&conflict));
                for spared in &conflict {
                    let less: Vec<_> = conflict.iter().filter(|call| *call != spared).cloned().collect();
                    prop_assert!(!fails(&less));
                }
            }
            // None of the others can be added.
            for call in calls.iter().filter(|call| !rest.contains(call)) {
                let more = [&rest[..], std::slice::from_ref(call)].concat();
                prop_assert!(fails(&more), "{call} could be added");
            }
        }
    }
}
