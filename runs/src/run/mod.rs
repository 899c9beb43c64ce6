//! A run: the folder that one execution of an experiment fills.

mod guests;
pub mod manifest;
mod measurement;
mod outcome;
pub mod parsed;
mod placement;
pub mod processed;
pub mod results;
pub mod targets;

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tempfile::TempDir;

pub use guests::{Gathered, Guest, Guests};
pub use manifest::{
    FileId, Manifest, MergedRuns, Origin, PartId, PinnedBy, Placed, ProgramId, TargetId,
    one_frequency,
};
pub use measurement::measurement;
pub use outcome::{BootRecord, BootRow, BootState};
pub use placement::Placement;

use crate::engine::EngineError;
use crate::experiment::ExperimentError;
use crate::schedule::PlannedBoot;
use crate::shard::ShardError;
use eval::plot::PlotError;
use eval::summary::SummaryError;
use host::files::{self, FileError};
use host::program::NotAProgram;
use host::tune::TuneError;

/// Problems with a run's folder.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It exists, and must not be overwritten.
    #[error(
        "{folder} already exists, and results are never overwritten; \
         choose another folder with --run, or continue with --resume"
    )]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process is filling it.
    #[error("another tollgate is writing to {folder}; wait until it has finished")]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// It does not contain a run.
    #[error(
        "{folder} is not a run: it does not contain manifest.json (`tollgate run` creates \
        runs)"
    )]
    NotARun {
        /// The folder.
        folder: PathBuf,
    },
    /// It has no boots of its own.
    #[error(
        "{folder} was merged, and has no boots of its own to continue; continue its parts with \
         --resume, and merge them again"
    )]
    Merged {
        /// The folder.
        folder: PathBuf,
    },
    /// Something that the run boots has changed since it began.
    #[error(
        "{what} has changed since this run began, so its boots would not be comparable; \
         start a new run, or restore the old one"
    )]
    Changed {
        /// What has changed.
        what: String,
    },
    /// The run began without --tune and would continue with it, or the other way round.
    #[error("this run was started {0} --tune, so its boots would not be comparable; {1}")]
    Tuning(&'static str, &'static str),
    /// The runs differ in what no comparison may pass over.
    #[error(
        "these runs cannot be compared: {}; to compare them nevertheless, add --despite {}",
        .reasons.join("; "), .names.join(",")
    )]
    NotComparable {
        /// What differs.
        reasons: Vec<String>,
        /// The names that `--despite` accepts for it.
        names: Vec<&'static str>,
    },
    /// The samples have no statistics.
    #[error("cannot compute the run's statistics")]
    Summary(#[source] SummaryError),
    /// A picture cannot be drawn.
    #[error("{file}")]
    Plot {
        /// The file that was to hold it.
        file: &'static str,
        /// Why.
        #[source]
        error: PlotError,
    },
    /// No target has an image, so a run would end without a boot.
    #[error("no target can be booted, because none has an image (fix: {0})")]
    NoImage(String),
    /// The program is not one.
    #[error(transparent)]
    Program(#[from] NotAProgram),
    /// The program cannot be packed.
    #[error("cannot build the initramfs")]
    Initramfs(#[source] io::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The experiment is wrong.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The engine cannot boot a target.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The machine cannot be tuned.
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// The shard cannot be run.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// A run's folder before it is complete: it is removed unless it is finished.
pub struct Draft {
    /// The folder for its files.
    pub run: RunFolder,
    folder: TempDir,
}

impl Draft {
    /// Turns it into a run under its own name.
    pub fn finish(self, path: &Path) -> Result<RunFolder, FileError> {
        fs::rename(self.folder.path(), path).map_err(files::writing(path))?;
        // Nothing is left to remove.
        let _ = self.folder.keep();
        Ok(RunFolder(path.to_owned()))
    }
}

/// The folder of a run, with the paths of everything in it.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// A folder for a new run, to be filled and then made one by [`Draft::finish`].
    pub fn draft(path: &Path) -> Result<Draft, RunError> {
        if path.exists() {
            return Err(RunError::Exists {
                folder: path.to_owned(),
            });
        }
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(files::writing(parent))?;
        let folder = tempfile::Builder::new()
            .prefix(files::UNFINISHED)
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .map_err(files::writing(parent))?;
        let run = Self(folder.path().to_owned());
        Ok(Draft { run, folder })
    }

    /// The folder of a run that is not made yet.
    pub fn planned(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Keeps every other process from filling or reading the run, for as long as the lock lives.
    pub fn lock(&self) -> Result<File, RunError> {
        self.locked(FlockOperation::NonBlockingLockExclusive)
    }

    /// Keeps every other process from filling the run, for as long as the lock lives.
    pub fn lock_for_reading(&self) -> Result<File, RunError> {
        self.locked(FlockOperation::NonBlockingLockShared)
    }

    fn locked(&self, operation: FlockOperation) -> Result<File, RunError> {
        let folder = File::open(&self.0).map_err(files::reading(&self.0))?;
        match flock(&folder, operation) {
            Err(Errno::WOULDBLOCK) => Err(RunError::Busy {
                folder: self.0.clone(),
            }),
            // Network file systems cannot lock a folder.
            Ok(()) | Err(_) => Ok(folder),
        }
    }

    /// The folder of a run that was made before.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self(path.to_owned());
        if run.manifest().is_file() {
            Ok(run)
        } else {
            Err(RunError::NotARun {
                folder: path.to_owned(),
            })
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of that name in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What was run, where and how.
    pub fn manifest(&self) -> PathBuf {
        self.file("manifest.json")
    }

    /// The experiment as it was when the run began.
    pub fn experiment(&self) -> PathBuf {
        self.file("experiment.toml")
    }

    /// The benchmark program that every target runs.
    pub fn program(&self) -> PathBuf {
        self.file("guest-bench")
    }

    /// The archive for Linux that contains it.
    pub fn initramfs(&self) -> PathBuf {
        self.file("initramfs.cpio.gz")
    }

    /// One line per sample.
    pub fn samples(&self) -> PathBuf {
        self.file("samples.csv")
    }

    /// One line per round.
    pub fn rounds(&self) -> PathBuf {
        self.file("rounds.csv")
    }

    /// One line per sample of the exact method.
    pub fn counts(&self) -> PathBuf {
        self.file("counts.csv")
    }

    /// One line per check of the precise method's slope.
    pub fn quads(&self) -> PathBuf {
        self.file("quads.csv")
    }

    /// One line per slope of a watch, if sites were watched.
    pub fn watches(&self) -> PathBuf {
        self.file("watches.csv")
    }

    /// What each watch adds.
    pub fn watch_costs(&self) -> PathBuf {
        self.file("watches.json")
    }

    /// One line per boot.
    pub fn boots(&self) -> PathBuf {
        self.file("boots.csv")
    }

    /// What the guests reported about themselves.
    pub fn guests(&self) -> PathBuf {
        self.file("guests.json")
    }

    /// The run in a few numbers.
    pub fn summary(&self) -> PathBuf {
        self.file("summary.json")
    }

    /// The same for spreadsheets.
    pub fn summary_csv(&self) -> PathBuf {
        self.file("summary.csv")
    }

    /// The hashes of the files that parse made.
    pub fn parse_sums(&self) -> PathBuf {
        self.file("parse.sha256")
    }

    /// The hashes of the files that process made.
    pub fn process_sums(&self) -> PathBuf {
        self.file("process.sha256")
    }

    /// The raw console of a boot.
    pub fn console(&self, boot: &PlannedBoot) -> PathBuf {
        let PlannedBoot { target, boot } = boot;
        self.console_folder().join(format!("{target}.{boot}.log"))
    }

    /// How that boot went. The boot is finished when this file exists.
    pub fn record(&self, boot: &PlannedBoot) -> PathBuf {
        let PlannedBoot { target, boot } = boot;
        self.console_folder().join(format!("{target}.{boot}.json"))
    }

    /// Turns a finished boot into an unfinished one, and keeps its files under other names.
    pub fn set_aside(&self, boot: &PlannedBoot) -> Result<(), FileError> {
        let beside = |path: &Path, retry: u32| {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            path.with_extension(format!("failed-{retry}.{extension}"))
        };
        let (console, record) = (self.console(boot), self.record(boot));
        let is_free = |retry: &u32| !beside(&record, *retry).exists();
        let retry = (0..).find(is_free).unwrap_or_default();
        // The record last: as long as it exists, nothing replaces the console.
        for path in [console, record] {
            if path.exists() {
                fs::rename(&path, beside(&path, retry)).map_err(files::writing(&path))?;
            }
        }
        Ok(())
    }

    /// Whether that boot is finished.
    pub fn is_finished(&self, boot: &PlannedBoot) -> bool {
        self.record(boot).is_file()
    }

    /// The folder of the consoles and records.
    pub fn console_folder(&self) -> PathBuf {
        self.file("console")
    }

    /// The folder of a run that was merged into this one.
    pub fn part(&self, id: &str) -> PathBuf {
        self.file("parts").join(id)
    }
}
