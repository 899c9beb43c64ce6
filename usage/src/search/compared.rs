use std::collections::{BTreeMap, BTreeSet};

use super::{Needs, Selection};
use crate::Call;

/// The applications with complete data for a comparison, so that all curves or panels cover
/// the same ones.
pub(super) struct Compared<'s> {
    applications: Vec<&'s Needs>,
    binary: bool,
    sources: bool,
}

impl<'s> Compared<'s> {
    /// The calls in files are compared if any application has them; those in sources only
    /// on request. `None` if no application has complete data.
    pub(super) fn new(selection: &'s Selection, sources: bool) -> Option<Self> {
        let mut all = selection.applications.values();
        let binary = all.any(|needs| needs.static_binary.is_some());
        let all = selection.applications.values();
        let applications: Vec<_> = all
            .filter(|needs| !binary || needs.static_binary.is_some())
            .filter(|needs| !sources || needs.static_sources.is_some())
            .collect();
        (!applications.is_empty()).then_some(Self {
            applications,
            binary,
            sources,
        })
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.applications.len()
    }

    /// Share of them whose files hold each call.
    pub(super) fn static_binary(&self) -> Option<BTreeMap<Call, f64>> {
        let found = |needs: &Needs| needs.static_binary.clone().unwrap_or_default();
        self.binary.then(|| self.shares(found))
    }

    /// Share of them whose source holds each call.
    pub(super) fn static_sources(&self) -> Option<BTreeMap<Call, f64>> {
        let found = |needs: &Needs| needs.static_sources.clone().unwrap_or_default();
        self.sources.then(|| self.shares(found))
    }

    /// Share of them that made each call.
    pub(super) fn used(&self) -> BTreeMap<Call, f64> {
        self.shares(|needs| needs.dynamic.keys().copied().collect())
    }

    /// Share of them that need each call itself.
    pub(super) fn required(&self) -> BTreeMap<Call, f64> {
        self.shares(|needs| {
            let needs = needs.dynamic.iter();
            let required = needs.filter(|(_, need)| need.is_implementation());
            required.map(|(call, _)| *call).collect()
        })
    }

    fn shares(&self, has: impl Fn(&Needs) -> BTreeSet<Call>) -> BTreeMap<Call, f64> {
        let mut count: BTreeMap<Call, u32> = BTreeMap::new();
        for call in self.applications.iter().flat_map(|needs| has(needs)) {
            *count.entry(call).or_default() += 1;
        }
        let all = self.applications.len() as f64;
        let share = |(call, count)| (call, f64::from(count) / all);
        count.into_iter().map(share).collect()
    }
}
