//! The resources that all processes of a run used, and the limit on their number.
//!
//! A control group counts the whole tree. It needs version 2 with delegated controllers, or
//! version 1 and root. Otherwise wait(2) gives the times of all processes that ended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Processes and threads of one run: enough for any program, but not for a fork bomb.
pub const MOST_PROCESSES: u64 = 4096;

/// Where the figures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounting {
    /// A folder in the single hierarchy.
    Version2(PathBuf),
    /// A folder in each of the hierarchies `cpuacct`, `memory` and `pids`.
    Version1([PathBuf; 3]),
    /// None: wait(2).
    Wait,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// CPU time of all processes.
    pub cpu: Option<Duration>,
    /// The most memory in bytes: of all processes at once, or, without control groups, of the
    /// largest one.
    pub memory: Option<u64>,
}

/// The control group of one run. Dropping it removes it, once its processes are gone.
#[derive(Debug)]
pub struct Group {
    accounting: Accounting,
    folders: Vec<PathBuf>,
}

impl Accounting {
    /// The best source that this user can use on this machine.
    pub fn find() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let version2 = place(&groups, &mounts, "").map(Self::Version2);
        let version1 = || {
            let [Some(cpu), Some(memory), Some(pids)] =
                ["cpuacct", "memory", "pids"].map(|name| place(&groups, &mounts, name))
            else {
                return None;
            };
            Some(Self::Version1([cpu, memory, pids]))
        };
        let candidates = [version2, version1()];
        let works = |candidate: &Self| candidate.group().is_ok();
        let found = candidates.into_iter().flatten().find(works);
        found.unwrap_or(Self::Wait)
    }

    /// The name of the source.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Version2(_) => "cgroup v2",
            Self::Version1(_) => "cgroup v1",
            Self::Wait => "wait",
        }
    }

    /// A new group with all files that are needed.
    pub fn group(&self) -> io::Result<Group> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-usage-{}-{number}", std::process::id());
        let parents = match self {
            Self::Version2(folder) => std::slice::from_ref(folder),
            Self::Version1(folders) => folders,
            Self::Wait => &[],
        };
        let mut group = Group {
            accounting: self.clone(),
            folders: Vec::new(),
        };
        for parent in parents {
            let folder = parent.join(&name);
            fs::create_dir(&folder)?;
            group.folders.push(folder);
        }
        // Without delegated controllers, this file does not exist.
        if let Some(folder) = group.folders.last() {
            fs::write(folder.join("pids.max"), MOST_PROCESSES.to_string())?;
        }
        if *self != Self::Wait && group.used().cpu.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(group)
    }
}

impl Group {
    /// Puts a process, and with it all its later children, into the group.
    pub fn take(&self, pid: i32) -> io::Result<()> {
        let mut folders = self.folders.iter();
        folders.try_for_each(|folder| fs::write(folder.join("cgroup.procs"), pid.to_string()))
    }

    /// Whether it limits the number of processes.
    pub fn limits_processes(&self) -> bool {
        self.accounting != Accounting::Wait
    }

    /// The resources that its processes have used; `None` without control groups.
    pub fn used(&self) -> Used {
        match (&self.accounting, self.folders.as_slice()) {
            (Accounting::Version2(_), [folder]) => Used {
                cpu: usage_of(&read(&folder.join("cpu.stat"))),
                memory: number(&folder.join("memory.peak")),
            },
            (Accounting::Version1(_), [cpu, memory, _]) => Used {
                cpu: number(&cpu.join("cpuacct.usage")).map(Duration::from_nanos),
                memory: number(&memory.join("memory.max_usage_in_bytes")),
            },
            _ => Used::default(),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            // The kernel takes a moment to remove the last process.
            for _ in 0..50 {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        thread::sleep(Duration::from_millis(2));
                    }
                    _ => break,
                }
            }
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number(path: &Path) -> Option<u64> {
    read(path).trim().parse().ok()
}

/// Of cpu.stat.
fn usage_of(stat: &str) -> Option<Duration> {
    let value = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "))?;
    value.trim().parse().ok().map(Duration::from_micros)
}

/// Our own group's folder in the hierarchy of a controller, or of version 2 for "", by
/// cgroups(7) and proc_pid_mountinfo(5).
fn place(groups: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let found = match controller {
            "" => number == "0" && controllers.is_empty(),
            _ => controllers.split(',').any(|name| name == controller),
        };
        found.then_some(path)
    })?;
    let mount = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (root, place) = {
            let mut words = before.split(' ').skip(3);
            (words.next()?, words.next()?)
        };
        let mut words = after.split(' ');
        let (kind, options) = (words.next()?, words.nth(1)?);
        let found = match controller {
            "" => kind == "cgroup2",
            _ => kind == "cgroup" && options.split(',').any(|name| name == controller),
        };
        found.then_some((root, place))
    })?;
    let (root, place) = mount;
    let below = Path::new(path).strip_prefix(root).ok()?;
    Some(Path::new(place).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        30 1 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n\
        31 1 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        32 1 0:28 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    const GROUPS: &str = "\
        4:memory:/docker/x/y\n\
        1:cpu,cpuacct:/user\n\
        0::/init.scope\n";

    #[test]
    fn our_own_group_is_found_in_each_hierarchy() {
        let of = |name| place(GROUPS, MOUNTS, name);
        assert_eq!(of(""), Some("/sys/fs/cgroup/unified/init.scope".into()));
        assert_eq!(
            of("cpuacct"),
            Some("/sys/fs/cgroup/cpu,cpuacct/user".into())
        );
        assert_eq!(of("memory"), Some("/sys/fs/cgroup/memory/y".into()));
        assert_eq!(of("pids"), None);
    }

    #[test]
    fn the_time_of_version_2_is_read() {
        let stat = "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n";
        assert_eq!(usage_of(stat), Some(Duration::from_micros(1500)));
        assert_eq!(usage_of("nr_periods 0\n"), None);
    }

    #[test]
    fn a_group_counts_a_process_and_goes_away() {
        let accounting = Accounting::find();
        let group = accounting.group().unwrap();
        let folders = group.folders.clone();
        let mut child = std::process::Command::new("sh");
        let mut child = child.args([
            "-c",
            "read line; i=0; while [ $i -lt 9999 ]; do i=$((i+1)); done",
        ]);
        child = child.stdin(std::process::Stdio::piped());
        let mut child = child.spawn().unwrap();
        group.take(child.id() as i32).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        if accounting == Accounting::Wait {
            assert_eq!(group.used(), Used::default());
        } else {
            assert!(group.used().cpu.unwrap() > Duration::ZERO, "{accounting:?}");
        }
        drop(group);
        assert!(folders.iter().all(|folder| !folder.exists()));
    }
}
