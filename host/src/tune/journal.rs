//! The previous settings, on disk before anything changes.
//!
//! Two files in one folder. `journal.json` holds the whole plan, sealed, and does not change.
//! `progress-ID.jsonl` gets a line before and a line after each write, so that after a kill
//! tollgate can recognise its own values: a file may show another value than the one written
//! (clamped, rounded), and one write may change what other files show.
//!
//! The journal and its folder are flushed to the disk before the first write. Lines of
//! progress are not: they outlive the process in the kernel's memory, and when that is
//! lost, so are all settings.
//!
//! Root writes the journal's values, so no other user may be able to change it (`trust`), and
//! only settings that a plan can name are restored.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};

use super::boot::KernelStart;
use super::plan::{Plan, Write};
use super::processes::Process;
use super::progress::{Known, Shown, Step};
use super::sys::{Sys, UNREADABLE, shown};
use super::{TuneError, seen};
use crate::files::{self, Damaged, FileError};
use crate::tool::Tool;
use crate::trust::{self, Untrusted};

/// Version of the journal's form.
pub const FORMAT: u32 = 3;
const REMEDY: &str = "restore the settings by hand (its `writes` list each file with its previous \
                      value, `old`), then delete it";
/// How the names of progress files begin.
const PROGRESS: &str = "progress-";

/// The folder that holds the journal.
#[derive(Clone, Debug)]
pub struct JournalFolder(PathBuf);

/// The plan, as in `journal.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the file.
    pub format: u32,
    /// Version and commit of the tool.
    pub tool: String,
    /// The part of its name that the progress file shares.
    pub id: String,
    /// The kernel's start, which settings do not outlive.
    pub boot: KernelStart,
    /// When.
    pub started: Timestamp,
    /// The process that wrote it.
    pub pid: u32,
    /// The CPUs that measure; empty: all.
    pub cpus: Vec<usize>,
    /// All settings, in the order of their writes.
    pub writes: Vec<Write>,
    /// Stopped processes, which have to be resumed.
    pub stops: Vec<Process>,
}

/// The first field that a reader of another version needs.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// A plan that is being, or was, carried out.
#[derive(Debug)]
pub struct Journal {
    folder: JournalFolder,
    header: Header,
    progress: File,
    known: Known,
}

impl JournalFolder {
    /// The folder of the journal: that of the machine's state, because the journal describes the
    /// machine and not a user.
    pub fn below(root: &Path) -> Self {
        Self(root.join("var/lib/tollgate"))
    }

    /// The journal's path.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.json")
    }

    /// Keeps every other process from tuning while the lock exists. Only root, or the user who
    /// tunes, can open the file, because reading is enough to lock it.
    pub fn lock(&self) -> Result<File, TuneError> {
        let state = |path: &Path| {
            let path = path.to_owned();
            move |error| TuneError::State { path, error }
        };
        self.make()?;
        let lock = self.0.join("lock");
        trust::check(&lock)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&lock)
            .map_err(state(&lock))?;
        // Older versions let everybody read it.
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(state(&lock))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(_) => Err(TuneError::Busy {
                folder: self.0.clone(),
            }),
        }
    }

    /// Whether the folder is there and nobody else could have made it, or put another one in its
    /// place. That matters to root alone: anybody else can write no more than they could anyway.
    fn is_there(&self) -> Result<bool, Untrusted> {
        if rustix::process::geteuid().is_root() {
            trust::check_way(&self.0)?;
        }
        Ok(trust::check(&self.0)?.is_some())
    }

    /// Creates the folder if it is missing, with a mode that does not depend on the umask.
    fn make(&self) -> Result<(), TuneError> {
        if !self.is_there()? {
            let mut folder = DirBuilder::new();
            let made = folder.recursive(true).mode(0o755).create(&self.0);
            made.map_err(|error| TuneError::State {
                path: self.0.clone(),
                error,
            })?;
        }
        Ok(())
    }

    /// The remains of an earlier plan.
    pub fn header(&self) -> Result<Option<Header>, TuneError> {
        let path = self.journal();
        if !self.is_there()? {
            return Ok(None);
        }
        if trust::check(&path)?.is_none() {
            return match self.orphan()? {
                Some(progress) => Err(TuneError::JournalLost {
                    journal: path,
                    progress,
                }),
                None => Ok(None),
            };
        }
        let Version { format } = files::read_json(&path, REMEDY)?;
        if format != FORMAT {
            return Err(FileError::from(Damaged {
                path,
                reason: format!("it has format {format}, but this tool reads format {FORMAT}"),
                remedy: "use the tollgate version that wrote it",
            })
            .into());
        }
        let header: Header = files::read_json(&path, REMEDY)?;
        match header.writes.iter().find(|w| !seen::is_setting(&w.path)) {
            Some(write) => Err(FileError::from(Damaged {
                path,
                reason: format!("it names {}, which tune never writes", write.path),
                remedy: "nothing was written; find out who created it, and delete it",
            })
            .into()),
            None => Ok(Some(header)),
        }
    }

    /// A progress file that records writes although its journal is gone.
    fn orphan(&self) -> Result<Option<PathBuf>, FileError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(files::reading(&self.0))?,
        };
        for entry in entries {
            let path = entry.map_err(files::reading(&self.0))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // A kill before the first write, or after the last one, leaves an empty file.
            if name.starts_with(PROGRESS)
                && fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0)
            {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Begins a journal. When this returns, it is on disk.
    pub fn begin(
        &self,
        sys: &dyn Sys,
        cpus: &[usize],
        plan: &Plan,
        tool: Tool,
    ) -> Result<Journal, FileError> {
        let started = Timestamp::now();
        let pid = std::process::id();
        let header = Header {
            format: FORMAT,
            tool: tool.version.to_owned(),
            id: format!("{}-{pid}", started.as_nanosecond()),
            boot: KernelStart::now(sys)?,
            started,
            pid,
            cpus: cpus.to_vec(),
            writes: plan.writes.clone(),
            stops: plan.stops.clone(),
        };
        let path = self.progress(&header);
        let progress = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)
            .map_err(files::writing(&path))?;
        files::write_json(&self.journal(), &header)?;
        self.flush()?;
        Ok(Journal {
            folder: self.clone(),
            header,
            progress,
            known: Known::default(),
        })
    }

    /// Opens the journal that [`JournalFolder::header`] found, to continue it.
    pub fn resume(&self, header: Header) -> Result<Journal, TuneError> {
        let (known, whole) = self.known(&header)?;
        let path = self.progress(&header);
        let open = || {
            let file = OpenOptions::new().append(true).open(&path)?;
            // A line that a kill has cut off means nothing.
            file.set_len(whole as u64)?;
            Ok(file)
        };
        Ok(Journal {
            folder: self.clone(),
            progress: open().map_err(files::writing(&path))?,
            header,
            known,
        })
    }

    /// Opens it to look at; nothing can be written.
    pub fn look(&self, header: Header) -> Result<Journal, TuneError> {
        let (known, _) = self.known(&header)?;
        let path = self.progress(&header);
        Ok(Journal {
            folder: self.clone(),
            progress: File::open(&path).map_err(files::reading(&path))?,
            header,
            known,
        })
    }

    /// The content of the progress file, and the length of its complete lines in bytes.
    fn known(&self, header: &Header) -> Result<(Known, usize), TuneError> {
        let path = self.progress(header);
        let damaged = |reason: String| {
            FileError::from(Damaged {
                path: path.clone(),
                reason,
                remedy: "restore the settings by hand (`writes` in journal.json lists each file \
                         with its previous value, `old`), then delete both",
            })
        };
        trust::check(&path)?;
        let text = fs::read_to_string(&path).map_err(|error| damaged(error.to_string()))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut known = Known::default();
        for (n, line) in text.get(..whole).unwrap_or_default().lines().enumerate() {
            let step = serde_json::from_str(line);
            known.take(step.map_err(|error| damaged(format!("line {}: {error}", n + 1)))?);
        }
        Ok((known, whole))
    }

    /// Renames a journal of another boot, because its content is outdated.
    pub fn set_aside(&self, header: &Header) -> Result<PathBuf, FileError> {
        let aside = self.0.join(format!("journal-{}.json", header.id));
        // First the file that means nothing without the other one.
        let progress = self.progress(header);
        match fs::remove_file(&progress) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(files::writing(&progress)(error));
            }
            _ => {}
        }
        fs::rename(self.journal(), &aside).map_err(files::writing(&aside))?;
        Ok(aside)
    }

    fn progress(&self, header: &Header) -> PathBuf {
        self.0.join(format!("{PROGRESS}{}.jsonl", header.id))
    }

    fn flush(&self) -> Result<(), FileError> {
        let folder = File::open(&self.0).and_then(|folder| folder.sync_all());
        folder.map_err(files::writing(&self.0))
    }
}

impl Journal {
    /// The settings, in the order of their writes.
    pub fn writes(&self) -> &[Write] {
        &self.header.writes
    }

    /// The processes that are stopped.
    pub fn stops(&self) -> &[Process] {
        &self.header.stops
    }

    /// Notes that the file of this number is about to be written.
    pub fn begin(&mut self, k: usize, sys: &dyn Sys) -> Result<(), FileError> {
        let mut before = self.touched(k, sys);
        before.retain(|&i, now| self.is_ours(i, now));
        self.note(Step::Begin(k, before))
    }

    /// Records the result.
    pub fn end(&mut self, k: usize, sys: &dyn Sys) -> Result<(), FileError> {
        let before = self.known.before(k);
        let mut now = self.touched(k, sys);
        now.retain(|i, now| before.get(i).is_some_and(|before| before != now));
        let written = self.writes().get(k);
        now.extend(written.and_then(|write| Some((k, shown(sys, &write.path)?))));
        self.note(Step::End(k, now))
    }

    /// The current values of the files that a write to this one may change.
    fn touched(&self, k: usize, sys: &dyn Sys) -> Shown {
        let Some(write) = self.writes().get(k) else {
            return Shown::new();
        };
        let others = self.writes().iter().enumerate();
        others
            .filter(|(_, other)| write.touches(other))
            .filter_map(|(i, other)| Some((i, shown(sys, &other.path)?)))
            .collect()
    }

    /// Whether the file's current value is tollgate's or the previous one. A file that cannot be
    /// read becomes readable with its CPU, and a limit below tollgate's may still be tollgate's:
    /// limits show what is in effect, which heat and the firmware can lower
    /// (cpufreq_set_policy).
    pub fn is_ours(&self, k: usize, now: &str) -> bool {
        let write = self.writes().get(k);
        let is_below = |write: &Write| {
            let khz = |text: &str| text.parse::<u64>().ok();
            let is_reached = self.was_written(k) || self.was_touched(k);
            write.is_limit()
                && match &write.new {
                    Some(new) => is_reached && khz(now).is_some() && khz(now) < khz(new),
                    None => self.known.is_below_ours(k, now),
                }
        };
        let is_made = |write: &Write| self.was_written(k) && write.is_made(now);
        write.is_some_and(|write| write.is_there(now) || is_made(write) || is_below(write))
            || now.starts_with(UNREADABLE)
            || self.known.is_ours(k, now)
    }

    /// Whether the file was written.
    pub fn was_written(&self, k: usize) -> bool {
        self.known.begun().any(|begun| begun == k)
    }

    /// Whether the file was written, and may still hold that value though it shows another.
    pub fn may_hide(&self, k: usize) -> bool {
        let write = self.writes().get(k);
        write.is_some_and(|write| write.is_limit() && self.known.has_shown_other(k, &write.old))
    }

    /// Whether a file was written that affects this one.
    pub fn was_touched(&self, k: usize) -> bool {
        let Some(write) = self.writes().get(k) else {
            return false;
        };
        let mut begun = self.known.begun().filter_map(|i| self.writes().get(i));
        begun.any(|other| other.touches(write))
    }

    /// Ends it: the previous state is restored.
    pub fn remove(self) -> Result<(), FileError> {
        let journal = self.folder.journal();
        let progress = self.folder.progress(&self.header);
        // A kill in between must not leave progress that records writes.
        self.progress
            .set_len(0)
            .map_err(files::writing(&progress))?;
        fs::remove_file(&journal).map_err(files::writing(&journal))?;
        fs::remove_file(&progress).map_err(files::writing(&progress))?;
        self.folder.flush()
    }

    /// Adds a line, and keeps its content in memory even if the disk is full.
    fn note(&mut self, step: Step) -> Result<(), FileError> {
        let path = self.folder.progress(&self.header);
        let line = serde_json::to_string(&step).map_err(io::Error::from);
        self.known.take(step);
        line.and_then(|line| self.append(&line))
            .map_err(files::writing(&path))
    }

    /// A full disk may take half of a line, which later lines must not follow.
    fn append(&mut self, line: &str) -> io::Result<()> {
        let length = self.progress.metadata()?.len();
        let written = self.progress.write_all(format!("{line}\n").as_bytes());
        if written.is_err() {
            self.progress.set_len(length)?;
        }
        written
    }
}
