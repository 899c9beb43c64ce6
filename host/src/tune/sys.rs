//! The machine as `tune` needs it: settings in files of /sys and /proc, the clocks that its
//! cores run at, and signals for its processes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::khz::Khz;
use crate::core_clock;
use crate::tree::Tree;

/// The machine. Tests use a model of the kernel instead.
pub trait Sys {
    /// The file's content, without the line end.
    fn read(&self, path: &str) -> io::Result<String>;
    /// Writes a value in one system call, because the kernel takes each call as a separate
    /// value.
    fn write(&self, path: &str, value: &str) -> io::Result<()>;
    /// The names in a folder, sorted; empty if the folder does not exist.
    fn names(&self, folder: &str) -> Vec<String>;
    /// The clock that a core runs at, measured, or why it cannot be measured; `None` if the
    /// settings are not those of this machine.
    fn clock(&self, cpu: usize) -> Option<Result<Khz, String>>;
    /// Stops or resumes the process with that number, if `is_it` confirms that it is the
    /// right one.
    fn signal(&self, pid: u32, signal: Signal, is_it: &dyn Fn(&dyn Sys) -> bool) -> io::Result<()>;
    /// Stops or starts a service, if `is_it` confirms that it is the right machine.
    fn systemctl(
        &self,
        what: Systemctl,
        service: &str,
        is_it: &dyn Fn(&dyn Sys) -> bool,
    ) -> io::Result<()>;
}

/// What to do with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Systemctl {
    /// `systemctl stop`
    Stop,
    /// `systemctl start`
    Start,
}

/// What to do with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGSTOP
    Stop,
    /// SIGCONT
    Continue,
}

/// The beginning of the text for a file that exists but cannot be read.
pub const UNREADABLE: char = '!';

/// The file's content, if it exists, can be read and is not empty.
pub fn value(sys: &dyn Sys, path: &str) -> Option<String> {
    sys.read(path).ok().filter(|text| !text.is_empty())
}

/// The file's content: its text, or [`UNREADABLE`] and the errno (a policy whose CPUs are
/// offline answers EBUSY). `None` if the file does not exist.
pub fn shown(sys: &dyn Sys, path: &str) -> Option<String> {
    match sys.read(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(format!(
            "{UNREADABLE}{}",
            error.raw_os_error().unwrap_or_default()
        )),
    }
}

/// The text for a file that answers with this error.
pub fn unreadable(errno: Errno) -> String {
    format!("{UNREADABLE}{}", errno.raw_os_error())
}

impl Sys for Tree {
    fn read(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.place(path))?.trim_end().to_owned())
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        // Not created where it is missing. The kernel's files ignore the truncation.
        let file = open_beneath(&self.place("/"), path, OFlags::WRONLY | OFlags::TRUNC)?;
        File::from(file).write_all(format!("{value}\n").as_bytes())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.names(folder)
    }

    fn clock(&self, cpu: usize) -> Option<Result<Khz, String>> {
        if self.place("/") != Path::new("/") {
            return None;
        }
        let clock = core_clock::measure(cpu);
        Some(match clock {
            // A window that nothing disturbed.
            Ok(clock) => Ok(Khz((clock.fastest().0 / 1e3).round() as u64)),
            Err(error) => Err(error.to_string()),
        })
    }

    fn signal(&self, pid: u32, signal: Signal, is_it: &dyn Fn(&dyn Sys) -> bool) -> io::Result<()> {
        let pid = i32::try_from(pid).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or(Errno::SRCH)?;
        // From now on, this refers to the same process even if its number is reused.
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        // A tree may be of another machine, but signals are for processes of this one.
        if !is_it(&Tree::default()) {
            return Err(Errno::SRCH.into());
        }
        let signal = match signal {
            Signal::Stop => rustix::process::Signal::STOP,
            Signal::Continue => rustix::process::Signal::CONT,
        };
        Ok(pidfd_send_signal(&handle, signal)?)
    }

    fn systemctl(
        &self,
        what: Systemctl,
        service: &str,
        is_it: &dyn Fn(&dyn Sys) -> bool,
    ) -> io::Result<()> {
        // As for signals.
        if !is_it(&Tree::default()) {
            return Err(Errno::SRCH.into());
        }
        systemctl(Path::new("systemctl"), what, service)
    }
}

/// systemctl(1), which returns when the service has been stopped or started. In a process group of
/// its own: a second Ctrl-C is for this program.
fn systemctl(program: &Path, what: Systemctl, service: &str) -> io::Result<()> {
    let what = match what {
        Systemctl::Stop => "stop",
        Systemctl::Start => "start",
    };
    let mut command = Command::new(program);
    command
        .args(["--no-ask-password", what, service])
        .process_group(0);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let says = String::from_utf8_lossy(&output.stderr);
    let says = says.lines().next().unwrap_or("no word from it");
    let command = format!("systemctl {what} {service}: {}: {says}", output.status);
    Err(io::Error::other(command))
}

/// Opens a file below the root, and nothing that a link or `..` in its path would lead to.
fn open_beneath(root: &Path, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let folder = openat(CWD, root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let path = path.trim_start_matches('/');
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(&folder, path, flags, Mode::empty(), resolve) {
        // Linux before 5.6, or a container that forbids the call.
        Err(Errno::NOSYS | Errno::PERM) => Ok(openat(&folder, path, flags, Mode::empty())?),
        opened => Ok(opened?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A systemctl that keeps its words, and refuses to start anything.
    #[test]
    fn systemctl_is_asked_and_its_refusal_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("systemctl");
        let heard = folder.path().join("heard");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> {}\ncase $* in *start*) echo 'Unit is masked.' >&2; exit 5;; esac\n",
            heard.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        systemctl(&program, Systemctl::Stop, "irqbalance.service").unwrap();
        let refused = systemctl(&program, Systemctl::Start, "irqbalance.service");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("Unit is masked."), "{refused}");
        assert!(
            refused.contains("systemctl start irqbalance.service"),
            "{refused}"
        );
        assert_eq!(
            fs::read_to_string(heard).unwrap(),
            "--no-ask-password stop irqbalance.service\n\
             --no-ask-password start irqbalance.service\n"
        );
        let missing = systemctl(&folder.path().join("none"), Systemctl::Stop, "x");
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
