//! The calls in the program's files.

use std::collections::BTreeSet;

use super::ExploreError;
use crate::Call;
use crate::result::Files;
use crate::static_binary::{StaticBinary, StaticError};

/// Holes that are named; a large program has hundreds.
const NAMED: usize = 20;

/// The calls to try where nobody asks the kernel.
pub fn assumed(
    found: Option<&Result<StaticBinary, StaticError>>,
) -> Result<BTreeSet<Call>, ExploreError> {
    match found {
        Some(Ok(found)) => Ok(calls(found)),
        Some(Err(error)) => Err(ExploreError::Static(error.to_string())),
        None => Ok(BTreeSet::new()),
    }
}

fn calls(found: &StaticBinary) -> BTreeSet<Call> {
    found.calls.iter().map(|found| found.call).collect()
}

/// What they say, next to what was seen.
pub fn compare(found: &Result<StaticBinary, StaticError>, seen: &BTreeSet<Call>) -> Files {
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
