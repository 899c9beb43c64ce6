//! Gives the CPUs a constant clock and few interruptions, and takes that back again.
//!
//! [`Seen::read`] reads the machine, [`plan`] makes an ordered list of writes from it,
//! the [`journal`] puts what was there on disk, [`apply`] writes, [`restore`] undoes.
//! docs/TUNE.md says what is written where, in which order and why.

mod apply;
mod clock;
mod cpus;
#[cfg(test)]
mod fake;
mod journal;
mod latency;
mod plan;
mod policy;
mod restore;
pub mod say;
mod seen;
pub mod status;
mod sys;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

pub use apply::Applied;
pub use plan::{Plan, Request};
pub use policy::Khz;
pub use restore::{Restored, State};

use journal::{JournalFolder, boot_id};
use seen::Seen;
use sys::Sys;

use crate::tree::Tree;

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
    /// What an earlier process left cannot be put back.
    #[error(
        "the machine is still tuned, and not all of it can be put back: see `tollgate tune restore`"
    )]
    Leftover,
}

/// What was done for a run, as its manifest tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The measuring CPUs; empty: all.
    pub cpus: Vec<usize>,
    /// Every setting: before, wanted, and what stands there.
    pub settings: Vec<Applied>,
    /// What could not be done or is left to the user.
    pub remarks: Vec<String>,
    /// Whether /dev/cpu_dma_latency was held at 0 µs.
    pub cpu_dma_latency_held: bool,
    /// Settings that showed something else when the last boot had ended.
    pub changed: Vec<Changed>,
}

/// A setting that somebody has changed during a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// The file.
    pub path: String,
    /// What it showed when the run began.
    pub then: Option<String>,
    /// What it shows now.
    pub now: Option<String>,
}

impl Tuning {
    /// Looks at every setting again.
    pub fn checked(self, root: &Path) -> Self {
        let root = Tree::at(root);
        let changed = self.settings.iter().filter_map(|setting| {
            let now = sys::value(&root, &setting.path);
            (now != setting.now).then(|| Changed {
                path: setting.path.clone(),
                then: setting.now.clone(),
                now,
            })
        });
        Self {
            changed: changed.collect(),
            ..self
        }
    }

    /// Whether boots under the two could be compared.
    pub fn is_like(&self, other: &Self) -> bool {
        let shown = |tuning: &Self| -> Vec<_> {
            let settings = tuning.settings.iter();
            settings.map(|s| (s.path.clone(), s.now.clone())).collect()
        };
        shown(self) == shown(other) && self.cpu_dma_latency_held == other.cpu_dma_latency_held
    }
}

/// What became of a request.
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// What became of each write.
    pub settings: Vec<Applied>,
    /// What was put back first of an earlier plan.
    pub earlier: Undone,
}

impl Outcome {
    /// Whether the machine is as it was asked to be.
    pub fn is_complete(&self) -> bool {
        !self.settings.iter().any(say::is_failed)
            && !self.plan.remarks.iter().any(|remark| remark.incomplete)
    }
}

/// What was put back.
pub enum Undone {
    /// There was no journal.
    Nothing,
    /// The journal was of another boot, whose settings went with it; it lies here now.
    OtherBoot(PathBuf),
    /// These settings.
    Settings(Vec<Restored>),
}

impl Undone {
    /// Whether everything is as it was.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Settings(settings) => settings.iter().all(|s| s.state == State::Back),
            Self::Nothing | Self::OtherBoot(_) => true,
        }
    }

    fn has_failed(&self) -> bool {
        let failed = |setting: &Restored| matches!(setting.state, State::Failed { .. });
        matches!(self, Self::Settings(settings) if settings.iter().any(failed))
    }
}

/// Checks that there is a machine below that folder.
pub fn check_root(root: &Path) -> Result<(), TuneError> {
    let has = |name: &str| root.join(name).is_dir();
    match has("sys") && has("proc") {
        true => Ok(()),
        false => Err(TuneError::NoRoot {
            root: root.to_owned(),
        }),
    }
}

/// What would be done. Writes nothing.
pub fn dry_run(root: &Path, request: &Request) -> Result<Plan, TuneError> {
    plan::plan(&Seen::read(&Tree::at(root)), request)
}

/// Tunes the machine until [`restore`].
pub fn apply(root: &Path, request: &Request) -> Result<Outcome> {
    let folder = JournalFolder::below(root);
    let _lock = folder.lock()?;
    start(&Tree::at(root), &folder, request)
}

/// Puts everything back that an earlier process changed, if one did.
pub fn restore(root: &Path) -> Result<Undone> {
    let folder = JournalFolder::below(root);
    if folder.header()?.is_none() {
        return Ok(Undone::Nothing);
    }
    let _lock = folder.lock()?;
    stop(&Tree::at(root), &folder)
}

/// What [`restore`] would do.
pub enum Preview {
    /// There is no journal.
    Nothing,
    /// The journal is of another boot.
    OtherBoot,
    /// These settings, in this order.
    Settings(Vec<restore::Judged>),
}

/// What [`restore`] would do. Writes nothing.
pub fn preview(root: &Path) -> Result<Preview> {
    let folder = JournalFolder::below(root);
    let root = Tree::at(root);
    let Some(header) = folder.header()? else {
        return Ok(Preview::Nothing);
    };
    if header.boot_id != boot_id(&root)? {
        return Ok(Preview::OtherBoot);
    }
    let journal = folder.look(header)?;
    Ok(Preview::Settings(restore::judge(&root, &journal)))
}

/// Tunes the machine while the work is done, and puts everything back after it,
/// whatever came of it.
pub fn during<T>(
    root: &Path,
    request: &Request,
    work: impl FnOnce(&Tuning) -> Result<T>,
) -> Result<T> {
    let folder = JournalFolder::below(root);
    let root = Tree::at(root);
    let _lock = folder.lock()?;
    let result = start(&root, &folder, request).and_then(|outcome| {
        let latency = latency::hold(&root);
        let tuning = tuning(request, &outcome, &latency);
        tell_all("tune: ", &tuning, &outcome);
        work(&tuning)
    });
    match stop(&root, &folder) {
        Ok(undone) => undone.tell(),
        // What the work ended with counts more; the journal stays.
        Err(error) => {
            tell!("tollgate: {error:#}; the machine is still tuned: tollgate tune restore")
        }
    }
    result
}

/// A sentence about what an earlier process left, where one did.
pub fn leftover(root: &Path) -> Option<String> {
    status::Leftover::find(root).map(|leftover| leftover.to_string())
}

fn tuning(request: &Request, outcome: &Outcome, latency: &io::Result<std::fs::File>) -> Tuning {
    let mut remarks: Vec<_> = outcome
        .plan
        .remarks
        .iter()
        .map(|r| r.text.clone())
        .collect();
    if let Err(error) = latency {
        let error = apply::explain(error);
        remarks.push(format!(
            "/dev/cpu_dma_latency: {error}; CPUs fall into idle states"
        ));
    }
    Tuning {
        cpus: request.cpus.clone(),
        settings: outcome.settings.clone(),
        remarks,
        cpu_dma_latency_held: latency.is_ok(),
        changed: Vec::new(),
    }
}

fn tell_all(before: &str, tuning: &Tuning, outcome: &Outcome) {
    outcome.earlier.tell();
    for line in say::applied(&tuning.settings).iter().chain(&tuning.remarks) {
        tell!("{before}{line}");
    }
}

/// Journal, then writes. What an earlier plan left is put back first, so that the
/// journal holds what was there before any tuning.
fn start(sys: &dyn Sys, folder: &JournalFolder, request: &Request) -> Result<Outcome> {
    plan::plan(&Seen::read(sys), request)?;
    let earlier = stop(sys, folder)?;
    if earlier.has_failed() {
        earlier.tell();
        return Err(TuneError::Leftover.into());
    }
    let plan = plan::plan(&Seen::read(sys), request)?;
    let mut journal = folder.begin(sys, &plan.writes)?;
    let settings = apply::apply(sys, &mut journal)?;
    Ok(Outcome {
        plan,
        settings,
        earlier,
    })
}

fn stop(sys: &dyn Sys, folder: &JournalFolder) -> Result<Undone> {
    let Some(header) = folder.header()? else {
        return Ok(Undone::Nothing);
    };
    if header.boot_id != boot_id(sys)? {
        return Ok(Undone::OtherBoot(folder.set_aside(&header)?));
    }
    let mut journal = folder.resume(header)?;
    let undone = Undone::Settings(restore::restore(sys, &mut journal)?);
    if !undone.has_failed() {
        journal.remove()?;
    }
    Ok(undone)
}

impl Undone {
    /// Says it on standard error.
    pub fn tell(&self) {
        match self {
            Self::Nothing => {}
            Self::OtherBoot(aside) => tell!(
                "tune: the journal was written before the last reboot, which undid all of it; \
                 it is kept as {}",
                aside.display()
            ),
            Self::Settings(settings) => {
                for line in say::restored(settings) {
                    tell!("tune: {line}");
                }
            }
        }
    }
}
