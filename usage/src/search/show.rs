use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{Selection, together};
use crate::database::Name;
use crate::lines::list;
use crate::{Call, Need};

/// What a selection needs, call by call: `tollgate usage search --show`.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Show {
    /// The applications that it covers.
    pub applications: Vec<String>,
    /// Applications without data.
    pub no_data: Vec<String>,
    /// For workloads with several measurements: the ones that are used.
    pub chosen: Vec<String>,
    /// Calls that at least one application requires.
    pub required: Vec<Call>,
    /// Calls that are required because one application needs a stub and another a fake.
    pub conflict: Vec<Call>,
    /// Calls for which a stub works, but a fake does not.
    pub stub: Vec<Call>,
    /// Calls for which a fake works, but a stub does not.
    pub fake: Vec<Call>,
    /// Calls for which either works.
    pub both: Vec<Call>,
}

/// The needs of a selection.
pub fn show(selection: &Selection) -> Show {
    let needs = together(selection.applications.values().map(|needs| &needs.dynamic));
    let of = |wanted: Need| {
        let calls = needs.iter().filter(|(_, need)| **need == wanted);
        calls.map(|(call, _)| *call).collect()
    };
    Show {
        applications: names(selection.applications.keys()),
        no_data: names(&selection.no_data),
        chosen: selection.chosen.iter().map(ToString::to_string).collect(),
        required: of(Need::Required),
        conflict: of(Need::Conflict),
        stub: of(Need::Stub),
        fake: of(Need::Fake),
        both: of(Need::Both),
    }
}

impl Display for Show {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let calls = [
            ("Required", &self.required),
            (
                "Required, because one application needs a stub and another a fake",
                &self.conflict,
            ),
            ("A stub works, but a fake does not", &self.stub),
            ("A fake works, but a stub does not", &self.fake),
            ("Either works", &self.both),
        ];
        let names = [
            ("Applications", &self.applications),
            ("No data", &self.no_data),
            (
                "Measurements used, where a workload has several",
                &self.chosen,
            ),
        ];
        for (what, calls) in calls.iter().filter(|(_, calls)| !calls.is_empty()) {
            writeln!(f, "{what} ({}):\n{}", calls.len(), list(2, calls))?;
        }
        for (what, names) in names.iter().filter(|(_, names)| !names.is_empty()) {
            writeln!(f, "{what} ({}):\n{}", names.len(), list(2, names))?;
        }
        Ok(())
    }
}

pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n Name>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}
