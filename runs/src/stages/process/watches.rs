//! What each watch of a run adds.

use contract::Method;
use eval::units::TscHz;
use eval::watches::{self, FORMAT_VERSION, Unit, WatchedTarget, Watches};

use crate::run::{Manifest, RunError, RunFolder, parsed};

/// The targets that have watches, with a row for each watch.
pub fn of_run(run: &RunFolder, manifest: &Manifest) -> Result<Watches, RunError> {
    let watched = parsed::read_watches(run)?;
    let hz = TscHz(manifest.machine.tsc.hz());
    let targets = manifest.targets.iter().filter_map(|target| {
        let own: Vec<_> = watched
            .iter()
            .filter(|watch| watch.target == target.name)
            .collect();
        if own.is_empty() {
            return None;
        }
        let unit = Unit::of(Method::from_name(&target.method));
        let (costs, findings) = watches::summarize(&own, unit, Some(hz));
        Some(WatchedTarget {
            name: target.name.clone(),
            label: target.label.clone(),
            unit,
            costs,
            findings,
        })
    });
    Ok(Watches {
        version: FORMAT_VERSION,
        targets: targets.collect(),
    })
}
