//! One run of the program: start it, answer questions about its calls, test it, end it.

mod actions;
mod answers;
mod memory;
mod origin;
mod paths;
mod slots;
mod watch;

pub use slots::Slots;
pub use watch::describe;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::accounting::{Accounting, Used};
use crate::feature::Feature;
use crate::filter::{Action, filter};
use crate::ready::Ready;
use crate::sandbox::{Command, Launch, Sandbox, SandboxError};
use crate::seen::Seen;
use crate::{Call, Mode, Outcome, Phase};

/// What all runs of an exploration share.
pub struct Scene<'a> {
    /// Where they run.
    pub sandbox: &'a Sandbox,
    /// The program.
    pub program: &'a Command,
    /// Its standard input's file; `None`: empty.
    pub input: Option<&'a std::path::Path>,
    /// The test that decides whether it works; `None`: its exit status decides.
    pub test: Option<&'a Command>,
    /// The condition for it to be ready; `None`: it is not a server.
    pub ready: Option<&'a Ready>,
    /// The shell that runs the command of `--ready cmd:`.
    pub ready_command: Option<&'a Command>,
    /// What counts and limits each run's processes.
    pub accounting: &'a Accounting,
    /// How many runs compute at the same time.
    pub slots: &'a Slots,
    /// Ends all runs when it is set.
    pub stop: &'a AtomicBool,
}

/// What one run removes and records.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Whether the program runs at all.
    pub program: bool,
    /// What the calls, or parts of them, get.
    pub rules: BTreeMap<Feature, Mode>,
    /// The phase.
    pub phase: Phase,
    /// Calls that the kernel executes without asking us.
    pub known: BTreeSet<Call>,
    /// Arguments of these calls that the kernel executes without asking us, where parts are
    /// looked for.
    pub values: BTreeMap<Call, BTreeSet<u32>>,
    /// What else is looked for.
    pub parts: Parts,
    /// What the rules are about, and what is recorded; `None`: every process.
    pub only: Option<PathBuf>,
    /// Calls that nobody has seen: does the kernel ask us about them?
    pub asks: bool,
    /// Rules that the kernel applies without asking us, because they fire too often. It does
    /// not count them.
    pub uncounted: BTreeSet<Feature>,
    /// Whether to find out what makes each call.
    pub origins: bool,
    /// Ends the run.
    pub limit: Duration,
    /// After this time it counts as one that waits, and another run takes its place.
    pub patience: Duration,
}

/// Parts of calls that are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Arguments' values.
    pub arguments: bool,
    /// Paths.
    pub paths: bool,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Whether it works.
    pub outcome: Outcome,
    /// The reason, as text.
    pub reason: String,
    /// From the program's start to the end.
    pub duration: Duration,
    /// The program's status of wait(2), if it ended before the run did.
    pub program_status: Option<i32>,
    /// Its processes when the test ended.
    pub processes: u32,
    /// How often each rule fired; a rule that is not counted is missing.
    pub fired: BTreeMap<Feature, u64>,
    /// Calls about which the kernel asked.
    pub seen: Seen,
    /// Calls of other ABIs.
    pub foreign: BTreeMap<&'static str, u64>,
    /// What made each call.
    pub origins: BTreeMap<Call, BTreeSet<String>>,
    /// Children of the first process that a signal ended: orphans of the program.
    pub killed_orphans: u32,
    /// What all its processes used.
    pub used: Used,
    /// Folders that it could see, but not change.
    pub read_only: BTreeSet<String>,
    /// The end of the program's output.
    pub last_output: String,
}

/// Runs it once. An error means that there can be no further run either.
pub fn run(scene: &Scene<'_>, spec: &Spec) -> Result<Ran, SandboxError> {
    let slot = scene.slots.take();
    let input = std::fs::File::open(scene.input.unwrap_or("/dev/null".as_ref()))?;
    let group = scene.accounting.group()?;
    let rest = if spec.asks {
        Action::Notify
    } else {
        Action::Allow
    };
    let launch = Launch {
        program: spec.program.then_some(scene.program),
        test: scene.test,
        ready: scene.ready_command,
        filter: &filter(&actions::actions(spec), rest),
        input: input.as_fd(),
        group: &group,
    };
    let mut running = scene.sandbox.start(&launch)?;
    let watch = watch::Watch::new(scene, spec, &running, &group, slot);
    let mut ran = watch.until_the_end(Instant::now())?;
    ran.used = group.used();
    let waited = running.end();
    if !group.limits_processes() {
        ran.used = waited;
    }
    Ok(ran)
}

#[cfg(test)]
mod tests;
