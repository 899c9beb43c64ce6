//! The result, of all that was decided.

use std::path::Path;
use std::thread;

use super::laboratory::Laboratory;
use super::rules::{Decision, Finding};
use super::subject::Subject;
use super::{ExploreError, Request, UNTESTABLE};
use crate::result::{CallUse, Machine, Program, Test, Tried, Union, Usage, VERSION};
use crate::{Arch, Call, Mode, Phase, Verdict};

/// Puts the result together.
pub fn assemble(
    request: &Request,
    subject: &Subject,
    lab: Laboratory<'_>,
    decisions: Vec<Decision>,
    unions: Vec<Union>,
    began: jiff::Timestamp,
) -> Result<Usage, ExploreError> {
    let calls = lab
        .calls()
        .into_iter()
        .map(|call| call_use(&lab, &decisions, call))
        .collect();
    Ok(Usage {
        version: VERSION,
        tool: request.tool.clone(),
        began: began.to_string(),
        ended: jiff::Timestamp::now().to_string(),
        complete: !lab.is_stopped(),
        program: program(request, subject)?,
        test: test(request, subject)?,
        machine: machine(subject, lab.read_only.iter().cloned().collect()),
        phase: request.phase,
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
        runs: lab.into_runs(),
    })
}

fn call_use(lab: &Laboratory<'_>, decisions: &[Decision], call: Call) -> CallUse {
    let decision = |mode| {
        let mut decisions = decisions.iter();
        decisions.find(|decision| decision.call == call && decision.mode == mode)
    };
    let (stub, fake) = (decision(Mode::Stub), decision(Mode::Fake));
    CallUse {
        call,
        number: call.0,
        init: lab.seen.count(call, Phase::Init),
        serving: lab.seen.count(call, Phase::Serving),
        origin: lab
            .origins
            .get(&call)
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        verdict: verdict(lab, call, stub, fake),
        stub: stub.map(tried),
        fake: fake.map(tried),
    }
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

fn verdict(
    lab: &Laboratory<'_>,
    call: Call,
    stub: Option<&Decision>,
    fake: Option<&Decision>,
) -> Verdict {
    if UNTESTABLE.contains(&call.name().unwrap_or_default()) {
        return Verdict::Untestable;
    }
    let (Some(stub), Some(fake)) = (stub, fake) else {
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

/// Where it runs, and which folders it cannot change there.
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
