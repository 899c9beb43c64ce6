//! QEMU's machine protocol, as far as we need it: start the guest once QEMU is
//! ready, so that its own errors are told from the guest's end, and hear why the
//! machine stopped (QEMU documentation, "QEMU Machine Protocol Specification").

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::Value;

/// Our end of the monitor, and what was heard on it.
pub struct Qmp {
    stream: Option<UnixStream>,
    heard: Vec<u8>,
    replies: usize,
    /// When the guest was set running, counted from QEMU's start.
    pub guest_started: Option<Duration>,
    /// Why QEMU shut down, in QEMU's words: `guest-shutdown`, `guest-reset`, ...
    pub shutdown_reason: Option<String>,
    /// The protocol's own error, if there was one.
    pub error: Option<String>,
}

/// QEMU's end of the monitor; to be kept until QEMU has started.
pub struct QemuEnd(UnixStream);

impl QemuEnd {
    /// The number under which QEMU inherits it.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// What we say: leave the negotiation, set the guest running.
const COMMANDS: [&str; 2] = [
    "{\"execute\":\"qmp_capabilities\"}\n",
    "{\"execute\":\"cont\"}\n",
];

impl Qmp {
    /// A monitor, and the end of it that QEMU is to inherit.
    pub fn new() -> io::Result<(Self, QemuEnd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        fcntl_setfd(&theirs, FdFlags::empty())?;
        let qmp = Self {
            stream: Some(ours),
            heard: Vec::new(),
            replies: 0,
            guest_started: None,
            shutdown_reason: None,
            error: None,
        };
        Ok((qmp, QemuEnd(theirs)))
    }

    /// What to wait on; `None` once QEMU has hung up.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(AsFd::as_fd)
    }

    /// Takes what QEMU has said and answers it.
    pub fn listen(&mut self, started: Instant) {
        self.take_in();
        while let Some(end) = self.heard.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            if let Ok(message) = serde_json::from_slice(&line) {
                self.hear(&message, started);
            }
        }
    }

    fn take_in(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(n) if n > 0 => self
                    .heard
                    .extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => {
                    self.stream = None;
                    return;
                }
            }
        }
    }

    fn hear(&mut self, message: &Value, started: Instant) {
        if message.get("QMP").is_some() || message.get("return").is_some() {
            let Some(command) = COMMANDS.get(self.replies) else {
                return;
            };
            self.replies += 1;
            self.say(command);
            if self.replies == COMMANDS.len() {
                // A guest that ends at once takes QEMU's answer with it.
                self.guest_started = Some(started.elapsed());
            }
        } else if let Some(error) = message.get("error") {
            self.error = Some(error.to_string());
        } else if message
            .get("event")
            .is_some_and(|event| event == "SHUTDOWN")
        {
            let reason = message.pointer("/data/reason").and_then(Value::as_str);
            self.shutdown_reason = reason.map(str::to_owned);
        }
    }

    fn say(&mut self, command: &str) {
        let said = self
            .stream
            .as_mut()
            .map(|stream| stream.write_all(command.as_bytes()));
        if let Some(Err(error)) = said {
            self.error = Some(error.to_string());
        }
    }
}
