use std::collections::{BTreeMap, BTreeSet};

use super::Selection;
use crate::database::Name;
use crate::{Call, Need};

/// How many calls an application has, by four ways to find out: `--histogram`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The application.
    pub application: Name,
    /// Calls that the source holds.
    pub static_sources: Option<usize>,
    /// Calls that the files hold.
    pub static_binary: Option<usize>,
    /// Calls that the test suite makes.
    pub suite: Option<Bar>,
    /// Calls that the benchmark makes.
    pub bench: Option<Bar>,
}

/// Calls that runs made, by what the application needs of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// The call itself.
    pub required: usize,
    /// A stub, and no fake.
    pub stub: usize,
    /// A fake, and no stub.
    pub fake: usize,
    /// Either.
    pub both: usize,
}

impl Profile {
    /// One for each application.
    pub fn all(selection: &Selection) -> Vec<Self> {
        let applications = selection.applications.iter();
        let profile = applications.map(|(name, needs)| Self {
            application: name.clone(),
            static_sources: needs.static_sources.as_ref().map(BTreeSet::len),
            static_binary: needs.static_binary.as_ref().map(BTreeSet::len),
            suite: needs.suite.as_ref().map(Bar::new),
            bench: needs.bench.as_ref().map(Bar::new),
        });
        profile.collect()
    }
}

impl Bar {
    fn new(needs: &BTreeMap<Call, Need>) -> Self {
        let count = |wanted: Need| needs.values().filter(|need| **need == wanted).count();
        Self {
            required: count(Need::Required) + count(Need::Conflict),
            stub: count(Need::Stub),
            fake: count(Need::Fake),
            both: count(Need::Both),
        }
    }

    /// All calls.
    pub fn used(self) -> usize {
        self.required + self.stub + self.fake + self.both
    }
}
