//! One rule at a time, several times.

use std::collections::{BTreeMap, BTreeSet};

use super::laboratory::{Laboratory, Observation, Rules};
use super::{ExploreError, Request, UNTESTABLE};
use crate::feature::Feature;
use crate::plausible::Recipe;
use crate::result::Purpose;
use crate::{Call, Mode};

/// The combined outcome of all runs of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub feature: Feature,
    pub mode: Mode,
    pub finding: Finding,
    /// How it differed from runs without rules, if it works.
    pub unusual: BTreeSet<String>,
    pub runs: Vec<u32>,
}

/// The sum of the runs of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Works,
    Broken,
    /// The runs disagree.
    Flaky,
    /// It never fired.
    Masked,
    /// None of the runs counts.
    Nothing,
}

/// A rule and its runs.
struct Trial {
    feature: Feature,
    mode: Mode,
    observations: Vec<Observation>,
}

/// Decides every rule on every call of the phase, except those already decided.
pub fn decide(
    lab: &Laboratory<'_>,
    request: &Request,
    mut decided: Vec<Decision>,
) -> Result<Vec<Decision>, ExploreError> {
    let testable = |call: &Call| !UNTESTABLE.contains(&call.name().unwrap_or_default());
    let features = lab.features();
    decided.retain(|decision| features.contains(&decision.feature));
    let mut trials = Vec::new();
    let testable = features
        .into_iter()
        .filter(|feature| testable(&feature.call));
    for feature in testable {
        for mode in modes_of(request, feature.call) {
            let known = |decision: &Decision| decision.feature == *feature && decision.mode == mode;
            if decided.iter().any(known) {
                continue;
            }
            trials.push(Trial {
                feature: feature.clone(),
                mode,
                observations: Vec::new(),
            });
        }
    }
    let all: Vec<usize> = (0..trials.len()).collect();
    alone(lab, &mut trials, &all, "each rule alone")?;
    for _ in 1..request.replicas.get() {
        let (passing, failing): (Vec<_>, Vec<_>) = all
            .iter()
            .partition(|index| trials.get(**index).is_some_and(Trial::may_share));
        let mut rest = failing;
        for mode in request.modes.iter().copied() {
            let of_mode =
                |index: &usize| trials.get(*index).is_some_and(|trial| trial.mode == mode);
            let group = passing.iter().copied().filter(of_mode).collect();
            rest.extend(together(lab, &mut trials, group)?);
        }
        alone(lab, &mut trials, &rest, "each rule again")?;
    }
    decided.extend(trials.into_iter().map(Trial::decision));
    Ok(decided)
}

/// Not every call has a plausible answer.
fn modes_of(request: &Request, call: Call) -> impl Iterator<Item = Mode> {
    let modes = request.modes.iter().copied();
    modes.filter(move |mode| *mode != Mode::Plausible || Recipe::of(call).is_some())
}

/// A run for each of these.
fn alone(
    lab: &Laboratory<'_>,
    trials: &mut [Trial],
    which: &[usize],
    stage: &'static str,
) -> Result<(), ExploreError> {
    let rules: Vec<_> = which.iter().map(|index| rules(trials, &[*index])).collect();
    let observations = lab.try_all(stage, Purpose::Rule, &rules)?;
    for (index, observation) in which.iter().zip(observations) {
        if let Some(trial) = trials.get_mut(*index) {
            trial.observations.push(observation);
        }
    }
    Ok(())
}

/// Rules that have passed alone, in groups: a group that passes confirms each rule that
/// fired. A group that fails is split in half. Returns the rules that are still
/// unconfirmed.
fn together(
    lab: &Laboratory<'_>,
    trials: &mut [Trial],
    group: Vec<usize>,
) -> Result<Vec<usize>, ExploreError> {
    let (mut groups, mut rest) = (vec![group], Vec::new());
    while !groups.is_empty() {
        groups.retain(|group| match group.len() {
            0 => false,
            1 => {
                rest.extend(group);
                false
            }
            _ => true,
        });
        let sets: Vec<_> = groups.iter().map(|group| rules(trials, group)).collect();
        let observations = lab.try_all("groups of rules", Purpose::Group, &sets)?;
        let tried = std::mem::take(&mut groups);
        for (group, observation) in tried.into_iter().zip(observations) {
            if observation.works != Some(true) {
                let (left, right) = group.split_at(group.len() / 2);
                groups.extend([left.to_vec(), right.to_vec()]);
                continue;
            }
            for index in group {
                let trial = trials.get_mut(index);
                match trial.filter(|trial| observation.has_fired(&trial.feature)) {
                    // Unusual behaviour of a group cannot be attributed to each member.
                    Some(trial) => trial.observations.push(Observation {
                        unusual: Vec::new(),
                        ..observation.clone()
                    }),
                    None => rest.push(index),
                }
            }
        }
    }
    Ok(rest)
}

fn rules(trials: &[Trial], which: &[usize]) -> Rules {
    let trials = which.iter().filter_map(|index| trials.get(*index));
    trials
        .map(|trial| (trial.feature.clone(), trial.mode))
        .collect::<BTreeMap<_, _>>()
}

impl Observation {
    fn has_fired(&self, feature: &Feature) -> bool {
        self.fired.get(feature).is_some_and(|count| *count > 0)
    }

    /// It fired, or nobody counted.
    fn may_have_fired(&self, feature: &Feature) -> bool {
        self.fired.get(feature).is_none_or(|count| *count > 0)
    }
}

impl Trial {
    /// Whether a group can confirm it.
    fn may_share(&self) -> bool {
        let fit = |seen: &Observation| seen.works == Some(true) && seen.has_fired(&self.feature);
        self.observations.iter().all(fit)
    }

    fn decision(self) -> Decision {
        let passing = self
            .observations
            .iter()
            .filter(|seen| seen.works == Some(true));
        Decision {
            feature: self.feature.clone(),
            mode: self.mode,
            finding: self.finding(),
            unusual: passing.flat_map(|seen| seen.unusual.clone()).collect(),
            runs: self
                .observations
                .iter()
                .flat_map(|seen| seen.runs.clone())
                .collect(),
        }
    }

    fn finding(&self) -> Finding {
        let any = |works: Option<bool>| self.observations.iter().any(|seen| seen.works == works);
        let fired = self
            .observations
            .iter()
            .any(|seen| seen.may_have_fired(&self.feature));
        match (any(Some(true)), any(Some(false))) {
            _ if any(None) => Finding::Nothing,
            (true, true) => Finding::Flaky,
            (true, false) if fired => Finding::Works,
            (true, false) => Finding::Masked,
            (false, true) if fired => Finding::Broken,
            // It failed, but not by the rule.
            (false, true) => Finding::Flaky,
            (false, false) => Finding::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call(39);

    /// A run: whether it worked, and how often the rule fired, if that was counted.
    fn seen(works: Option<bool>, fired: Option<u64>) -> Observation {
        Observation {
            works,
            fired: fired
                .map(|fired| (CALL.into(), fired))
                .into_iter()
                .collect(),
            unusual: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn finding(observations: &[Observation]) -> Finding {
        let trial = Trial {
            feature: CALL.into(),
            mode: Mode::Stub,
            observations: observations.to_vec(),
        };
        trial.finding()
    }

    #[test]
    fn runs_that_agree_decide_and_others_are_never_outvoted() {
        let works = seen(Some(true), Some(1));
        let broken = seen(Some(false), Some(1));
        assert_eq!(finding(&[works.clone(), works.clone()]), Finding::Works);
        assert_eq!(finding(&[broken.clone(), broken.clone()]), Finding::Broken);
        let mixed = [works.clone(), works.clone(), works.clone(), broken];
        assert_eq!(finding(&mixed), Finding::Flaky);
        assert_eq!(finding(&[works, seen(None, Some(1))]), Finding::Nothing);
    }

    #[test]
    fn a_rule_that_never_fired_proves_nothing() {
        let masked = seen(Some(true), Some(0));
        assert_eq!(finding(&[masked.clone(), masked.clone()]), Finding::Masked);
        // Once is enough, and so is a kernel that does not count.
        assert_eq!(
            finding(&[masked.clone(), seen(Some(true), Some(3))]),
            Finding::Works
        );
        assert_eq!(finding(&[seen(Some(true), None)]), Finding::Works);
        // It failed by something else.
        assert_eq!(finding(&[seen(Some(false), Some(0))]), Finding::Flaky);
    }
}
