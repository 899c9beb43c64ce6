use std::collections::BTreeMap;

use super::Selection;
use super::compared::Compared;
use crate::Call;

/// The share of applications that have each call, by four ways to find out. A call that is
/// not listed does not occur in any of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// The number of applications.
    pub applications: usize,
    /// Calls that the source holds.
    pub static_sources: Option<Shares>,
    /// Calls that the files hold.
    pub static_binary: Option<Shares>,
    /// Calls that runs made.
    pub used: Shares,
    /// Calls that runs need.
    pub required: Shares,
}

/// Share of the applications, from 0 to 1, that have each call.
pub type Shares = BTreeMap<Call, f64>;

impl Heat {
    /// Over the applications with complete data. `None` if there are none.
    pub fn new(selection: &Selection, sources: bool) -> Option<Self> {
        let compared = Compared::new(selection, sources)?;
        Some(Self {
            applications: compared.len(),
            static_sources: compared.static_sources(),
            static_binary: compared.static_binary(),
            used: compared.used(),
            required: compared.required(),
        })
    }
}
