//! The calls in the program's files.

use std::collections::BTreeSet;
use std::mem;
use std::path::Path;

use super::{ExploreError, Request};
use crate::Call;
use crate::result::Files;
use crate::static_binary::{Apart, ApartError, StaticBinary};

/// Holes that are named; a large program has hundreds.
const NAMED: usize = 20;

/// What they hold, once another process has found it.
pub enum Analysis {
    Unwanted,
    Running(Apart),
    Finished(Result<StaticBinary, ApartError>),
}

impl Analysis {
    pub fn start(request: &Request, program: &Path) -> Self {
        let Some(command) = &request.analyser else {
            return Self::Unwanted;
        };
        match Apart::start(command, program) {
            Ok(apart) => Self::Running(apart),
            Err(error) => Self::Finished(Err(error)),
        }
    }

    /// Waits for it.
    pub fn finish(self) -> Option<Result<StaticBinary, ApartError>> {
        match self {
            Self::Unwanted => None,
            Self::Running(apart) => Some(apart.finish()),
            Self::Finished(found) => Some(found),
        }
    }

    /// The calls to try where nobody asks the kernel.
    pub fn assumed(&mut self) -> Result<BTreeSet<Call>, ExploreError> {
        let Some(found) = mem::replace(self, Self::Unwanted).finish() else {
            return Ok(BTreeSet::new());
        };
        let calls = match &found {
            Ok(found) => Ok(calls(found)),
            Err(error) => Err(ExploreError::Static(error.to_string())),
        };
        *self = Self::Finished(found);
        calls
    }
}

fn calls(found: &StaticBinary) -> BTreeSet<Call> {
    found.calls.iter().map(|found| found.call).collect()
}

/// What they say, next to what was seen.
pub fn compare(found: &Result<StaticBinary, ApartError>, seen: &BTreeSet<Call>) -> Files {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            return Files {
                error: Some(error.to_string()),
                resolved: 0,
                unresolved: seen.iter().copied().collect(),
                never_seen: Vec::new(),
                holes: Vec::new(),
            };
        }
    };
    let calls = calls(found);
    Files {
        error: None,
        resolved: seen.intersection(&calls).count() as u32,
        unresolved: seen.difference(&calls).copied().collect(),
        never_seen: calls.difference(seen).copied().collect(),
        holes: holes(found),
    }
}

fn holes(found: &StaticBinary) -> Vec<String> {
    let unknown = found.unknown.iter().map(|unknown| {
        let (site, why) = (&unknown.site, unknown.why.join("; "));
        format!("{} in {}: {why}", site.function, site.file)
    });
    let loads = found.loads.iter().map(|site| {
        format!(
            "{} in {} loads libraries while the program runs",
            site.function, site.file
        )
    });
    let missing = found
        .missing
        .iter()
        .map(|name| format!("{name} was not found"));
    missing.chain(unknown).chain(loads).take(NAMED).collect()
}
