//! Runs a child process to its end: captures its output as bytes, limits its time and its
//! console, and kills it on request.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, pidfd_open, set_parent_process_death_signal,
};
use rustix::thread::{CpuSet, sched_setaffinity};
use vmm::{BootOutcome, CONSOLE_LIMIT, End, Timings};

use super::qmp::Qmp;

/// How much of standard error is kept.
const ERROR_LIMIT: usize = 64 << 10;
/// How long a guest may live after its last message.
const GRACE: Duration = Duration::from_secs(2);
/// How often the stop flag and the clock are checked.
const TICK: Duration = Duration::from_millis(50);

/// A child to run.
pub struct ChildSpec<'a> {
    pub command: Command,
    /// CPUs to run on; `None`: all that this process may use.
    pub pin: Option<CpuSet>,
    pub timeout: Duration,
    pub stop: &'a AtomicBool,
    /// Receives standard output, as it comes.
    pub console: &'a mut dyn Write,
    /// After this text on the console, the child gets [`GRACE`] to end by itself.
    pub last_words: Option<&'static [u8]>,
    /// QEMU's monitor.
    pub monitor: Option<&'a mut Qmp>,
}

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    Exited(i32),
    Signaled(i32),
    TimedOut,
    Interrupted,
    /// It wrote more than [`CONSOLE_LIMIT`].
    Flooded,
}

/// The result of a child.
pub struct Ran {
    pub end: ChildEnd,
    pub console: Vec<u8>,
    pub errors: Vec<u8>,
    pub first_byte: Option<Duration>,
    pub elapsed: Duration,
}

impl Ran {
    /// The boot that the child carried out.
    pub fn outcome(self, end: End, guest_started: Option<Duration>) -> BootOutcome {
        BootOutcome {
            console: self.console,
            end,
            timings: Timings {
                guest_started,
                first_byte: self.first_byte,
                ended: self.elapsed,
            },
            exits: None,
            pages: None,
        }
    }
}

/// Runs the child. An error means that it could not be started or watched; it is not left
/// running.
pub fn run(spec: ChildSpec<'_>) -> io::Result<Ran> {
    let mut watch = Watch::start(spec)?;
    let end = watch.until_the_end();
    if end.is_err() || !matches!(end, Ok(ChildEnd::Exited(_) | ChildEnd::Signaled(_))) {
        watch.kill();
    }
    watch.drain();
    Ok(Ran {
        end: end?,
        elapsed: watch.started.elapsed(),
        console: watch.console,
        errors: watch.errors,
        first_byte: watch.first_byte,
    })
}

struct Watch<'a> {
    child: Child,
    started: Instant,
    deadline: Instant,
    stop: &'a AtomicBool,
    sink: &'a mut dyn Write,
    last_words: Option<&'static [u8]>,
    monitor: Option<&'a mut Qmp>,
    console: Vec<u8>,
    errors: Vec<u8>,
    first_byte: Option<Duration>,
}

impl<'a> Watch<'a> {
    fn start(spec: ChildSpec<'a>) -> io::Result<Self> {
        let mut command = spec.command;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // tollgate handles Ctrl-C; the child would die before its log is saved.
            .process_group(0);
        let pin = spec.pin;
        let parent = getpid();
        // SAFETY: the closure runs between fork and exec and makes three system calls, all
        // async-signal-safe; it does not allocate or lock.
        unsafe {
            command.pre_exec(move || {
                // If tollgate is killed, a guest must not continue and disturb the next run.
                set_parent_process_death_signal(Some(Signal::KILL))?;
                if getppid() != Some(parent) {
                    return Err(ErrorKind::Interrupted.into());
                }
                if let Some(cpus) = &pin {
                    sched_setaffinity(None, cpus)?;
                }
                Ok(())
            });
        }
        let started = Instant::now();
        let child = command.spawn()?;
        Ok(Self {
            child,
            started,
            deadline: started + spec.timeout,
            stop: spec.stop,
            sink: spec.console,
            last_words: spec.last_words,
            monitor: spec.monitor,
            console: Vec::new(),
            errors: Vec::new(),
            first_byte: None,
        })
    }

    fn until_the_end(&mut self) -> io::Result<ChildEnd> {
        let pid = Pid::from_child(&self.child);
        let life = pidfd_open(pid, PidfdFlags::empty())?;
        if let Some(out) = &self.child.stdout {
            set_nonblocking(out.as_fd())?;
        }
        if let Some(err) = &self.child.stderr {
            set_nonblocking(err.as_fd())?;
        }
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(ChildEnd::Interrupted);
            }
            if Instant::now() >= self.deadline {
                return Ok(ChildEnd::TimedOut);
            }
            let ended = self.wait_for_something(life.as_fd())?;
            if let Some(monitor) = self.monitor.as_deref_mut() {
                monitor.listen(self.started);
            }
            self.read_errors();
            self.read_console();
            if self.console.len() >= CONSOLE_LIMIT {
                return Ok(ChildEnd::Flooded);
            }
            if ended {
                return self.reap();
            }
        }
    }

    /// Waits for output, the monitor or the child's end; returns whether it has ended.
    fn wait_for_something(&self, life: BorrowedFd<'_>) -> io::Result<bool> {
        let mut fds = vec![PollFd::from_borrowed_fd(life, PollFlags::IN)];
        let mut add = |fd| fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        if let Some(out) = &self.child.stdout {
            add(out.as_fd());
        }
        if let Some(err) = &self.child.stderr {
            add(err.as_fd());
        }
        if let Some(monitor) = &self.monitor {
            monitor.fds().for_each(&mut add);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left.min(TICK)).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fds.first().is_some_and(|life| !life.revents().is_empty()))
    }

    fn reap(&mut self) -> io::Result<ChildEnd> {
        let status = self.child.wait()?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => ChildEnd::Exited(code),
            (None, signal) => ChildEnd::Signaled(signal.unwrap_or_default()),
        })
    }

    fn kill(&mut self) {
        // Both fail only if the child has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Reads what an ended child has left in its pipes.
    fn drain(&mut self) {
        self.read_console();
        self.read_errors();
        if let Some(monitor) = self.monitor.as_deref_mut() {
            monitor.listen(self.started);
        }
    }

    fn read_console(&mut self) {
        let before = self.console.len();
        if let Some(out) = &mut self.child.stdout
            && read_available(out, &mut self.console, CONSOLE_LIMIT)
        {
            self.child.stdout = None;
        }
        let Some(new) = self.console.get(before..).filter(|new| !new.is_empty()) else {
            return;
        };
        self.first_byte
            .get_or_insert_with(|| self.started.elapsed());
        // The receiver is best able to judge a failure; the guest continues.
        let _ = self.sink.write_all(new);
        self.look_for_last_words(before);
    }

    fn look_for_last_words(&mut self, before: usize) {
        let Some(words) = self.last_words else {
            return;
        };
        // They may have come in two parts.
        let from = before.saturating_sub(words.len());
        let new = self.console.get(from..).unwrap_or_default();
        if new.windows(words.len()).any(|window| window == words) {
            self.deadline = self.deadline.min(Instant::now() + GRACE);
            self.last_words = None;
        }
    }

    fn read_errors(&mut self) {
        if let Some(err) = &mut self.child.stderr
            && read_available(err, &mut self.errors, ERROR_LIMIT)
        {
            self.child.stderr = None;
        }
    }
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    Ok(fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

/// Reads what is available, up to `limit` bytes in total; returns whether nothing more is
/// wanted or will come.
fn read_available(from: &mut impl Read, into: &mut Vec<u8>, limit: usize) -> bool {
    let mut buffer = [0; 64 * 1024];
    loop {
        let room = limit.saturating_sub(into.len()).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room).filter(|b| !b.is_empty()) else {
            return true;
        };
        match from.read(buffer) {
            Ok(0) => return true,
            Ok(n) => into.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}
