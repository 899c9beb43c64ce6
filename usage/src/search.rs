//! Queries a database for some applications and workloads.

mod compared;
mod cumulative;
mod heat;
mod profile;
mod select;
mod show;

use std::collections::{BTreeMap, BTreeSet};

pub use cumulative::{Cumulative, Curve};
pub use heat::{Heat, Shares};
pub use profile::{Bar, Profile};
pub use select::{Applications, Workloads, restrict, select};
pub(crate) use show::names;
pub use show::{Show, show};

use crate::database::{Choice, Name};
use crate::{Call, Need};

/// The measurements of a selection.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By application, those with data.
    pub applications: BTreeMap<Name, Needs>,
    /// Applications without data.
    pub no_data: BTreeSet<Name>,
    /// Workloads with several measurements, and the one that is used for each.
    pub chosen: Vec<Choice>,
}

/// The needs of one application: over all its selected workloads, and by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The results of runs, over all selected workloads.
    pub dynamic: BTreeMap<Call, Need>,
    /// The results of benchmark runs, if they are selected and exist.
    pub bench: Option<BTreeMap<Call, Need>>,
    /// The results of test suite runs, if they are selected and exist.
    pub suite: Option<BTreeMap<Call, Need>>,
    /// The calls in its files.
    pub static_binary: Option<BTreeSet<Call>>,
    /// The calls in its source.
    pub static_sources: Option<BTreeSet<Call>>,
}

/// The combined needs of all of them.
pub fn together<'n>(
    needs: impl IntoIterator<Item = &'n BTreeMap<Call, Need>>,
) -> BTreeMap<Call, Need> {
    let mut all = BTreeMap::new();
    for (call, need) in needs.into_iter().flatten() {
        let merged = |so_far: &mut Need| *so_far = so_far.and(*need);
        all.entry(*call).and_modify(merged).or_insert(*need);
    }
    all
}
