//! The calls that a kernel has to add, and in which order, to run a set of applications.

mod missing;
mod steps;
mod supported;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::search::{Selection, names, together};
use crate::{Call, Need};

pub use missing::{Missing, MissingCall};
pub use steps::Step;
pub use supported::{Supported, SupportedError, TriedError, tried_list};

/// How to interpret the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As they are defined.
    Ours,
    /// As Loupe's search does: stub and fake are swapped, and an application counts as
    /// supported if the kernel has its required calls.
    Loupe,
}

/// What a kernel lacks for a set of applications.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How many calls the kernel has.
    pub supported_calls: usize,
    /// The calls missing for the whole set.
    pub missing: Missing,
    /// Applications that the kernel already runs, if it answers ENOSYS to the calls that it
    /// lacks.
    pub supported: Vec<String>,
    /// What to add for the others, one application at a time: each step adds the one that
    /// lacks the fewest calls.
    pub steps: Vec<Step>,
    /// Applications without data, which are otherwise ignored.
    pub no_data: Vec<String>,
    /// For workloads with several measurements: the ones that are used.
    pub chosen: Vec<String>,
}

/// What each application needs, and what all need together.
struct Applications {
    by_name: BTreeMap<String, BTreeMap<Call, Need>>,
    together: BTreeMap<Call, Need>,
    /// The combined needs of those that do not need the call itself.
    stand_in: BTreeMap<Call, Need>,
}

/// Makes the plan.
pub fn plan(selection: &Selection, supported: &BTreeSet<Call>, reading: Reading) -> Plan {
    let applications = Applications::new(selection, reading);
    let covered = applications.covered(supported, reading);
    Plan {
        supported_calls: supported.len(),
        missing: Missing::new(&applications, supported),
        steps: steps::steps(&applications, &covered, supported),
        supported: covered.into_iter().map(ToOwned::to_owned).collect(),
        no_data: names(&selection.no_data),
        chosen: selection.chosen.iter().map(ToString::to_string).collect(),
    }
}

impl Applications {
    fn new(selection: &Selection, reading: Reading) -> Self {
        let read = |need: Need| match reading {
            Reading::Ours => need,
            Reading::Loupe => need.exchanged(),
        };
        let applications = selection.applications.iter().map(|(name, needs)| {
            let needs = needs
                .dynamic
                .iter()
                .map(|(call, need)| (*call, read(*need)));
            (name.to_string(), needs.collect())
        });
        let by_name: BTreeMap<String, BTreeMap<Call, Need>> = applications.collect();
        let stand_ins: Vec<_> = by_name.values().map(without_required).collect();
        Self {
            together: together(by_name.values()),
            stand_in: together(&stand_ins),
            by_name,
        }
    }

    /// Whether an application needs the call itself, in this set of applications: it
    /// requires it, or it needs a stub where another needs a fake.
    fn needs_itself(&self, call: Call, need: Need) -> bool {
        let conflict = self.stand_in.get(&call) == Some(&Need::Conflict);
        need.is_implementation() || (conflict && need != Need::Both)
    }

    /// The calls that an application needs themselves.
    fn required<'a>(&'a self, needs: &'a BTreeMap<Call, Need>) -> impl Iterator<Item = Call> + 'a {
        let required = needs.iter().filter(|(c, n)| self.needs_itself(**c, **n));
        required.map(|(call, _)| *call)
    }

    /// The applications that run on a kernel that has these calls and no others.
    fn covered(&self, supported: &BTreeSet<Call>, reading: Reading) -> BTreeSet<&str> {
        let runs = |needs: &BTreeMap<Call, Need>| {
            let mut lacking = needs.iter().filter(|(call, _)| !supported.contains(call));
            lacking.all(|(_, need)| match reading {
                Reading::Ours => matches!(need, Need::Stub | Need::Both),
                Reading::Loupe => !need.is_implementation(),
            })
        };
        let covered = self.by_name.iter().filter(|(_, needs)| runs(needs));
        covered.map(|(name, _)| name.as_str()).collect()
    }
}

fn without_required(needs: &BTreeMap<Call, Need>) -> BTreeMap<Call, Need> {
    let stand_ins = needs.iter().filter(|(_, need)| !need.is_implementation());
    stand_ins.map(|(call, need)| (*call, *need)).collect()
}

#[cfg(test)]
mod tests;
