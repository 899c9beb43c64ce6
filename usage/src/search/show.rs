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
    /// The applications that it holds for.
    pub applications: Vec<String>,
    /// Applications without data.
    pub no_data: Vec<String>,
    /// Of workloads with several measurements: the ones that stand for them.
    pub chosen: Vec<String>,
    /// Calls that have to be there: one application requires them, at least.
    pub required: Vec<Call>,
    /// Calls that one application needs as a stub and another as a fake, and which
    /// therefore have to be there.
    pub conflict: Vec<Call>,
    /// Calls for which a stub does, and a fake does not.
    pub stub: Vec<Call>,
    /// Calls for which a fake does, and a stub does not.
    pub fake: Vec<Call>,
    /// Calls for which either does.
    pub both: Vec<Call>,
}

/// What a selection needs.
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
            ("A stub works, and a fake does not", &self.stub),
            ("A fake works, and a stub does not", &self.fake),
            ("Either works", &self.both),
        ];
        let names = [
            ("Applications", &self.applications),
            ("No data", &self.no_data),
            ("Of several measurements, these count", &self.chosen),
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
