//! Why a machine is not tuned at all.

use std::io;
use std::path::PathBuf;

use super::khz::Khz;
use crate::files::FileError;

/// Why a machine is not tuned at all.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A measuring CPU that is not there.
    #[error("CPU {cpu} is not online; these are: {online}")]
    NoSuchCpu {
        /// The CPU.
        cpu: usize,
        /// Those that are online.
        online: String,
    },
    /// The frequency is none of the machine's.
    #[error("--freq {khz}: {policy} runs at {min} to {max} kHz")]
    OutOfRange {
        /// What was asked for.
        khz: Khz,
        /// The policy.
        policy: String,
        /// Its least frequency.
        min: Khz,
        /// Its greatest.
        max: Khz,
    },
    /// The journal has no place.
    #[error(
        "cannot write {path}: {error}; nothing is changed without a journal there \
             (run as root or with sudo)"
    )]
    State {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Somebody else could have written what root would act upon.
    #[error(
        "{path} is not trusted, because {reason}: what it says would be written as root. Nothing \
             was changed. Find out who made it, then: chown root: {path}; chmod go-w {path}"
    )]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The root is none.
    #[error("{root} holds no sys and proc; name a folder that does")]
    NoRoot {
        /// The folder.
        root: PathBuf,
    },
    /// Somebody else tunes.
    #[error(
        "another tollgate tunes this machine (it holds {folder}/lock); wait until it has ended"
    )]
    Busy {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// The journal is gone, and what is left of it says that settings were written.
    #[error(
        "{journal} is gone, but {progress} says that settings were changed; how they were is lost. \
             If the machine was rebooted since, nothing is tuned any more: delete {progress}. \
             Otherwise reboot, or put the settings back by hand (tollgate tune status shows them), \
             then delete it"
    )]
    JournalLost {
        /// Where the journal was.
        journal: PathBuf,
        /// What is left.
        progress: PathBuf,
    },
    /// What an earlier process left cannot be put back.
    #[error("the machine is still tuned, and tuning it anew would forget how it was:\n  {}",
            .settings.join("\n  "))]
    Leftover {
        /// What is the matter with which settings.
        settings: Vec<String>,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
