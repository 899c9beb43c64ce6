//! Runs a program again and again, each time without one of its calls, to find out which
//! ones it needs.

mod assemble;
mod baseline;
mod earlier;
mod files;
mod laboratory;
mod parallel;
mod rules;
mod subject;
mod unions;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::files::FileError;

use crate::result::{Purpose, Usage};
use crate::run::Slots;
use crate::{Mode, Outcome, Phase, Ready, SandboxError};
use files::Analysis;
use laboratory::Laboratory;
use subject::Subject;

/// What to explore, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// Its standard input; `None`: empty.
    pub input: Option<PathBuf>,
    /// The test that decides whether it works; `None`: its exit status decides.
    pub test: Option<PathBuf>,
    /// The condition for it to be ready; `None`: it is not a server, and the test runs
    /// after it has exited.
    pub ready: Option<Ready>,
    /// The phase in which calls are removed.
    pub phase: Phase,
    /// What calls get instead of being executed, each once.
    pub modes: Vec<Mode>,
    /// Whether values of arguments are also removed alone.
    pub partial: bool,
    /// Whether paths of the kernel's files are also removed alone.
    pub paths: bool,
    /// The only executable from which calls are removed; `None`: all.
    pub only: Option<String>,
    /// Whether the kernel is asked which calls the program makes; if not, they are those that
    /// its files hold.
    pub discovery: bool,
    /// The command that reads the program's files: it gets the program's path as its last
    /// argument, and prints [`crate::static_binary::analyse`]'s result as JSON. It runs next to
    /// discovery. `None`: nobody reads them.
    pub analyser: Option<Vec<OsString>>,
    /// Runs of each rule that have to agree.
    pub replicas: NonZeroU32,
    /// Runs that compute at a time; those that wait for their limit do not count.
    pub jobs: NonZeroU32,
    /// Ends each run; `None`: four times the slowest baseline, at least half a second.
    pub limit: Option<Duration>,
    /// Who writes the result: the tool and its version.
    pub tool: String,
    /// An interrupted result of the same request, whose verdicts are kept.
    pub earlier: Option<Usage>,
}

/// Why an exploration failed.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The program does not exist.
    #[error("cannot find the program {0:?} (is it installed and in PATH? a path also works)")]
    NoProgram(String),
    /// The command or an option is invalid.
    #[error("{0}")]
    Request(String),
    /// The test cannot be executed.
    #[error("{0} cannot be executed (fix: chmod +x, and for a script a first line like #!/bin/sh)")]
    TestNotExecutable(PathBuf),
    /// The program fails even with all its calls.
    #[error(
        "the program fails even with all its calls, so calls cannot be judged: \
        {reason}{output}"
    )]
    Baseline {
        /// What happened.
        reason: String,
        /// The end of the program's output, if it wrote any.
        output: String,
    },
    /// The test passes even without the program.
    #[error(
        "the test passes without the program, so it proves nothing: {0} (fix: make it fail if the \
         program does not answer, or if the log, its first argument, is empty)"
    )]
    ProvesNothing(String),
    /// The result to continue is about something else.
    #[error(
        "the result to continue has a different {what}: {earlier} instead of {now} (fix: choose \
         another --output, or leave out --resume)"
    )]
    Another {
        /// What differs.
        what: &'static str,
        /// In the result.
        earlier: String,
        /// In the request.
        now: String,
    },
    /// Without discovery, everything hangs on the program's files.
    #[error("without discovery, the calls come from the program's files: {0}")]
    Static(String),
    /// The only executable of interest never ran.
    #[error("the program never executes {0} (is it a script? then name its interpreter)")]
    NeverExecuted(PathBuf),
    /// The test failed by itself.
    #[error("the test itself fails: {0}")]
    Harness(String),
    /// The user interrupted before the first verdict.
    #[error("interrupted before the first verdict")]
    Interrupted,
    /// The runs cannot be isolated.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The progress of an exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The current stage.
    pub stage: &'static str,
    /// Runs of this stage that have ended.
    pub done: usize,
    /// Runs of this stage; groups may need more.
    pub of: usize,
}

/// Explores. Once `stop` is set, it returns the verdicts so far as an incomplete result.
pub fn explore(
    request: &Request,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Usage, ExploreError> {
    let began = jiff::Timestamp::now();
    contradictions(request)?;
    let subject = Subject::new(request)?;
    earlier::check(request, &subject)?;
    let slots = Slots::new(request.jobs.get());
    let scene = subject.scene(&slots, stop);
    let runner = |spec: &crate::run::Spec| crate::run::run(&scene, spec);
    let only = subject.only.clone();
    let mut lab = Laboratory::new(request, only, &runner, stop, progress);
    let read = subject.only.as_ref().unwrap_or(&subject.path);
    let mut files = Analysis::start(request, read);
    if !request.discovery {
        lab.assume(files.assumed()?);
    }
    baseline::explore(&mut lab, request)?;
    if stop.load(Ordering::Relaxed) {
        return Err(ExploreError::Interrupted);
    }
    let decided = earlier::decisions(request.earlier.as_ref());
    let decisions = rules::decide(&lab, request, decided)?;
    let unions = unions::explore(&lab, request, &decisions)?;
    assemble::assemble(
        request,
        &subject,
        lab,
        decisions,
        unions,
        files.finish(),
        began,
    )
}

/// Whether the program works in one run with all its calls.
pub(crate) fn works_once(request: &Request, stop: &AtomicBool) -> Result<bool, ExploreError> {
    let subject = Subject::new(request)?;
    let slots = Slots::new(request.jobs.get());
    let scene = subject.scene(&slots, stop);
    let runner = |spec: &crate::run::Spec| crate::run::run(&scene, spec);
    let lab = Laboratory::new(request, None, &runner, stop, &|_| {});
    let (ran, _) = lab.once(Purpose::Control, &lab.plain())?;
    if lab.is_stopped() {
        return Err(ExploreError::Interrupted);
    }
    Ok(ran.outcome == Outcome::Works)
}

/// Options that cannot both be meant.
fn contradictions(request: &Request) -> Result<(), ExploreError> {
    let wrong = |text: &str| Err(ExploreError::Request(text.into()));
    if !request.discovery && request.analyser.is_none() {
        return wrong(
            "without discovery, the calls come from the program's files: fix: use one of \
             --no-discovery and --no-static",
        );
    }
    if !request.discovery && (request.partial || request.paths || request.only.is_some()) {
        return wrong(
            "arguments, paths and executables are those that discovery saw: fix: leave \
             --no-discovery out",
        );
    }
    if request.modes.is_empty() {
        return wrong("name a mode: stub, fake or plausible");
    }
    if request.phase != Phase::All && request.ready.is_none() {
        return wrong(
            "without --ready, all is one phase: fix: say when the program is ready, or leave \
             --phase out",
        );
    }
    Ok(())
}

/// Calls that no filter can remove, because the kernel makes the program make them.
const UNTESTABLE: &[&str] = &["rt_sigreturn", "restart_syscall"];
