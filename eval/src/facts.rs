//! The numeric facts of a boot that its checks need.

use std::collections::BTreeMap;

use contract::Fact;

use crate::log::Log;

/// The facts that boots.csv keeps of one boot ([`Fact::columns`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootFacts(BTreeMap<Fact, u64>);

impl BootFacts {
    /// The facts in a log.
    pub fn of_log(log: &Log) -> Self {
        let facts = Fact::columns().map(|(fact, _)| (fact, log.number(fact)));
        facts
            .filter_map(|(fact, value)| Some((fact, value?)))
            .collect()
    }

    /// The value of one; `None` if the boot did not have it.
    pub fn get(&self, fact: Fact) -> Option<u64> {
        self.0.get(&fact).copied()
    }
}

impl FromIterator<(Fact, u64)> for BootFacts {
    fn from_iter<I: IntoIterator<Item = (Fact, u64)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}
