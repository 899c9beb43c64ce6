//! Programs that undo what is tuned, as long as they run: irqbalance moves interrupts back.
//!
//! One that systemd looks after is stopped as a service: systemd may start it again, and a service
//! with a watchdog that hangs is killed.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

use super::sys::{Signal, Sys, Systemctl, value};
use crate::process_stat::ProcessStat;

/// Its name, as `/proc/PID/comm` shows it.
pub const IRQBALANCE: &str = "irqbalance";

/// Its service, under systemd. No other one is ever stopped or started.
const SERVICE: &str = "irqbalance.service";

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its program's name.
    pub name: String,
    /// When it started, in clock ticks since boot: the number alone may later belong to another
    /// process.
    pub started: u64,
    /// Its service, if systemd looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
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
            service: service(sys, pid),
        };
        stat.name.ends_with(name).then_some((process, activity))
    }

    /// Its current state; `None` if it has ended.
    pub fn activity(&self, sys: &dyn Sys) -> Option<Activity> {
        let (now, activity) = Self::read(sys, self.pid, &self.name)?;
        (now == *self).then_some(activity)
    }

    /// Stops it.
    pub fn stop(&self, sys: &dyn Sys) -> io::Result<()> {
        match self.known_service()? {
            Some(service) => {
                sys.systemctl(Systemctl::Stop, service, &|machine| self.is_there(machine))
            }
            None => self.signal(sys, Signal::Stop),
        }
    }

    /// Resumes it, or starts its service again; `None` if it has not been stopped, or if it has
    /// ended, or if somebody else has started it meanwhile.
    pub fn resume(&self, sys: &dyn Sys) -> Option<io::Result<()>> {
        let service = match self.known_service() {
            Ok(service) => service,
            Err(error) => return Some(Err(error)),
        };
        match service {
            Some(service) => {
                let is_away = |machine: &dyn Sys| Self::named(machine, &self.name).is_empty();
                is_away(sys).then(|| sys.systemctl(Systemctl::Start, service, &is_away))
            }
            None => {
                let is_stopped = self.activity(sys) == Some(Activity::Stopped);
                is_stopped.then(|| self.signal(sys, Signal::Continue))
            }
        }
    }

    /// A journal that names another service was not made by a plan.
    fn known_service(&self) -> io::Result<Option<&str>> {
        match self.service.as_deref() {
            None => Ok(None),
            Some(SERVICE) => Ok(Some(SERVICE)),
            Some(other) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{other} is not a service that tune stops"),
            )),
        }
    }

    fn signal(&self, sys: &dyn Sys, signal: Signal) -> io::Result<()> {
        sys.signal(self.pid, signal, &|machine| self.is_there(machine))
    }

    /// Whether it has not ended.
    pub fn is_there(&self, sys: &dyn Sys) -> bool {
        self.activity(sys).is_some()
    }
}

/// The service that a process belongs to, if it is irqbalance's: the last part of its control
/// group's path, where systemd runs (sd_booted(3)).
fn service(sys: &dyn Sys, pid: u32) -> Option<String> {
    if !sys
        .names("/run/systemd")
        .iter()
        .any(|name| name == "system")
    {
        return None;
    }
    let groups = value(sys, &format!("/proc/{pid}/cgroup"))?;
    let is_its = |line: &str| line.rsplit('/').next() == Some(SERVICE);
    groups.lines().any(is_its).then(|| SERVICE.to_owned())
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
