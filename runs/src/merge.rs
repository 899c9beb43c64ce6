//! The union of runs of one experiment, made by many tasks and on many machines.
//!
//! ```text
//! folders ─ read ─▶ Union, Union … ─ join ─▶ Union ─ write ─▶ a run with parts
//! ```
//!
//! Nothing is averaged, and every console stays as it was: a merged run has the merged ones as
//! its parts, and a plan of all their boots.

mod combine;
mod error;
mod read;
mod union;
mod write;

use std::path::{Path, PathBuf};

pub use self::error::MergeError;
pub use self::union::{Part, Source, Union};

use crate::run::{RunError, RunFolder};

/// The result of merging.
pub struct Merged {
    /// The merged run.
    pub run: RunFolder,
    /// Why it is not all of the experiment, if it is not.
    pub incomplete: Option<String>,
    /// The number of finished boots.
    pub finished: usize,
    /// The number of runs.
    pub parts: usize,
    /// The number of machines.
    pub machines: usize,
}

/// Merges runs into a new folder, which appears whole or not at all. With `overlapping`, a shard
/// may have been run more than once.
///
/// # Errors
///
/// [`MergeError`]. No run is changed, and nothing is left of the new one.
pub fn merge(out: &Path, runs: &[PathBuf], overlapping: bool) -> Result<Merged, MergeError> {
    // Before anything is read, which may take a while.
    if out.exists() {
        return Err(exists(out));
    }
    let mut union = Union::default();
    let mut locks = Vec::new();
    for folder in runs {
        let run = RunFolder::open(folder)?;
        locks.push(run.lock_for_reading()?);
        union = union.join(read::union(&run)?, overlapping)?;
    }
    write::write(&union, out)
}

fn exists(out: &Path) -> MergeError {
    RunError::Exists {
        folder: out.to_owned(),
    }
    .into()
}
