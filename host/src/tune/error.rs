//! Why a machine is not tuned at all.

use std::io;
use std::path::PathBuf;

use super::khz::Khz;
use crate::files::FileError;
use crate::trust::Untrusted;

/// Why a machine is not tuned at all.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A measuring CPU that does not exist.
    #[error("CPU {cpu} is not online; the online CPUs are {online}")]
    NoSuchCpu {
        /// The CPU.
        cpu: usize,
        /// Those that are online.
        online: String,
    },
    /// The machine does not have that frequency.
    #[error("--freq {khz}: {policy} runs at {min} to {max} kHz")]
    OutOfRange {
        /// The requested frequency.
        khz: Khz,
        /// The policy.
        policy: String,
        /// Its lowest frequency.
        min: Khz,
        /// Its highest.
        max: Khz,
    },
    /// The journal cannot be written.
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
    /// Another user could have written the file that root would act on.
    #[error(
        "{0}: what the journal says would be written as root. Nothing was changed. Find out who \
             made it, then: chown root: {path}; chmod go-w {path}", path = .0.path.display()
    )]
    Untrusted(#[from] Untrusted),
    /// The root folder is not that of a machine.
    #[error("{root} does not contain sys and proc; name a folder that does")]
    NoRoot {
        /// The folder.
        root: PathBuf,
    },
    /// Another process tunes.
    #[error(
        "another tollgate is tuning this machine (it holds {folder}/lock); wait until it has finished"
    )]
    Busy {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// The journal is gone, but the rest of it shows that settings were written.
    #[error(
        "{journal} is gone, but {progress} shows that settings were changed; their previous values are lost. \
             If the machine was rebooted since then, the reboot undid all settings: delete {progress}. Otherwise reboot, or restore the settings by hand (tollgate tune status shows them), then delete it"
    )]
    JournalLost {
        /// The path of the missing journal.
        journal: PathBuf,
        /// The progress file that is still there.
        progress: PathBuf,
    },
    /// The settings of an earlier process cannot be restored.
    #[error("the machine is still tuned, and tuning it again would lose its previous state:\n  {}",
            .settings.join("\n  "))]
    Leftover {
        /// Which settings failed, and why.
        settings: Vec<String>,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
