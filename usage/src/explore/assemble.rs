//! Assembles the result from the verdicts.

use std::path::Path;
use std::thread;

use super::laboratory::Laboratory;
use super::rules::{Decision, Finding};
use super::subject::Subject;
use super::{ExploreError, Request, UNTESTABLE, files};
use crate::feature::Feature;
use crate::plausible::Recipe;
use crate::result::{
    CallUse, Machine, PartUse, Program, Test, Tried, TriedPlausible, Union, Usage, VERSION,
};
use crate::static_binary::{ApartError, StaticBinary};
use crate::{Arch, Call, Mode, Phase, Verdict};

/// Puts the result together.
pub fn assemble(
    request: &Request,
    subject: &Subject,
    lab: Laboratory<'_>,
    decisions: Vec<Decision>,
    unions: Vec<Union>,
    files: Option<Result<StaticBinary, ApartError>>,
    began: jiff::Timestamp,
) -> Result<Usage, ExploreError> {
    let features = lab.features();
    let whole = features.iter().filter(|feature| feature.is_whole());
    let calls = whole.map(|feature| call_use(&lab, &decisions, feature.call));
    // A rule that never fired shows that nobody made the call.
    let calls = calls.filter(|used| request.discovery || was_tried(used));
    let calls: Vec<_> = calls.collect();
    let seen = calls.iter().map(|used| used.call).collect();
    let files = files.map(|files| files::compare(&files, &seen));
    drop(features);
    Ok(Usage {
        version: VERSION,
        tool: request.tool.clone(),
        began: began.to_string(),
        ended: jiff::Timestamp::now().to_string(),
        complete: !lab.is_stopped(),
        program: program(request, subject)?,
        package: None,
        test: test(request, subject)?,
        machine: machine(subject, lab.read_only.iter().cloned().collect()),
        phase: request.phase,
        only: subject.only.as_ref().map(|only| only.display().to_string()),
        discovery: request.discovery,
        replicas: request.replicas.get(),
        jobs: request.jobs.get(),
        limit_s: lab.limit.as_secs_f64(),
        calls,
        unions,
        foreign: lab
            .foreign
            .iter()
            .map(|(abi, count)| ((*abi).to_owned(), *count))
            .collect(),
        files,
        runs: lab.into_runs(),
    })
}

fn call_use(lab: &Laboratory<'_>, decisions: &[Decision], call: Call) -> CallUse {
    let whole = Feature::from(call);
    let features = lab.features().into_iter();
    let parts = features.filter(|feature| feature.call == call && !feature.is_whole());
    let trials = Trials::of(decisions, &whole);
    CallUse {
        call,
        number: call.0,
        init: lab.seen.count(&whole, Phase::Init),
        serving: lab.seen.count(&whole, Phase::Serving),
        origin: lab
            .origins
            .get(&call)
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        verdict: verdict(lab, &trials, call),
        stub: trials.stub.map(tried),
        fake: trials.fake.map(tried),
        plausible: trials.plausible.and_then(plausible),
        parts: parts.map(|part| part_use(lab, decisions, part)).collect(),
    }
}

fn was_tried(used: &CallUse) -> bool {
    !matches!(used.verdict, Verdict::Masked | Verdict::Untestable)
}

fn part_use(lab: &Laboratory<'_>, decisions: &[Decision], part: &Feature) -> PartUse {
    let trials = Trials::of(decisions, part);
    PartUse {
        part: part.clone(),
        init: lab.seen.count(part, Phase::Init),
        serving: lab.seen.count(part, Phase::Serving),
        verdict: verdict(lab, &trials, part.call),
        stub: trials.stub.map(tried),
        fake: trials.fake.map(tried),
        plausible: trials.plausible.and_then(plausible),
    }
}

/// What each mode did.
struct Trials<'a> {
    stub: Option<&'a Decision>,
    fake: Option<&'a Decision>,
    plausible: Option<&'a Decision>,
}

impl<'a> Trials<'a> {
    fn of(decisions: &'a [Decision], feature: &Feature) -> Self {
        let of = |mode| {
            let mut decisions = decisions.iter();
            decisions.find(|decision| decision.feature == *feature && decision.mode == mode)
        };
        Self {
            stub: of(Mode::Stub),
            fake: of(Mode::Fake),
            plausible: of(Mode::Plausible),
        }
    }
}

fn plausible(decision: &Decision) -> Option<TriedPlausible> {
    let answer = Recipe::of(decision.feature.call)?.name();
    let tried = tried(decision);
    Some(TriedPlausible { answer, tried })
}

fn tried(decision: &Decision) -> Tried {
    Tried {
        works: match decision.finding {
            Finding::Works => Some(true),
            Finding::Broken => Some(false),
            Finding::Flaky | Finding::Masked | Finding::Nothing => None,
        },
        fragile: match decision.finding {
            Finding::Works => decision.unusual.iter().cloned().collect(),
            _ => Vec::new(),
        },
        runs: decision.runs.clone(),
    }
}

fn verdict(lab: &Laboratory<'_>, trials: &Trials<'_>, call: Call) -> Verdict {
    if UNTESTABLE.contains(&call.name().unwrap_or_default()) {
        return Verdict::Untestable;
    }
    let (Some(stub), Some(fake)) = (trials.stub, trials.fake) else {
        return Verdict::Untested;
    };
    let findings = [stub.finding, fake.finding];
    let any = |finding| findings.contains(&finding);
    if any(Finding::Nothing) {
        return if lab.is_stopped() {
            Verdict::Untested
        } else {
            Verdict::HarnessError
        };
    }
    if any(Finding::Flaky) {
        return Verdict::Flaky;
    }
    if any(Finding::Masked) {
        return Verdict::Masked;
    }
    Verdict::of(
        stub.finding == Finding::Works,
        fake.finding == Finding::Works,
    )
}

/// What is explored.
pub fn program(request: &Request, subject: &Subject) -> Result<Program, ExploreError> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Ok(Program {
        command: request.command.clone(),
        path: text(&subject.path),
        sha256: host::files::sha256_of(&subject.path)?,
        folder: text(&request.folder),
        stdin: request.input.as_deref().map(text),
    })
}

/// What decides whether it works.
pub fn test(request: &Request, subject: &Subject) -> Result<Test, ExploreError> {
    let path = subject.test_path.as_deref();
    Ok(Test {
        path: path.map(|path| path.to_string_lossy().into_owned()),
        sha256: path.map(host::files::sha256_of).transpose()?,
        ready: request.ready.as_ref().map(ToString::to_string),
    })
}

/// The machine, and the folders that the program cannot change.
pub fn machine(subject: &Subject, read_only: Vec<String>) -> Machine {
    let kernel = rustix::system::uname();
    let word = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Machine {
        kernel: format!("{} {}", word(kernel.release()), word(kernel.version())),
        arch: Arch::X86_64,
        cpus: thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        accounting: subject.accounting.name().to_owned(),
        read_only,
    }
}
