//! Calls that were seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::feature::Feature;
use crate::{Call, Phase};

/// How often each call, and each part that was looked for, was seen before and after the
/// program was ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Before.
    pub init: BTreeMap<Feature, u64>,
    /// After.
    pub serving: BTreeMap<Feature, u64>,
    /// Values of the arguments that divide calls.
    pub values: BTreeMap<Call, BTreeSet<u32>>,
}

impl Seen {
    /// Counts one more.
    pub fn record(&mut self, feature: Feature, ready: bool) {
        let calls = if ready {
            &mut self.serving
        } else {
            &mut self.init
        };
        *calls.entry(feature).or_default() += 1;
    }

    /// Adds new calls, and returns whether there were any.
    pub fn add_new(&mut self, other: &Self) -> bool {
        let mut any = false;
        for (call, values) in &other.values {
            self.values.entry(*call).or_default().extend(values);
        }
        for (into, from) in [
            (&mut self.init, &other.init),
            (&mut self.serving, &other.serving),
        ] {
            for (feature, count) in from {
                if !into.contains_key(feature) {
                    into.insert(feature.clone(), *count);
                    any = true;
                }
            }
        }
        any
    }

    /// Every call of a phase, and every part that was seen.
    pub fn features(&self, phase: Phase) -> BTreeSet<&Feature> {
        let init = self.init.keys().filter(|_| phase != Phase::Serving);
        let serving = self.serving.keys().filter(|_| phase != Phase::Init);
        init.chain(serving).collect()
    }

    /// Every call of a phase.
    pub fn calls(&self, phase: Phase) -> BTreeSet<Call> {
        let features = self.features(phase).into_iter();
        features.map(|feature| feature.call).collect()
    }

    /// How often a call or a part was seen in a phase.
    pub fn count(&self, feature: &Feature, phase: Phase) -> u64 {
        let of = |counts: &BTreeMap<Feature, u64>| counts.get(feature).copied().unwrap_or_default();
        match phase {
            Phase::Init => of(&self.init),
            Phase::Serving => of(&self.serving),
            Phase::All => of(&self.init).saturating_add(of(&self.serving)),
        }
    }
}
