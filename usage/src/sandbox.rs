//! One isolated run: its namespaces, its file system, its processes.

mod inside;
mod message;
mod mounts;
mod plan;
mod returned;
mod step;

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use libc::sock_filter;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal};
use tempfile::TempDir;

pub use inside::Command;
#[cfg(test)]
pub use inside::diag_socket;
pub use message::{Order, Report};

use crate::accounting::{Group, Used};
use inside::{Inside, Shared};
use step::Step;

/// Why a sandbox does not work.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel or its configuration does not allow this user namespaces.
    #[error(
        "this user may not create user namespaces, which isolate the runs ({0}); run tollgate as \
         root, or allow them: sysctl user.max_user_namespaces=10000, and if it exists \
         kernel.apparmor_restrict_unprivileged_userns=0"
    )]
    NoUserNamespaces(io::Error),
    /// A step failed.
    #[error("cannot create the sandbox: {what}: {error}")]
    Step {
        /// What was to be done.
        what: String,
        /// The system's reason.
        error: io::Error,
    },
    /// A program could not be executed.
    #[error("cannot execute {path}: {error} (is it a program for this machine?)")]
    NotExecuted {
        /// The program.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
    /// Something else.
    #[error("the sandbox failed: {0}")]
    Io(#[from] io::Error),
}

/// What every run of a session shares.
#[derive(Debug)]
pub struct Sandbox {
    base: TempDir,
    steps: Vec<Step>,
    identity: Option<(CString, CString)>,
    folder: CString,
    log: CString,
    nothing: File,
}

/// The programs that a run starts.
pub struct Launch<'a> {
    /// The program; `None`: run only the test, as a control.
    pub program: Option<&'a Command>,
    /// The test.
    pub test: Option<&'a Command>,
    /// The command that checks whether the program is ready.
    pub ready: Option<&'a Command>,
    /// The filter of the program.
    pub filter: &'a [sock_filter],
    /// Its standard input.
    pub input: BorrowedFd<'a>,
    /// What counts and limits its processes.
    pub group: &'a Group,
}

/// A run. Dropping it ends all its processes.
#[derive(Debug)]
pub struct Running {
    process: OwnedFd,
    /// Sends orders and receives reports.
    pub control: OwnedFd,
    /// What the program writes.
    pub output: OwnedFd,
    /// What the test writes.
    pub test_output: OwnedFd,
    /// What its processes used, once they have ended.
    used: Option<Used>,
}

impl Sandbox {
    /// Plans the runs of the current user in that folder.
    pub fn new(folder: &Path) -> Result<Self, SandboxError> {
        let base = tempfile::Builder::new()
            .prefix("tollgate-usage-")
            .tempdir()?;
        let privileged = is_privileged();
        let steps = plan::plan(base.path(), privileged)?;
        let identity = (!privileged).then(identity);
        let folder = CString::new(folder.as_os_str().as_encoded_bytes())
            .map_err(|_| io::Error::other("the folder's name contains a zero byte"))?;
        let log = base.path().join("log");
        let log = CString::new(log.as_os_str().as_encoded_bytes())
            .map_err(|_| io::Error::other("the temporary folder's name contains a zero byte"))?;
        Ok(Self {
            base,
            log,
            steps,
            identity,
            folder,
            nothing: File::options().read(true).write(true).open("/dev/null")?,
        })
    }

    /// Where a run sees its log.
    pub fn log(&self) -> PathBuf {
        self.base.path().join("log")
    }

    /// /dev/null, for reading and writing.
    pub fn nothing(&self) -> BorrowedFd<'_> {
        self.nothing.as_fd()
    }

    /// Starts a run.
    pub fn start(&self, launch: &Launch<'_>) -> Result<Running, SandboxError> {
        let (control, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(io::Error::from)?;
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from);
        let (output, program_output) = pipe()?;
        let (test_output, test_output_end) = pipe()?;
        for fd in [&output, &test_output] {
            rustix::io::ioctl_fionbio(fd, true).map_err(io::Error::from)?;
        }
        let shared = SharedPage::new()?;
        let inside = Inside {
            steps: &self.steps,
            identity: self
                .identity
                .as_ref()
                .map(|(user, group)| (user.as_c_str(), group.as_c_str())),
            folder: &self.folder,
            log: &self.log,
            program: launch.program,
            test: launch.test,
            ready: launch.ready,
            filter: launch.filter,
            control: theirs.as_fd(),
            input: launch.input,
            nothing: self.nothing.as_fd(),
            output: program_output.as_fd(),
            test_output: test_output_end.as_fd(),
            limit_processes: !launch.group.limits_processes(),
            shared: shared.get(),
        };
        let pid = match inside::clone_process(self.namespaces()) {
            Ok(0) => inside.live(),
            Ok(pid) => pid,
            Err(error) if self.identity.is_some() => {
                return Err(SandboxError::NoUserNamespaces(error.into()));
            }
            Err(error) => {
                return Err(SandboxError::Step {
                    what: "new namespaces".into(),
                    error: error.into(),
                });
            }
        };
        let handle = Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let process = rustix::process::pidfd_open(handle, PidfdFlags::empty());
        let running = Running {
            process: process.map_err(io::Error::from)?,
            control,
            output,
            test_output,
            used: None,
        };
        launch.group.take(pid)?;
        message::order(&running.control, Order::Begin)?;
        Ok(running)
    }

    /// What a step was doing, for the error message.
    pub fn step(&self, index: usize) -> String {
        match index {
            inside::IDENTITY => "the user's identity in a user namespace".into(),
            inside::FOLDER => format!("entering {}", self.folder.to_string_lossy()),
            inside::FILTER => "the seccomp filter of the program".into(),
            inside::FILES => "the log, /proc/net/tcp".into(),
            inside::PROCESS => "a new process".into(),
            _ => match self.steps.get(index) {
                Some(Step::Overlay { lower, .. }) => lower.to_string_lossy().into_owned(),
                Some(step) => format!("{step:?}"),
                None => "an unknown step".into(),
            },
        }
    }

    fn namespaces(&self) -> u64 {
        let mut flags = libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS;
        if self.identity.is_some() {
            flags |= libc::CLONE_NEWUSER;
        }
        flags as u64
    }
}

impl Running {
    /// Sends an order.
    pub fn order(&self, order: Order) -> io::Result<()> {
        message::order(&self.control, order)
    }

    /// The next report; `None`: all has ended.
    pub fn report(&self) -> io::Result<Option<Report>> {
        Report::receive(&self.control)
    }
}

impl Running {
    /// Ends all processes, because the kernel ends a PID namespace with its first process.
    /// Returns what they used.
    pub fn end(&mut self) -> Used {
        if let Some(used) = self.used {
            return used;
        }
        let _ = rustix::process::pidfd_send_signal(&self.process, Signal::KILL);
        let used = wait(&self.process);
        self.used = Some(used);
        used
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the end of a namespace's first process, which has waited for all others.
fn wait(process: &OwnedFd) -> Used {
    // SAFETY: all its fields are integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel takes a null pointer for its second argument, and writes a struct
    // rusage to the last (waitid(2), "C library/kernel differences").
    let done = unsafe {
        libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            process.as_raw_fd(),
            ptr::null_mut::<libc::siginfo_t>(),
            libc::WEXITED,
            &raw mut usage,
        )
    };
    if done < 0 {
        return Used::default();
    }
    let time = |time: libc::timeval| {
        let micros = u64::try_from(time.tv_usec).unwrap_or_default();
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default())
            + Duration::from_micros(micros)
    };
    Used {
        cpu: Some(time(usage.ru_utime) + time(usage.ru_stime)),
        // In KiB (getrusage(2)).
        memory: u64::try_from(usage.ru_maxrss).ok().map(|kib| kib << 10),
    }
}

/// Whether this process may create all namespaces without a user namespace.
fn is_privileged() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
        && rustix::process::geteuid().is_root()
}

/// The maps that keep the user and the group.
fn identity() -> (CString, CString) {
    let map = |id: u32| CString::new(format!("{id} {id} 1\n")).unwrap_or_default();
    (
        map(rustix::process::geteuid().as_raw()),
        map(rustix::process::getegid().as_raw()),
    )
}

/// A page that is shared with the processes cloned from this one.
struct SharedPage(*mut Shared);

impl SharedPage {
    fn new() -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: the kernel chooses the place.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<Shared>(),
                protection,
                flags,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page = page.cast::<Shared>();
        let shared = Shared {
            listener: AtomicI32::new(Shared::NOT_YET),
            error: AtomicI32::new(0),
        };
        // SAFETY: the page is new, large enough and aligned.
        unsafe { page.write(shared) };
        Ok(Self(page))
    }

    fn get(&self) -> &Shared {
        // SAFETY: it lives as long as we do, and holds atomics only.
        unsafe { &*self.0 }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: nobody refers to it: `get` borrows us. Other processes have mappings of
        // their own.
        unsafe { libc::munmap(self.0.cast(), size_of::<Shared>()) };
    }
}
