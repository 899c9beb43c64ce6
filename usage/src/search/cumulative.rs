use std::collections::BTreeMap;

use super::Selection;
use super::compared::Compared;
use crate::Call;

/// The share of applications that have the N-th most frequent call: each curve sorts its
/// calls by the share of applications that have them, and all curves cover the same
/// applications.
#[derive(Clone, Debug, PartialEq)]
pub struct Cumulative {
    /// The number of applications.
    pub applications: usize,
    /// Calls that the source holds.
    pub static_sources: Option<Curve>,
    /// Calls that the files hold.
    pub static_binary: Option<Curve>,
    /// Calls that runs made.
    pub used: Curve,
    /// Calls that runs need.
    pub required: Curve,
}

/// Share of the applications, from 0 to 1, that have the N-th most frequent call;
/// descending, without those that none has.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve(pub Vec<f64>);

impl Cumulative {
    /// Over the applications with complete data. `None` if there are none.
    pub fn new(selection: &Selection, sources: bool) -> Option<Self> {
        let compared = Compared::new(selection, sources)?;
        Some(Self {
            applications: compared.len(),
            static_sources: compared.static_sources().map(Curve::new),
            static_binary: compared.static_binary().map(Curve::new),
            used: Curve::new(compared.used()),
            required: Curve::new(compared.required()),
        })
    }
}

impl Curve {
    fn new(shares: BTreeMap<Call, f64>) -> Self {
        let mut shares: Vec<f64> = shares.into_values().collect();
        shares.sort_by(|a, b| b.total_cmp(a));
        Self(shares)
    }
}
