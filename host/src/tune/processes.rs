//! Programs that undo what is tuned, as long as they run: irqbalance moves interrupts back.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

use super::sys::{Signal, Sys, value};
use crate::process_stat::ProcessStat;

/// Its name, as `/proc/PID/comm` shows it.
pub const IRQBALANCE: &str = "irqbalance";

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its program's name.
    pub name: String,
    /// When it started, in clock ticks since boot: the number alone may be another's later.
    pub started: u64,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// It runs, or waits for something.
    Runs,
    /// A signal has stopped it.
    Stopped,
}

impl Process {
    /// All processes of that name, in the order of their numbers.
    pub fn named(sys: &dyn Sys, name: &str) -> Vec<(Self, Activity)> {
        let numbers = sys.names("/proc").into_iter();
        let mut found: Vec<_> = numbers
            .filter_map(|number| {
                let pid = number.parse().ok()?;
                let comm = value(sys, &format!("/proc/{pid}/comm"))?;
                (comm == name).then(|| Self::read(sys, pid, name))?
            })
            .collect();
        found.sort_by_key(|(process, _)| process.pid);
        found
    }

    /// The process with that number, if it has that name and has not ended.
    fn read(sys: &dyn Sys, pid: u32, name: &str) -> Option<(Self, Activity)> {
        // By their numbers in proc_pid_stat(5).
        const STATE: usize = 3;
        const START: usize = 22;
        let stat = value(sys, &format!("/proc/{pid}/stat"))?;
        let stat = ProcessStat::parse(&stat)?;
        let activity = match stat.field(STATE)? {
            "Z" | "X" => return None,
            "T" => Activity::Stopped,
            _ => Activity::Runs,
        };
        let process = Self {
            pid,
            name: name.to_owned(),
            started: stat.number(START)?,
        };
        stat.name.ends_with(name).then_some((process, activity))
    }

    /// What it does now; `None` if it has ended.
    pub fn activity(&self, sys: &dyn Sys) -> Option<Activity> {
        let (now, activity) = Self::read(sys, self.pid, &self.name)?;
        (now == *self).then_some(activity)
    }

    /// Stops it, or lets it go on.
    pub fn signal(&self, sys: &dyn Sys, signal: Signal) -> io::Result<()> {
        sys.signal(self.pid, signal, &|machine| self.is_there(machine))
    }

    /// Whether it has not ended.
    pub fn is_there(&self, sys: &dyn Sys) -> bool {
        self.activity(sys).is_some()
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_process_of_this_machine_is_stopped_and_goes_on() {
        let tree = Tree::default();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = loop {
            // Until then it is still the test's own program.
            if let Some(found) = Process::read(&tree, child.id(), "sleep") {
                break found;
            }
            std::thread::yield_now();
        };
        let (process, activity) = found;
        assert_eq!(activity, Activity::Runs);
        process.signal(&tree, Signal::Stop).unwrap();
        while process.activity(&tree) != Some(Activity::Stopped) {
            std::thread::yield_now();
        }
        process.signal(&tree, Signal::Continue).unwrap();
        while process.activity(&tree) != Some(Activity::Runs) {
            std::thread::yield_now();
        }
        // The number alone is not enough.
        let other = Process {
            started: process.started + 1,
            ..process.clone()
        };
        assert!(other.signal(&tree, Signal::Stop).is_err());
        assert_eq!(process.activity(&tree), Some(Activity::Runs));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!process.is_there(&tree));
    }
}
