//! Restores everything in a journal.

use rustix::io::Errno;

use super::apply::explain;
use super::journal::Journal;
use super::plan::Write;
use super::processes::Process;
use super::seen;
use super::sys::{Sys, UNREADABLE, shown, unreadable};
use crate::files::FileError;

/// Restoring one file may change another that was restored before (turbo and the policies' own
/// switches), and side effects may disappear by themselves. So the first round restores
/// everything that was written, the second everything that still differs, and the third
/// everything that the second changed.
const ROUNDS: usize = 3;

/// The beginning of a set speed's text under most governors (show_scaling_setspeed in
/// cpufreq.c).
const UNSUPPORTED: char = '<';

/// What happened to a journal.
#[derive(Debug, Default)]
pub struct Restoration {
    /// Each setting.
    pub settings: Vec<Restored>,
    /// Processes that were stopped.
    pub processes: Vec<Resumed>,
    /// Why the journal could not be written; the settings were restored nevertheless.
    pub journal: Option<FileError>,
}

/// What happened to one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The file.
    pub path: String,
    /// Its value before tuning.
    pub before: String,
    /// Its current state.
    pub state: SettingState,
    /// It showed a limit below the one that was written until it was restored, because of heat,
    /// the firmware or somebody else; these cannot be distinguished.
    pub below: Option<String>,
}

/// The final state of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingState {
    /// As it was before tuning.
    Back,
    /// The previous value was written, but the kernel shows the lower limit that is in effect.
    Limited {
        /// What it shows.
        now: String,
    },
    /// Somebody else has changed it; it was left alone.
    Foreign {
        /// Its current value.
        now: String,
    },
    /// Its CPU or its interrupt no longer exists.
    Gone,
    /// It could not be restored.
    Failed {
        /// The current value; `None` if it cannot be read.
        now: Option<String>,
        /// Why.
        error: Option<String>,
    },
}

/// What happened to a stopped process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The process.
    pub process: Process,
    /// Why it could not be resumed.
    pub error: Option<String>,
}

impl Restoration {
    /// Whether everything is as it was.
    pub fn is_complete(&self) -> bool {
        let back = |setting: &Restored| {
            matches!(
                setting.state,
                SettingState::Back | SettingState::Limited { .. }
            )
        };
        self.settings.iter().all(back) && !self.has_failed()
    }

    /// Whether some settings still have to be restored.
    pub fn has_failed(&self) -> bool {
        let failed = |setting: &Restored| matches!(setting.state, SettingState::Failed { .. });
        self.settings.iter().any(failed) || self.processes.iter().any(|p| p.error.is_some())
    }
}

/// Restores, in reverse order, every setting that nobody else has changed.
pub fn restore(sys: &dyn Sys, journal: &mut Journal) -> Restoration {
    let judged = judge(sys, journal);
    let mut done = Restoration::default();
    let mut errors = vec![None; judged.len()];
    for round in 0..ROUNDS {
        for (setting, error) in judged.iter().zip(&mut errors) {
            if setting.is_ours && (setting.was_written || round > 0) {
                // A limit shows what is in effect. If heat or the firmware allows no more than the
                // previous value, tollgate's own one is hidden and would come back.
                let is_first = round == 0 || error.is_some();
                let is_hidden = is_first && setting.was_written && setting.may_hide;
                *error = put_back(sys, journal, setting, is_hidden, &mut done.journal);
            }
        }
    }
    let settings = judged.into_iter().zip(errors);
    done.settings = settings
        .map(|(setting, error)| Restored {
            state: state(sys, &setting, error),
            below: setting.below(),
            path: setting.write.path,
            before: setting.write.old,
        })
        .collect();
    // Last, because it would move interrupts while they are being restored.
    done.processes = resume(sys, journal.stops());
    done
}

/// Resumes processes, unless they have ended.
fn resume(sys: &dyn Sys, processes: &[Process]) -> Vec<Resumed> {
    let resumed = processes.iter().filter_map(|process| {
        let resumed = process.resume(sys)?;
        Some(Resumed {
            process: process.clone(),
            error: resumed.err().map(|error| explain(&error)),
        })
    });
    resumed.collect()
}

/// A setting that tuning, or somebody else since then, has changed.
pub struct Judged {
    k: usize,
    /// The previous and the wanted value.
    pub write: Write,
    /// The current value, or why it cannot be read; `None` if the file does not exist.
    pub now: Option<String>,
    /// Whether we caused it.
    pub is_ours: bool,
    was_written: bool,
    may_hide: bool,
}

impl Judged {
    fn below(&self) -> Option<String> {
        let khz = |text: &str| text.parse::<u64>().ok();
        let now = self.now.as_deref().filter(|now| khz(now).is_some())?;
        let ours = self.write.new.as_deref().unwrap_or(&self.write.old);
        let counts = self.is_ours && self.write.is_limit() && now != self.write.old;
        (counts && khz(now) < khz(ours)).then(|| now.to_owned())
    }
}

/// The settings that were written or that differ from before, the last one first, read before
/// any of them is restored, because a write may change what others show.
pub fn judge(sys: &dyn Sys, journal: &Journal) -> Vec<Judged> {
    let writes = journal.writes().iter().enumerate().rev();
    let judged = writes.filter_map(|(k, write)| {
        let now = shown(sys, &write.path);
        let is_reached = journal.was_written(k) || journal.was_touched(k);
        // A setting that was not written is only reported if somebody else has changed it.
        let differs = now.as_ref().is_some_and(|now| !write.is_there(now));
        (is_reached || differs).then(|| Judged {
            k,
            write: write.clone(),
            // A file that no longer exists may come back with its CPU.
            is_ours: now.as_ref().is_none_or(|now| journal.is_ours(k, now)),
            now,
            was_written: journal.was_written(k),
            may_hide: journal.may_hide(k),
        })
    });
    judged.collect()
}

/// Writes the previous value unless it is already there and does not hide another one; returns the
/// reason if that failed. A journal that cannot be written does not stop this.
fn put_back(
    sys: &dyn Sys,
    journal: &mut Journal,
    Judged { k, write, .. }: &Judged,
    is_hidden: bool,
    trouble: &mut Option<FileError>,
) -> Option<String> {
    let now = shown(sys, &write.path).unwrap_or_default();
    // A set speed that the governor did not support comes back with the governor, and one that
    // it does not support now cannot be written.
    let is_there = write.is_there(&now) && !is_hidden;
    if is_there || write.old.starts_with(UNSUPPORTED) || now.starts_with(UNSUPPORTED) {
        return None;
    }
    let mut note = |noted: Result<(), FileError>| {
        if let Err(error) = noted {
            trouble.get_or_insert(error);
        }
    };
    note(journal.begin(*k, sys));
    let written = sys.write(&write.path, &write.old);
    note(journal.end(*k, sys));
    written.err().map(|error| explain(&error))
}

fn state(sys: &dyn Sys, setting: &Judged, error: Option<String>) -> SettingState {
    let write = &setting.write;
    let khz = |text: &str| text.parse::<u64>().ok();
    match shown(sys, &write.path) {
        None if seen::is_absent(sys, &write.path) => SettingState::Gone,
        None => SettingState::Failed {
            now: None,
            error: Some(
                "it does not exist, although its CPU does: was the driver or its mode \
                 changed?"
                    .into(),
            ),
        },
        Some(now) if write.is_there(&now) && (error.is_none() || !write.is_limit()) => {
            SettingState::Back
        }
        Some(now) if now == unreadable(Errno::BUSY) => SettingState::Failed {
            now: None,
            error: Some(
                "its CPU is offline; bring it online, then run tollgate tune \
                restore"
                    .into(),
            ),
        },
        Some(now) if now.starts_with(UNREADABLE) => SettingState::Failed { now: None, error },
        // A governor that somebody else has chosen does not support it.
        Some(now) if !setting.is_ours || now.starts_with(UNSUPPORTED) => {
            SettingState::Foreign { now }
        }
        Some(now) if error.is_none() && write.is_limit() && khz(&now) < khz(&write.old) => {
            SettingState::Limited { now }
        }
        Some(now) => SettingState::Failed {
            now: Some(now),
            error,
        },
    }
}
