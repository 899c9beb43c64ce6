use std::path::PathBuf;

use host::files::FileError;

use crate::run::RunError;
use crate::shard::Shard;

/// Why runs cannot be merged. Nothing has been written then.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They measured different things.
    #[error(
        "{a} and {b} cannot be merged: the {what} differs ({ours} and {theirs}); \
         merge only runs of one experiment, with one program and the same images"
    )]
    Differs {
        /// A run.
        a: PathBuf,
        /// Another.
        b: PathBuf,
        /// What differs.
        what: String,
        /// It in the one.
        ours: String,
        /// It in the other.
        theirs: String,
    },
    /// They divide the experiment differently.
    #[error(
        "{a} is {ours} and {b} is {theirs}: they divide the experiment differently; \
         merge only shards of the same number"
    )]
    Divided {
        /// A run.
        a: PathBuf,
        /// Another.
        b: PathBuf,
        /// What the one is.
        ours: String,
        /// What the other is.
        theirs: String,
    },
    /// Two runs of one shard.
    #[error(
        "{a} and {b} are both shard {shard}, so some blocks would count twice; leave one of them \
         out, or add --despite overlap if both should count (a task that was started again on \
         another machine)"
    )]
    Overlap {
        /// A run.
        a: PathBuf,
        /// Another.
        b: PathBuf,
        /// What both are.
        shard: Shard,
    },
    /// One boot, two contents.
    #[error(
        "{a} and {b} are the same file of the same boot, but differ; one of them has been changed \
         or was repeated by --retry-failed: keep the right one, and leave out the other run"
    )]
    Conflict {
        /// A file.
        a: PathBuf,
        /// The other one.
        b: PathBuf,
    },
    /// It cannot be known on which machine a run was made.
    #[error(
        "{run} does not say on which machine it was made: an older tollgate made it, or the machine \
         has neither /etc/machine-id nor a boot ID; measure again with this version"
    )]
    NoMachine {
        /// The run.
        run: PathBuf,
    },
    /// A run is damaged.
    #[error("{file} cannot be merged: {reason}; {remedy}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Nothing to merge.
    #[error("no runs to merge; name at least one")]
    Nothing,
    /// A run cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
