//! Two runs compared: whether they are comparable, and what changed.

mod differences;

use std::path::Path;

use eval::compare::{self, Comparison, ExactComparison};
use eval::summary::Summary;

pub use self::differences::Despite;

use self::differences::Differences;
use crate::run::{Manifest, RunError, RunFolder, parsed, processed};
use crate::trace::kept;

/// Two comparable runs.
pub struct Pair {
    /// The statistics of the run to compare with.
    pub before: Summary,
    /// The statistics of the run to judge.
    pub after: Summary,
    /// What differs apart from what is compared, one line each.
    pub warnings: Vec<String>,
    folders: [RunFolder; 2],
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Time.
    Times,
    /// Counted instructions, which are the same on every machine.
    Instructions,
}

impl Pair {
    /// Reads two runs, which may have the differences in `despite`.
    ///
    /// # Errors
    ///
    /// A run was not processed, or one of its files is damaged; or the runs differ in a way
    /// that makes a comparison meaningless: [`RunError::NotComparable`].
    pub fn read(
        before: &Path,
        after: &Path,
        what: What,
        despite: &[Despite],
    ) -> Result<Self, RunError> {
        let folders = [RunFolder::open(before)?, RunFolder::open(after)?];
        for run in &folders {
            parsed::check_manifest(run)?;
        }
        let [a, b] = &folders;
        let manifests = (Manifest::read(a)?, Manifest::read(b)?);
        let (before, after) = (processed::read_summary(a)?, processed::read_summary(b)?);
        let differences = match what {
            What::Times => Differences::of(&manifests.0, &manifests.1),
            What::Instructions => Differences::of_counts(&manifests.0, &manifests.1),
        };
        let grave = differences.grave.iter();
        let refused: Vec<_> = grave.filter(|(what, _)| !despite.contains(what)).collect();
        if !refused.is_empty() {
            return Err(RunError::NotComparable {
                reasons: refused.iter().map(|(_, reason)| reason.clone()).collect(),
                names: refused.iter().map(|(what, _)| what.name()).collect(),
            });
        }
        Ok(Self {
            before,
            after,
            warnings: differences.warnings(),
            folders,
        })
    }

    /// Whether targets became faster or slower.
    pub fn times(&self) -> Comparison {
        compare::compare(&self.before, &self.after)
    }

    /// Whether targets take more instructions, and in which functions, if both runs hold a
    /// trace.
    ///
    /// # Errors
    ///
    /// A trace is damaged.
    pub fn instructions(&self) -> Result<ExactComparison, RunError> {
        let [before, after] = &self.folders;
        let (before, after) = (kept::read(before.path())?, kept::read(after.path())?);
        Ok(compare::compare_exact(
            (&self.before, &before),
            (&self.after, &after),
        ))
    }
}
