//! Carries a plan out.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::plan::Write;
use super::sys::{Sys, shown, value};
use crate::files::FileError;

/// The result of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The file.
    pub path: String,
    /// The value before.
    pub before: String,
    /// The wanted value.
    pub wanted: String,
    /// The current value, read back after all writes; `None` if that fails.
    pub now: Option<String>,
    /// Whether that is the wanted value, up to the driver's rounding.
    pub made: bool,
    /// Why it could not be written.
    pub error: Option<String>,
    /// The same as the system's number, if it has one.
    pub errno: Option<i32>,
}

impl Applied {
    /// The setting as it is now.
    pub(super) fn read(sys: &dyn Sys, write: Write, error: Option<io::Error>) -> Self {
        Self {
            now: value(sys, &write.path),
            made: shown(sys, &write.path).is_some_and(|now| write.is_made(&now)),
            path: write.path,
            before: write.old,
            wanted: write.new.unwrap_or_default(),
            error: error.as_ref().map(explain),
            errno: error.and_then(|error| error.raw_os_error()),
        }
    }

    /// Whether the kernel does not move this interrupt, which is not a failure: timers, and the
    /// queues of storage and network devices (EIO on older kernels, EPERM on 6.18).
    pub fn is_kept_interrupt(&self) -> bool {
        let kept = [Errno::IO, Errno::PERM].map(Errno::raw_os_error);
        self.path.starts_with("/proc/irq/") && self.errno.is_some_and(|errno| kept.contains(&errno))
    }
}

/// Writes the values in the journal that differ, and reads all of them back. A setting that
/// fails is not an error: the others are still made.
pub fn apply(sys: &dyn Sys, journal: &mut Journal) -> Result<Vec<Applied>, FileError> {
    let wanted: Vec<_> = journal
        .writes()
        .iter()
        .enumerate()
        .filter(|(_, write)| write.new.is_some())
        .map(|(k, write)| (k, write.clone()))
        .collect();
    let mut errors = Vec::new();
    for (k, write) in &wanted {
        let new = write.new.as_deref().unwrap_or_default();
        if value(sys, &write.path).as_deref() == Some(new) {
            errors.push(None);
            continue;
        }
        journal.begin(*k, sys)?;
        let written = sys.write(&write.path, new);
        journal.end(*k, sys)?;
        errors.push(written.err());
    }
    let results = wanted.into_iter().zip(errors);
    Ok(results
        .map(|((_, write), error)| Applied::read(sys, write, error))
        .collect())
}

/// Stops the journal's processes; returns those that could not be stopped.
pub fn stop(sys: &dyn Sys, journal: &Journal) -> Vec<String> {
    let stopped = journal.stops().iter();
    stopped
        .filter_map(|process| {
            let error = process.stop(sys).err()?;
            Some(format!(
                "{process} could not be stopped: {}",
                explain(&error)
            ))
        })
        .collect()
}

/// An error, with what to do about it.
pub fn explain(error: &io::Error) -> String {
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::ACCESS) => "run as root or with sudo",
        Some(Errno::PERM) => {
            "run as root or with sudo; if you are root, the kernel or firmware has locked it"
        }
        Some(Errno::ROFS) => "mount it for writing, or run outside the container",
        Some(Errno::BUSY) => {
            "another setting or program controls it; stop power daemons such as tuned"
        }
        Some(Errno::INVAL) => "this driver does not accept that value",
        Some(Errno::IO) => "the kernel does not change it",
        Some(Errno::NOENT) => {
            "it no longer exists: was a CPU taken offline, or the driver changed?"
        }
        Some(Errno::SRCH) => "it has ended",
        Some(Errno::LOOP | Errno::XDEV) => "its path leads through a link",
        _ => return error.to_string(),
    };
    format!("{error}: {remedy}")
}
