//! What a database says of some applications and workloads.

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

/// What was found for a selection.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By application, those with data.
    pub applications: BTreeMap<Name, Needs>,
    /// Applications without data: nothing can be said of them.
    pub no_data: BTreeSet<Name>,
    /// Workloads with several measurements, and the one that stands for each.
    pub chosen: Vec<Choice>,
}

/// What one application needs: by all its selected workloads together, and by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What runs showed, over all selected workloads.
    pub dynamic: BTreeMap<Call, Need>,
    /// What runs of benchmarks showed, if they are selected and there are any.
    pub bench: Option<BTreeMap<Call, Need>>,
    /// What runs of test suites showed, if they are selected and there are any.
    pub suite: Option<BTreeMap<Call, Need>>,
    /// What its files hold.
    pub static_binary: Option<BTreeSet<Call>>,
    /// What its source holds.
    pub static_sources: Option<BTreeSet<Call>>,
}

/// What all of them need together.
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
