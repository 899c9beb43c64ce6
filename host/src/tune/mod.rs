//! Gives the CPUs a constant clock and few interruptions, and takes that back again.
//!
//! `seen` reads the machine, `plan` makes an ordered list of writes from it, `journal` puts
//! what was there on disk, `apply` writes, `restore` undoes.
//! docs/TUNE.md says what is written where, in which order and why.

mod apply;
mod cpus;
mod error;
#[cfg(test)]
mod fake;
mod journal;
mod latency;
mod plan;
mod policy;
mod progress;
mod record;
mod restore;
pub mod say;
mod seen;
pub mod status;
mod sys;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use apply::Applied;
pub use error::TuneError;
pub use journal::FORMAT as JOURNAL_FORMAT;
pub use plan::{Plan, Request};
pub use policy::Khz;
pub use record::Tuning;
pub use restore::{Restored, State};

use journal::{JournalFolder, boot_id};
use seen::Seen;
use sys::Sys;

use crate::tool::Tool;
use crate::tree::Tree;

type Result<T, E = TuneError> = std::result::Result<T, E>;

/// What became of a request.
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// What became of each write.
    pub settings: Vec<Applied>,
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
pub fn check_root(root: &Path) -> Result<()> {
    let has = |name: &str| root.join(name).is_dir();
    match has("sys") && has("proc") {
        true => Ok(()),
        false => Err(TuneError::NoRoot {
            root: root.to_owned(),
        }),
    }
}

/// What would be done. Writes nothing.
pub fn dry_run(root: &Path, request: &Request) -> Result<Plan> {
    plan::plan(&Seen::read(&Tree::at(root)), request)
}

/// Tunes the machine until [`restore()`]. `say` hears of what was put back first.
pub fn apply(root: &Path, request: &Request, tool: Tool, say: &dyn Fn(&str)) -> Result<Outcome> {
    let folder = JournalFolder::below(root);
    let _lock = folder.lock()?;
    start(&Tree::at(root), &folder, request, tool, say)
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

/// What [`restore()`] would do.
pub enum Preview {
    /// There is no journal.
    Nothing,
    /// The journal is of another boot.
    OtherBoot,
    /// These settings, in this order.
    Settings(Vec<restore::Judged>),
}

/// What [`restore()`] would do. Writes nothing.
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
/// whatever came of it. `say` hears what is done, line by line.
pub fn during<T, E: From<TuneError>>(
    root: &Path,
    request: &Request,
    tool: Tool,
    say: &dyn Fn(&str),
    work: impl FnOnce(&Tuning) -> Result<T, E>,
) -> Result<T, E> {
    let folder = JournalFolder::below(root);
    let root = Tree::at(root);
    let _lock = folder.lock()?;
    let started = start(&root, &folder, request, tool, say).map_err(E::from);
    let result = started.and_then(|outcome| {
        let latency = latency::hold(&root);
        let tuning = Tuning::new(request, &outcome, &latency);
        let made = say::applied(&tuning.settings);
        for line in made.iter().chain(&tuning.remarks) {
            say(&format!("tune: {line}"));
        }
        work(&tuning)
    });
    match stop(&root, &folder) {
        Ok(undone) => undone.lines().iter().for_each(|line| say(line)),
        // What the work ended with counts more; the journal stays.
        Err(error) => say(&format!(
            "tollgate: {error:#}; the machine is still tuned: tollgate tune restore"
        )),
    }
    result
}

/// A sentence about what an earlier process left, where one did.
pub fn leftover(root: &Path) -> Option<String> {
    status::Leftover::find(root).map(|leftover| leftover.to_string())
}

/// Journal, then writes. What an earlier plan left is put back first, so that the
/// journal holds what was there before any tuning.
fn start(
    sys: &dyn Sys,
    folder: &JournalFolder,
    request: &Request,
    tool: Tool,
    say: &dyn Fn(&str),
) -> Result<Outcome> {
    let earlier = stop(sys, folder)?;
    if let Undone::Settings(settings) = &earlier
        && earlier.has_failed()
    {
        return Err(TuneError::Leftover {
            settings: say::restored(settings),
        });
    }
    earlier.lines().iter().for_each(|line| say(line));
    let plan = plan::plan(&Seen::read(sys), request)?;
    let mut journal = folder.begin(sys, &plan.writes, tool)?;
    let settings = apply::apply(sys, &mut journal)?;
    Ok(Outcome { plan, settings })
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
    /// A line for each thing that there is to say of it.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::OtherBoot(aside) => vec![format!(
                "tune: the journal was written before the last reboot, which undid all of it; \
                 it is kept as {}",
                aside.display()
            )],
            Self::Settings(settings) => {
                let lines = say::restored(settings).into_iter();
                lines.map(|line| format!("tune: {line}")).collect()
            }
        }
    }
}
