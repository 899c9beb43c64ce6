//! Puts everything back that a journal holds.

use super::apply::explain;
use super::journal::Journal;
use super::plan::Write;
use super::sys::{Sys, value};
use crate::files::FileError;

/// Putting one file back may change another that was put back before (turbo and the
/// policies' own switches), and what was changed by the way may come back by itself. So
/// the first round takes what was written, the second all that still differs, and the
/// third what that has changed.
const ROUNDS: usize = 3;

/// What became of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The file.
    pub path: String,
    /// What stood there before tuning.
    pub before: String,
    /// How it is now.
    pub state: State,
}

/// How a setting is after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As it was before tuning.
    Back,
    /// Somebody else has changed it since; it was left alone.
    Foreign {
        /// What stands there.
        now: String,
    },
    /// There is no such file any more.
    Gone,
    /// It could not be put back.
    Failed {
        /// What stands there.
        now: String,
        /// Why.
        error: Option<String>,
    },
}

/// Puts back, in reverse order, what is still ours.
pub fn restore(sys: &dyn Sys, journal: &mut Journal) -> Result<Vec<Restored>, FileError> {
    let judged = judge(sys, journal);
    let mut errors = vec![None; judged.len()];
    for round in 0..ROUNDS {
        for (setting, error) in judged.iter().zip(&mut errors) {
            if setting.is_ours && (setting.was_written || round > 0) {
                *error = put_back(sys, journal, setting)?;
            }
        }
    }
    let settings = judged.into_iter().zip(errors);
    let restored = settings.map(|(setting, error)| Restored {
        state: state(sys, &setting, error),
        path: setting.write.path,
        before: setting.write.old,
    });
    Ok(restored.collect())
}

/// A setting that was reached by tuning, or by somebody else since.
pub struct Judged {
    k: usize,
    /// What stood there and what was wanted.
    pub write: Write,
    /// What stands there; `None` where nothing can be read.
    pub now: Option<String>,
    /// Whether that is so because of us.
    pub is_ours: bool,
    was_written: bool,
}

/// The settings that were reached or are not as they were, the last one first, before any of them is put back:
/// what is written then may change what others show.
pub fn judge(sys: &dyn Sys, journal: &Journal) -> Vec<Judged> {
    let writes = journal.writes().iter().enumerate().rev();
    let judged = writes.filter_map(|(k, write)| {
        let now = value(sys, &write.path);
        let is_reached = journal.was_written(k) || journal.was_touched(k);
        // What was not reached is only told of, where somebody else has changed it.
        let differs = now.as_ref().is_some_and(|now| *now != write.old);
        (is_reached || differs).then(|| Judged {
            k,
            write: write.clone(),
            // A file that has gone may come back with its CPU.
            is_ours: now.as_ref().is_none_or(|now| journal.is_ours(k, now)),
            now,
            was_written: journal.was_written(k),
        })
    });
    judged.collect()
}

/// Writes what was there before, unless it is there; says why that failed.
fn put_back(
    sys: &dyn Sys,
    journal: &mut Journal,
    Judged { k, write, .. }: &Judged,
) -> Result<Option<String>, FileError> {
    let now = value(sys, &write.path);
    // A set speed that the governor did not support comes back with the governor.
    if now.as_ref() == Some(&write.old) || write.old.starts_with('<') {
        return Ok(None);
    }
    journal.begin(*k, sys)?;
    let written = sys.write(&write.path, &write.old);
    journal.end(*k, sys)?;
    Ok(written.err().map(|error| explain(&error)))
}

fn state(sys: &dyn Sys, setting: &Judged, error: Option<String>) -> State {
    match value(sys, &setting.write.path) {
        None => State::Gone,
        Some(now) if now == setting.write.old => State::Back,
        Some(now) if setting.is_ours => State::Failed { now, error },
        Some(now) => State::Foreign { now },
    }
}
