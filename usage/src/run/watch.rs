//! Watches a run from its start to its end.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::answers::Answers;
use super::slots::Slot;
use super::{Ran, Scene, Spec};
use crate::Outcome;
use crate::accounting::{Group, Used};
use crate::notify::Listener;
use crate::ready::{Listeners, Ready};
use crate::sandbox::{Order, Report, Running, SandboxError};

/// How long creating the namespaces may take on a busy machine.
const SETUP: Duration = Duration::from_secs(20);
/// How long a test may continue after its server has ended.
const GRACE: Duration = Duration::from_millis(15);
/// How often the port or the command is checked for readiness.
const READY_TICK: Duration = Duration::from_millis(2);
/// How often the stop flag is checked.
const TICK: Duration = Duration::from_millis(100);
/// What the log takes of the program's output.
const LOG_LIMIT: usize = 16 << 20;
/// What we keep of it: many runs have some at the same time.
const OUTPUT_LIMIT: usize = 32 << 10;

/// The state of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
    Testing,
    Counting,
}

/// How the run ends, once that is known.
type Verdict = (Outcome, String);

pub struct Watch<'a> {
    scene: &'a Scene<'a>,
    spec: &'a Spec,
    running: &'a Running,
    group: &'a Group,
    /// Its place among the runs that compute, and until when it keeps it.
    slot: Option<Slot<'a>>,
    patience: Duration,
    stage: Stage,
    /// Whether the program is ready: what follows is serving.
    ready: bool,
    listener: Option<Listener>,
    log: Option<OwnedFd>,
    listeners: Option<Listeners>,
    deadline: Instant,
    started: Instant,
    asking: bool,
    asked: Instant,
    verdict: Option<Verdict>,
    output: Vec<u8>,
    /// What the log has.
    logged: usize,
    test_output: Vec<u8>,
    program_status: Option<i32>,
    /// The program and all its descendants have ended.
    dead: bool,
    processes: u32,
    killed_orphans: u32,
    answers: Answers<'a>,
    read_only: BTreeSet<String>,
}

impl<'a> Watch<'a> {
    pub fn new(
        scene: &'a Scene<'a>,
        spec: &'a Spec,
        running: &'a Running,
        group: &'a Group,
        slot: Slot<'a>,
    ) -> Self {
        let now = Instant::now();
        Self {
            scene,
            spec,
            running,
            group,
            slot: Some(slot),
            patience: spec.patience,
            stage: Stage::Starting,
            ready: false,
            listener: None,
            log: None,
            listeners: None,
            deadline: now + SETUP,
            started: now,
            asking: false,
            asked: now,
            verdict: None,
            output: Vec::new(),
            logged: 0,
            test_output: Vec::new(),
            program_status: None,
            dead: false,
            processes: 0,
            killed_orphans: 0,
            answers: Answers::new(spec, scene.sandbox.nothing()),
            read_only: BTreeSet::new(),
        }
    }

    pub fn until_the_end(mut self, began: Instant) -> Result<Ran, SandboxError> {
        self.started = began;
        let (outcome, reason) = loop {
            if let Some(verdict) = self.step()? {
                break verdict;
            }
        };
        Ok(Ran {
            outcome,
            reason,
            duration: self.started.elapsed(),
            program_status: self.program_status,
            processes: self.processes,
            fired: self.answers.fired,
            seen: self.answers.seen,
            foreign: self.answers.foreign,
            origins: self.answers.origins.of,
            killed_orphans: self.killed_orphans,
            used: Used::default(),
            read_only: self.read_only,
            last_output: tail(&self.output),
        })
    }

    /// Waits for something, deals with it, and gives the verdict once it is final.
    fn step(&mut self) -> Result<Option<Verdict>, SandboxError> {
        if self.scene.stop.load(Ordering::Relaxed) {
            let reason = "interrupted".to_owned();
            return Ok(Some((Outcome::HarnessError, reason)));
        }
        let now = Instant::now();
        if now >= self.deadline {
            return Ok(Some(self.out_of_time()));
        }
        self.give_way(now);
        let [reports, questions, gone, output, test_output] = self.wait(now)?;
        if let Some(listener) = self.listener.as_ref().filter(|_| questions) {
            self.answers.next(listener, self.ready)?;
        } else if gone {
            self.listener = None;
            self.die();
        }
        if output {
            self.read_output();
        }
        if test_output {
            read_some(&self.running.test_output, &mut self.test_output);
        }
        if reports {
            match self.running.report()? {
                Some(report) => self.hear(report)?,
                None => return Ok(Some(self.lost())),
            }
            if self.stage == Stage::Counting && self.processes != u32::MAX {
                return Ok(self.verdict.take());
            }
        }
        if self.stage == Stage::Running {
            self.look_whether_ready()?;
        }
        Ok(None)
    }

    /// A run that is late and does not compute most likely waits for its limit: another one
    /// can use its place.
    fn give_way(&mut self, now: Instant) {
        let past = now.saturating_duration_since(self.started);
        let started = matches!(self.stage, Stage::Running | Stage::Testing);
        if self.slot.is_none() || !started || past < self.patience {
            return;
        }
        let used = self.group.used().cpu;
        if used.is_some_and(|cpu| 2 * cpu > past) {
            self.patience = 2 * past;
        } else {
            self.slot = None;
        }
    }

    fn wait(&self, now: Instant) -> Result<[bool; 5], SandboxError> {
        let mut tick = TICK;
        if self.stage == Stage::Running && self.scene.ready.is_some() {
            tick = READY_TICK;
        }
        if self.slot.is_some() {
            let late = self
                .patience
                .saturating_sub(now.saturating_duration_since(self.started));
            tick = tick.min(late.max(READY_TICK));
        }
        let left = self.deadline.saturating_duration_since(now).min(tick);
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = vec![
            PollFd::new(&self.running.control, PollFlags::IN),
            PollFd::new(&self.running.output, PollFlags::IN),
            PollFd::new(&self.running.test_output, PollFlags::IN),
        ];
        if let Some(listener) = &self.listener {
            fds.push(PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let events = |index: usize| fds.get(index).map_or(PollFlags::empty(), PollFd::revents);
        Ok([
            events(0).intersects(PollFlags::IN | PollFlags::HUP),
            events(3).contains(PollFlags::IN),
            events(3).contains(PollFlags::HUP),
            events(1).contains(PollFlags::IN),
            events(2).contains(PollFlags::IN),
        ])
    }

    fn hear(&mut self, report: Report) -> Result<(), SandboxError> {
        match report {
            Report::Failed { step, error } => {
                let what = self.scene.sandbox.step(step);
                return Err(SandboxError::Step { what, error });
            }
            Report::NotExecuted { error } => {
                let path = self.scene.program.path();
                return Err(SandboxError::NotExecuted { path, error });
            }
            Report::ReadOnly { step } => {
                self.read_only.insert(self.scene.sandbox.step(step));
            }
            Report::Prepared { log, listeners } => {
                self.log = Some(log);
                self.listeners = Some(listeners);
                if !self.spec.program {
                    self.begin();
                    self.start_test()?;
                }
            }
            Report::Started { listener } => {
                self.listener = Some(Listener::new(listener));
                self.begin();
            }
            Report::ProgramEnded { status } => {
                self.program_status = Some(status);
                if self.scene.ready.is_some() {
                    // A program that moved to the background has not failed.
                    if status != 0 {
                        self.die();
                    }
                } else if self.stage == Stage::Running {
                    self.read_output();
                    self.program_ended(status)?;
                }
            }
            Report::OrphanEnded { status } => {
                self.killed_orphans += u32::from(libc::WIFSIGNALED(status));
            }
            Report::TestEnded { status } => {
                read_some(&self.running.test_output, &mut self.test_output);
                if self.stage == Stage::Testing {
                    let verdict = of_test(status, &self.test_output);
                    self.count(verdict)?;
                }
            }
            Report::ReadyEnded { status } => {
                self.asking = false;
                if status == 0 && self.stage == Stage::Running {
                    self.become_ready()?;
                }
            }
            Report::Counted { processes } => self.processes = processes,
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.stage = Stage::Running;
        self.started = Instant::now();
        self.deadline = self.started + self.spec.limit;
    }

    /// A program that is not a server is finished.
    fn program_ended(&mut self, status: i32) -> Result<(), SandboxError> {
        if self.scene.test.is_some() {
            return self.start_test();
        }
        let outcome = match status {
            0 => Outcome::Works,
            _ => Outcome::Broken,
        };
        self.count((
            outcome,
            format!("the program ended with {}", describe(status)),
        ))
    }

    fn look_whether_ready(&mut self) -> Result<(), SandboxError> {
        let due = self.asked.elapsed() >= READY_TICK;
        match self.scene.ready {
            Some(Ready::Tcp(port)) if due => {
                self.asked = Instant::now();
                if let Some(listeners) = &mut self.listeners
                    && listeners.have(*port)?
                {
                    return self.become_ready();
                }
            }
            Some(Ready::Log(expression)) if expression.is_match(&self.output) => {
                return self.become_ready();
            }
            Some(Ready::Command(_)) if due && !self.asking => {
                self.asked = Instant::now();
                self.asking = true;
                self.running.order(Order::Ready)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn become_ready(&mut self) -> Result<(), SandboxError> {
        self.ready = true;
        if self.scene.test.is_some() {
            return self.start_test();
        }
        self.count((Outcome::Works, "the program is ready".into()))
    }

    fn start_test(&mut self) -> Result<(), SandboxError> {
        self.stage = Stage::Testing;
        Ok(self.running.order(Order::Test)?)
    }

    /// The verdict is known; count the processes.
    fn count(&mut self, verdict: Verdict) -> Result<(), SandboxError> {
        self.verdict = Some(verdict);
        self.stage = Stage::Counting;
        self.processes = u32::MAX;
        self.deadline = Instant::now() + SETUP;
        Ok(self.running.order(Order::Count)?)
    }

    /// The program is gone. A server's test may be about to end.
    fn die(&mut self) {
        let serves = self.scene.ready.is_some() && self.spec.program;
        let undecided = matches!(self.stage, Stage::Running | Stage::Testing);
        if serves && undecided && !self.dead {
            self.dead = true;
            self.deadline = self.deadline.min(Instant::now() + GRACE);
        }
    }

    fn out_of_time(&mut self) -> Verdict {
        let status = self.program_status.map_or("it ended".into(), describe);
        match self.stage {
            Stage::Starting => (Outcome::HarnessError, "the sandbox did not start".into()),
            Stage::Counting => (Outcome::HarnessError, "the sandbox does not respond".into()),
            _ if self.dead && self.ready => (
                Outcome::Broken,
                format!("the program ended while it was tested: {status}"),
            ),
            _ if self.dead => (
                Outcome::Broken,
                format!("the program ended before it was ready: {status}"),
            ),
            Stage::Running if self.scene.ready.is_some() => (
                Outcome::TimedOut,
                "the program did not become ready in time".into(),
            ),
            Stage::Running => (Outcome::TimedOut, "the program did not end in time".into()),
            Stage::Testing => (Outcome::TimedOut, "the test did not end in time".into()),
        }
    }

    fn lost(&self) -> Verdict {
        let reason = "the first process of the sandbox was killed (is memory short?)";
        (Outcome::HarnessError, reason.into())
    }

    /// Copies the program's output so far to the log, where the test reads it.
    fn read_output(&mut self) {
        let before = self.output.len();
        read_some(&self.running.output, &mut self.output);
        let new = self.output.get(before..).unwrap_or_default();
        let room = LOG_LIMIT.saturating_sub(self.logged);
        let mut new = new.get(..room.min(new.len())).unwrap_or_default();
        self.logged += new.len();
        while let Some(log) = self.log.as_ref().filter(|_| !new.is_empty()) {
            match rustix::io::write(log, new) {
                Ok(written) => new = new.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // The run's files fill its memory; the test sees what the program sees.
                Err(_) => break,
            }
        }
        self.forget();
    }

    /// The log has the output; we need its end only, unless we still look for a match.
    fn forget(&mut self) {
        let looked_for = !self.ready && matches!(self.scene.ready, Some(Ready::Log(_)));
        if !looked_for && self.output.len() > OUTPUT_LIMIT {
            let from = self.output.len() - OUTPUT_LIMIT / 2;
            self.output.drain(..from);
            self.output.shrink_to(OUTPUT_LIMIT);
        }
    }
}

/// Reads what is there, and keeps it up to the limit.
fn read_some(from: &OwnedFd, into: &mut Vec<u8>) {
    // Many runs have one each.
    let mut buffer = [0; 16 << 10];
    // A program that never stops writing must not keep this loop busy.
    for _ in 0..16 {
        match rustix::io::read(from, &mut buffer) {
            Ok(0) | Err(Errno::AGAIN) => return,
            Ok(read) => {
                let room = LOG_LIMIT.saturating_sub(into.len()).min(read);
                into.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// What the test's status says.
fn of_test(status: i32, output: &[u8]) -> Verdict {
    let how = describe(status);
    let said = tail(output);
    let said = said.trim();
    let mut reason = format!("the test ended with {how}");
    if !said.is_empty() {
        reason = format!("{reason}: {said}");
    }
    let outcome = match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => Outcome::Works,
        (true, 200) => Outcome::CannotTell,
        // A shell's status for a test that cannot be run.
        (true, 126 | 127) | (false, _) => Outcome::HarnessError,
        _ => Outcome::Broken,
    };
    (outcome, reason)
}

/// A status of wait(2), as text.
pub fn describe(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        format!("signal {}", libc::WTERMSIG(status))
    } else {
        format!("exit {}", libc::WEXITSTATUS(status))
    }
}

/// The end of what was written, as text.
fn tail(output: &[u8]) -> String {
    const KEPT: usize = 500;
    let end = output.get(output.len().saturating_sub(KEPT)..);
    String::from_utf8_lossy(end.unwrap_or_default()).into_owned()
}
