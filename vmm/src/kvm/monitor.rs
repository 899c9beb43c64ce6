//! The caller's side of a running guest: its console output, typed input, and the ends that do
//! not come from a vCPU.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::read;

use super::machine::Machine;
use super::vcpu::Vcpus;
use super::wake::Wake;
use crate::{End, panic};

/// The longest delay until the user's request to stop, or a line without its end, is noticed.
const TICK: Duration = Duration::from_millis(50);
/// Longer than Linux's last line after a panic, with the longest message in it.
const LAST_LINE: usize = 2048;

/// Where a guest's bytes go to and come from.
pub struct Io<'a> {
    /// Called with each piece of the console, in order, on the caller's thread.
    pub console: &'a mut dyn FnMut(&[u8]),
    /// What is typed into the guest's serial port; its end does not end the guest.
    pub input: Option<BorrowedFd<'a>>,
    /// Set by another thread to stop the guest.
    pub stop: &'a AtomicBool,
}

/// Watches over one guest.
pub struct Monitor<'io, 'guest> {
    io: Io<'io>,
    machine: &'guest Machine,
    wake: &'guest Wake,
    typed: Vec<u8>,
    /// Everything that the guest wrote.
    pub console: Vec<u8>,
}

impl<'io, 'guest> Monitor<'io, 'guest> {
    /// A monitor that `wake` wakes.
    pub fn new(io: Io<'io>, machine: &'guest Machine, wake: &'guest Wake) -> Self {
        Self {
            io,
            machine,
            wake,
            typed: Vec::new(),
            console: Vec::new(),
        }
    }

    /// Returns when the guest has ended, or has to end, and the machine says so.
    pub fn watch(&mut self, vcpus: &Vcpus, started: Instant, timeout: Duration) {
        let mut quiet = vcpus.quiet();
        while !self.machine.is_stopping() {
            self.wait(timeout.saturating_sub(started.elapsed()));
            self.drain();
            self.type_in();
            if self.io.stop.load(Ordering::Relaxed) {
                self.machine.end(End::Interrupted, None);
            } else if started.elapsed() >= timeout {
                self.machine.end(End::TimedOut, None);
            } else if vcpus.any_finished() && !self.machine.is_stopping() {
                let reason = "a vCPU's thread ended unexpectedly".into();
                self.machine.fail(reason, None);
            } else if quiet.is_new() {
                self.machine.roll_call.call();
                vcpus.kick();
            }
        }
    }

    /// Passes on what the guest wrote since the last call.
    pub fn drain(&mut self) {
        let new = self.machine.console.take();
        if new.is_empty() {
            return;
        }
        (self.io.console)(&new);
        let seen = self.console.len().saturating_sub(LAST_LINE);
        self.console.extend_from_slice(&new);
        if panic::holds_last_line(&self.console[seen..])
            && let Some(panicked) = panic::find(&self.console)
        {
            self.machine.end(panicked, None);
        }
    }

    fn wait(&mut self, left: Duration) {
        let left = left.min(TICK);
        // A tick's length always fits.
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = vec![PollFd::new(self.wake, PollFlags::IN)];
        let input = self.io.input.filter(|_| self.typed.is_empty());
        fds.extend(input.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        if poll(&mut fds, Some(&timeout)).is_err() {
            return;
        }
        let is_typing = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        self.wake.clear();
        if is_typing {
            self.read_input();
        }
    }

    fn read_input(&mut self) {
        let mut bytes = [0; 64];
        let Some(input) = self.io.input else { return };
        match read(input.as_fd(), &mut bytes) {
            Ok(0) => self.io.input = None,
            Ok(count) => self.typed.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => self.io.input = None,
        }
    }

    fn type_in(&mut self) {
        if !self.typed.is_empty() {
            let taken = self.machine.devices().type_in(&self.typed);
            self.typed.drain(..taken);
        }
    }
}
