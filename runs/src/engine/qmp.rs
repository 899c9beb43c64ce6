//! The part of QEMU's machine protocol that we need: start the guest once QEMU is ready, so
//! that QEMU's own errors are distinguished from the guest's end, and learn why the machine
//! stopped (QEMU documentation, "QEMU Machine Protocol Specification").
//!
//! A second line receives what the guest writes to its exit port; then we ask QEMU to quit.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Pid;
use rustix::thread::sched_setaffinity;
use serde_json::Value;

use host::cpus;

/// Our end of the monitor, and what it received.
pub struct Qmp {
    stream: Option<UnixStream>,
    exit_port: UnixStream,
    heard: Vec<u8>,
    vcpu_pin: Vec<usize>,
    replies: usize,
    /// When the guest was started, counted from QEMU's start.
    pub guest_started: Option<Duration>,
    /// Why QEMU shut down, in QEMU's terms: `guest-shutdown`, `guest-reset`, ...
    pub shutdown_reason: Option<String>,
    /// The first byte that the guest wrote to the exit port.
    pub exit_byte: Option<u8>,
    /// The protocol's own error, if there was one.
    pub error: Option<String>,
}

/// QEMU's ends of both lines; to be kept until QEMU has started.
pub struct QemuEnds {
    monitor: UnixStream,
    exit_port: UnixStream,
}

impl QemuEnds {
    /// The descriptor under which QEMU inherits the monitor's line.
    pub fn monitor(&self) -> RawFd {
        self.monitor.as_raw_fd()
    }

    /// The descriptor under which QEMU inherits the exit port's line.
    pub fn exit_port(&self) -> RawFd {
        self.exit_port.as_raw_fd()
    }
}

/// Our commands: leave the negotiation, name the vCPUs' threads, start the guest.
const COMMANDS: [&str; 3] = [
    "{\"execute\":\"qmp_capabilities\"}\n",
    "{\"execute\":\"query-cpus-fast\"}\n",
    "{\"execute\":\"cont\"}\n",
];
const QUIT: &str = "{\"execute\":\"quit\"}\n";

impl Qmp {
    /// Our ends of both lines, and those that QEMU inherits. Each vCPU gets the CPU with the
    /// same index before the guest runs; without CPUs, it may run anywhere.
    pub fn new(vcpu_pin: &[usize]) -> io::Result<(Self, QemuEnds)> {
        let (stream, monitor) = line()?;
        let (ours, exit_port) = line()?;
        let qmp = Self {
            stream: Some(stream),
            exit_port: ours,
            heard: Vec::new(),
            vcpu_pin: vcpu_pin.to_vec(),
            replies: 0,
            guest_started: None,
            shutdown_reason: None,
            exit_byte: None,
            error: None,
        };
        Ok((qmp, QemuEnds { monitor, exit_port }))
    }

    /// What to wait for, until QEMU hangs up.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let exit_port = self.exit_byte.is_none().then_some(self.exit_port.as_fd());
        let both = self.stream.as_ref().map(|stream| (stream, exit_port));
        both.into_iter()
            .flat_map(|(stream, port)| port.into_iter().chain([stream.as_fd()]))
    }

    /// Reads what QEMU and the guest have sent, and answers it.
    pub fn listen(&mut self, started: Instant) {
        let mut byte = [0];
        if self.exit_byte.is_none() && matches!(self.exit_port.read(&mut byte), Ok(1)) {
            self.exit_byte = Some(byte[0]);
            self.say(QUIT);
        }
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
            if let Some(vcpus) = message.get("return").and_then(Value::as_array)
                && let Err(error) = pin(vcpus, &self.vcpu_pin)
            {
                self.error = Some(format!("cannot pin a vCPU: {error}"));
                self.say(QUIT);
                return;
            }
            let Some(command) = COMMANDS.get(self.replies) else {
                return;
            };
            self.replies += 1;
            self.say(command);
            if self.replies == COMMANDS.len() {
                // A guest that ends at once prevents QEMU's answer.
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

/// Pins vCPUs as `query-cpus-fast` lists them (QEMU QMP Reference Manual, `CpuInfoFast`).
fn pin(vcpus: &[Value], cpus: &[usize]) -> io::Result<()> {
    let cpus = cpus.iter().cycle();
    for (vcpu, &cpu) in vcpus.iter().zip(cpus) {
        let thread = vcpu.get("thread-id").and_then(Value::as_i64);
        let thread = thread.and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let thread = thread.ok_or_else(|| io::Error::other("QEMU did not report its thread"))?;
        let mask = cpus::mask(&[cpu]).map_err(io::Error::other)?;
        sched_setaffinity(Some(thread), &mask)?;
    }
    Ok(())
}

/// Two connected ends: ours, and one that a child inherits.
fn line() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    Ok((ours, theirs))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::sync::mpsc::channel;
    use std::thread;

    use rustix::thread::gettid;

    use super::*;
    use host::cpus::allowed;

    /// Sends QEMU's messages to `qmp`, with `vcpu` as the only vCPU's thread; returns the
    /// answers.
    fn converse(qmp: &mut Qmp, ends: QemuEnds, vcpu: &Value) -> Vec<Value> {
        let vcpus = serde_json::json!({ "return": [vcpu] });
        let said = ["{\"QMP\": {}}", "{\"return\": {}}", &vcpus.to_string()];
        let mut monitor = ends.monitor;
        for line in said {
            writeln!(monitor, "{line}").unwrap();
            qmp.listen(Instant::now());
        }
        qmp.stream = None;
        let answers = BufReader::new(monitor).lines();
        let words = |line: String| serde_json::from_str::<Value>(&line).unwrap()["execute"].clone();
        answers.map(|line| words(line.unwrap())).collect()
    }

    #[test]
    fn a_vcpu_is_pinned_before_the_guest_runs() {
        let (say_id, id) = channel();
        let (say_done, done) = channel::<()>();
        let vcpu = thread::spawn(move || {
            say_id.send(gettid().as_raw_nonzero().get()).unwrap();
            done.recv().unwrap();
            allowed()
        });
        let last = *allowed().last().unwrap();
        let (mut qmp, ends) = Qmp::new(&[last]).unwrap();
        let vcpu_thread = serde_json::json!({ "cpu-index": 0, "thread-id": id.recv().unwrap() });
        let answers = converse(&mut qmp, ends, &vcpu_thread);
        assert_eq!(answers, ["qmp_capabilities", "query-cpus-fast", "cont"]);
        assert!(qmp.guest_started.is_some());
        say_done.send(()).unwrap();
        assert_eq!(vcpu.join().unwrap(), [last]);
    }

    #[test]
    fn a_guest_whose_vcpu_cannot_be_pinned_does_not_run() {
        for (cpus, vcpu, reason) in [
            (&[1023][..], "{\"thread-id\": 1}", "CPU 1023 cannot be used"),
            (&[0], "{}", "did not report its thread"),
        ] {
            let (mut qmp, ends) = Qmp::new(cpus).unwrap();
            let answers = converse(&mut qmp, ends, &serde_json::from_str(vcpu).unwrap());
            assert_eq!(answers, ["qmp_capabilities", "query-cpus-fast", "quit"]);
            assert_eq!(qmp.guest_started, None);
            assert!(qmp.error.unwrap().contains(reason), "{reason}");
        }
    }

    #[test]
    fn a_guest_without_a_pin_runs_anywhere() {
        let (mut qmp, ends) = Qmp::new(&[]).unwrap();
        let answers = converse(&mut qmp, ends, &serde_json::json!({}));
        assert_eq!(answers, ["qmp_capabilities", "query-cpus-fast", "cont"]);
    }
}
