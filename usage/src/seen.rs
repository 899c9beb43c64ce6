//! Calls that were seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Call, Phase};

/// How often each call was seen, before and after the program was ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Before.
    pub init: BTreeMap<Call, u64>,
    /// After.
    pub serving: BTreeMap<Call, u64>,
}

impl Seen {
    /// Counts one more.
    pub fn record(&mut self, call: Call, ready: bool) {
        let calls = if ready {
            &mut self.serving
        } else {
            &mut self.init
        };
        *calls.entry(call).or_default() += 1;
    }

    /// Takes calls over that are new, and says whether there were any.
    pub fn add_new(&mut self, other: &Self) -> bool {
        let mut any = false;
        for (into, from) in [
            (&mut self.init, &other.init),
            (&mut self.serving, &other.serving),
        ] {
            for (call, count) in from {
                if !into.contains_key(call) {
                    into.insert(*call, *count);
                    any = true;
                }
            }
        }
        any
    }

    /// Every call of a phase.
    pub fn calls(&self, phase: Phase) -> BTreeSet<Call> {
        let init = self.init.keys().filter(|_| phase != Phase::Serving);
        let serving = self.serving.keys().filter(|_| phase != Phase::Init);
        init.chain(serving).copied().collect()
    }

    /// How often a call was seen in a phase.
    pub fn count(&self, call: Call, phase: Phase) -> u64 {
        let of = |calls: &BTreeMap<Call, u64>| calls.get(&call).copied().unwrap_or_default();
        match phase {
            Phase::Init => of(&self.init),
            Phase::Serving => of(&self.serving),
            Phase::All => of(&self.init).saturating_add(of(&self.serving)),
        }
    }
}
