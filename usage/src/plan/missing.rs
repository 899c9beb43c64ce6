use std::collections::BTreeSet;

use serde::Serialize;

use super::Applications;
use crate::{Call, Need};

/// What a kernel lacks for the whole set of applications.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Calls to implement.
    pub implement: Vec<MissingCall>,
    /// Calls that have to fail with ENOSYS: a kernel that lacks them does that already.
    pub stub: Vec<Call>,
    /// Calls that have to return 0 without doing anything.
    pub fake: Vec<Call>,
    /// Calls for which either works.
    pub either: Vec<Call>,
}

/// A call to implement, and for whom.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingCall {
    /// The call.
    pub call: Call,
    /// Applications that require it.
    pub required_by: Vec<String>,
    /// Whether no application requires it, but one needs a stub and another a fake.
    pub conflict: bool,
}

impl Missing {
    pub(super) fn new(applications: &Applications, supported: &BTreeSet<Call>) -> Self {
        let mut missing = Self::default();
        for (&call, need) in &applications.together {
            if supported.contains(&call) {
                continue;
            }
            match need {
                Need::Required | Need::Conflict => missing.implement.push(MissingCall {
                    call,
                    required_by: required_by(applications, call),
                    conflict: *need == Need::Conflict,
                }),
                Need::Stub => missing.stub.push(call),
                Need::Fake => missing.fake.push(call),
                Need::Both => missing.either.push(call),
            }
        }
        missing
    }
}

fn required_by(applications: &Applications, call: Call) -> Vec<String> {
    let all = applications.by_name.iter();
    let requires = all.filter(|(_, needs)| needs.get(&call) == Some(&Need::Required));
    requires.map(|(name, _)| name.clone()).collect()
}
