//! Gives the CPUs a constant clock and few interruptions, and undoes that.
//!
//! `seen` reads the machine, `plan` turns that into an ordered list of writes, `journal`
//! saves the previous values, `apply` writes, `held` measures the result, `restore` undoes
//! everything. docs/TUNE.md lists every write, its place in the order, and the reason.

mod apply;
mod boot;
mod cpus;
mod error;
#[cfg(test)]
mod fake;
mod held;
mod idle;
mod journal;
mod khz;
mod plan;
mod policy;
mod processes;
mod progress;
mod record;
mod restore;
pub mod say;
mod seen;
pub mod status;
mod sys;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub use apply::Applied;
pub use error::TuneError;
pub use held::Held;
pub use journal::FORMAT as JOURNAL_FORMAT;
pub use khz::Khz;
pub use plan::{Plan, Request};
pub use record::{By, Tuning};
pub use restore::{Restoration, Restored, SettingState};

use boot::Since;
use journal::JournalFolder;
use seen::Seen;
use sys::Sys;

use crate::tool::Tool;
use crate::tree::Tree;

type Result<T, E = TuneError> = std::result::Result<T, E>;

/// The outcome of a request.
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// The result of each write.
    pub settings: Vec<Applied>,
    /// The clocks, measured afterwards.
    pub clocks: Vec<Held>,
    /// Processes that could not be stopped, and why.
    unstopped: Vec<String>,
}

impl Outcome {
    /// Whether the machine is in the requested state. If a core runs at its clock, a rounded
    /// or clamped cpufreq setting does not matter.
    pub fn is_complete(&self) -> bool {
        let proven = !self.clocks.is_empty() && self.clocks.iter().all(Held::is_right);
        let failed = |setting: &Applied| {
            let only_shows = setting.error.is_none() && seen::is_cpufreq(&setting.path);
            say::is_failed(setting) && !(proven && only_shows)
        };
        !self.settings.iter().any(failed)
            && !self.clocks.iter().any(Held::is_wrong)
            && !self.clocks.iter().any(Held::is_unknown)
            && !self.plan.remarks.iter().any(|remark| remark.incomplete)
            && self.unstopped.is_empty()
    }

    /// The lines to print about it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = say::applied(&self.settings);
        lines.extend(say::clocks(&self.clocks));
        lines.extend(self.remarks());
        lines
    }

    fn remarks(&self) -> Vec<String> {
        let remarks = self.plan.remarks.iter().map(|remark| remark.text.clone());
        remarks.chain(self.unstopped.iter().cloned()).collect()
    }
}

/// What was restored.
pub enum Undone {
    /// The journal did not exist.
    Nothing,
    /// The journal was of another boot, whose settings are gone; this is its new path.
    OtherBoot(PathBuf),
    /// These settings, and what has happened to the kernel since then.
    Settings(Restoration, Since),
}

impl Undone {
    /// Whether the previous state is restored.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Settings(done, _) => done.is_complete(),
            Self::Nothing | Self::OtherBoot(_) => true,
        }
    }
}

/// Checks that there is a machine below that folder.
pub fn check_root(root: &Path) -> Result<()> {
    let has = |name: &str| root.join(name).is_dir();
    if has("sys") && has("proc") {
        Ok(())
    } else {
        Err(TuneError::NoRoot {
            root: root.to_owned(),
        })
    }
}

/// What would be done. Writes nothing.
pub fn dry_run(root: &Path, request: &Request) -> Result<Plan> {
    plan::plan(&Seen::read(&Tree::at(root)), request)
}

/// Tunes the machine until [`restore()`]. Passes the result of the first restore to `say`.
pub fn apply(root: &Path, request: &Request, tool: Tool, say: &dyn Fn(&str)) -> Result<Outcome> {
    let folder = JournalFolder::below(root);
    let _lock = folder.lock()?;
    start(&Tree::at(root), &folder, request, tool, say)
}

/// Restores everything that an earlier process changed, if there is any.
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
    /// The journal does not exist.
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
    if header.boot.since(&root)? == Since::Reboot {
        return Ok(Preview::OtherBoot);
    }
    let journal = folder.look(header)?;
    Ok(Preview::Settings(restore::judge(&root, &journal)))
}

/// Tunes the machine during the work, and restores everything afterwards, whether it
/// succeeded or not. `say` receives a line for each step.
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
        for line in outcome.lines() {
            say(&format!("tune: {line}"));
        }
        let mut tuning = Tuning::new(request, &outcome);
        let held = hold_latency(&root, request).transpose();
        match &held {
            Ok(held) => tuning.cpu_dma_latency_us = held.as_ref().map(|(us, _)| *us),
            Err(error) => tuning.remarks.push(format!(
                "/dev/cpu_dma_latency: {}; CPUs can enter deep idle states",
                apply::explain(error)
            )),
        }
        work(&tuning)
    });
    match stop(&root, &folder) {
        Ok(undone) => undone.lines().iter().for_each(|line| say(line)),
        // The result of the work is more important; the journal stays.
        Err(error) => say(&format!(
            "tollgate: {error:#}; the machine is still tuned: tollgate tune restore"
        )),
    }
    result
}

/// If CPUs cannot be kept awake individually, all of them are while the file is open.
fn hold_latency(root: &Tree, request: &Request) -> Option<io::Result<(u32, File)>> {
    let seen = Seen::read(root);
    let idle = request.measuring(&seen, &BTreeSet::new()).into_iter();
    let idle = idle.filter_map(|cpu| seen.idle.get(&cpu));
    let alone = idle.filter(|idle| idle.resume_latency_us.is_none());
    let us = alone.filter_map(idle::Idle::wanted_us).max()?;
    Some(idle::hold(root, us).map(|file| (us, file)))
}

/// A sentence about the remains of an earlier process, if any.
pub fn leftover(root: &Path) -> Option<String> {
    status::Leftover::find(root).map(|leftover| leftover.to_string())
}

/// Journal, then writes. Settings of an earlier plan are restored first, so that the journal
/// holds the state before any tuning.
fn start(
    sys: &dyn Sys,
    folder: &JournalFolder,
    request: &Request,
    tool: Tool,
    say: &dyn Fn(&str),
) -> Result<Outcome> {
    let earlier = stop(sys, folder)?;
    if let Undone::Settings(done, _) = &earlier
        && done.has_failed()
    {
        return Err(TuneError::Leftover {
            settings: say::restored(done),
        });
    }
    earlier.lines().iter().for_each(|line| say(line));
    let plan = plan::plan(&Seen::read(sys), request)?;
    let mut journal = folder.begin(sys, &request.cpus, &plan, tool)?;
    let unstopped = apply::stop(sys, &journal);
    let settings = match apply::apply(sys, &mut journal) {
        Ok(settings) => settings,
        // Without a journal, tuning stops and leaves no changes.
        Err(error) => {
            drop(journal);
            stop(sys, folder)?.lines().iter().for_each(|line| say(line));
            return Err(error.into());
        }
    };
    Ok(Outcome {
        clocks: held::measure(sys, &plan.clocks),
        plan,
        settings,
        unstopped,
    })
}

fn stop(sys: &dyn Sys, folder: &JournalFolder) -> Result<Undone> {
    let Some(header) = folder.header()? else {
        return Ok(Undone::Nothing);
    };
    let since = header.boot.since(sys)?;
    if since == Since::Reboot {
        return Ok(Undone::OtherBoot(folder.set_aside(&header)?));
    }
    let mut journal = folder.resume(header)?;
    let mut done = restore::restore(sys, &mut journal);
    if !done.has_failed()
        && let Err(error) = journal.remove()
    {
        done.journal.get_or_insert(error);
    }
    Ok(Undone::Settings(done, since))
}

impl Undone {
    /// The lines to report about it.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::OtherBoot(aside) => vec![format!(
                "tune: the journal was written before the last reboot, which undid all its \
                 settings; it is kept as {}",
                aside.display()
            )],
            Self::Settings(done, since) => {
                let kexec = (*since == Since::Kexec).then(|| {
                    "this kernel was started by kexec, which does not reset the processor: every \
                     file that still showed a tuned value was restored"
                        .to_owned()
                });
                let lines = kexec.into_iter().chain(say::restored(done));
                lines.map(|line| format!("tune: {line}")).collect()
            }
        }
    }
}
