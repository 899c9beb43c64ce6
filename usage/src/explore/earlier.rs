//! Resumes an interrupted exploration.

use super::rules::{Decision, Finding};
use super::subject::Subject;
use super::{ExploreError, Request, assemble};
use crate::Mode;
use crate::feature::Feature;
use crate::result::{Tried, TriedPlausible, Usage};

/// Verdicts of another program, test, kernel or user would be wrong here.
pub fn check(request: &Request, subject: &Subject) -> Result<(), ExploreError> {
    let Some(earlier) = &request.earlier else {
        return Ok(());
    };
    let program = assemble::program(request, subject)?;
    let test = assemble::test(request, subject)?;
    let machine = assemble::machine(subject, Vec::new());
    let file = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "none".into());
    let ready = |ready: &Option<String>| ready.clone().unwrap_or_else(|| "none".into());
    let phase = |phase| format!("{phase:?}").to_lowercase();
    let facts = [
        (
            "command",
            earlier.program.command.join(" "),
            program.command.join(" "),
        ),
        ("program", earlier.program.sha256.clone(), program.sha256),
        ("folder", earlier.program.folder.clone(), program.folder),
        (
            "standard input",
            ready(&earlier.program.stdin),
            ready(&program.stdin),
        ),
        ("test", file(&earlier.test.sha256), file(&test.sha256)),
        (
            "--ready condition",
            ready(&earlier.test.ready),
            ready(&test.ready),
        ),
        ("phase", phase(earlier.phase), phase(request.phase)),
        (
            "executable",
            ready(&earlier.only),
            ready(&subject.only.as_ref().map(|only| only.display().to_string())),
        ),
        (
            "number of replicas",
            earlier.replicas.to_string(),
            request.replicas.to_string(),
        ),
        ("kernel", earlier.machine.kernel.clone(), machine.kernel),
        (
            "user",
            earlier.machine.uid.to_string(),
            machine.uid.to_string(),
        ),
    ];
    let other = facts.into_iter().find(|(_, earlier, now)| earlier != now);
    other.map_or(Ok(()), |(what, earlier, now)| {
        Err(ExploreError::Another { what, earlier, now })
    })
}

/// The verdicts so far.
pub fn decisions(earlier: Option<&Usage>) -> Vec<Decision> {
    let calls = earlier.into_iter().flat_map(|usage| &usage.calls);
    calls
        .flat_map(|used| {
            let whole = of_modes(
                &used.call.into(),
                [&used.stub, &used.fake],
                used.plausible.as_ref(),
            );
            let parts = used.parts.iter().flat_map(|part| {
                let tried = [&part.stub, &part.fake];
                of_modes(&part.part, tried, part.plausible.as_ref())
            });
            whole.into_iter().chain(parts).collect::<Vec<_>>()
        })
        .collect()
}

fn of_modes(
    feature: &Feature,
    [stub, fake]: [&Option<Tried>; 2],
    plausible: Option<&TriedPlausible>,
) -> Vec<Decision> {
    let modes = [
        (Mode::Stub, stub.as_ref()),
        (Mode::Fake, fake.as_ref()),
        (Mode::Plausible, plausible.map(|plausible| &plausible.tried)),
    ];
    let decisions = modes.into_iter();
    decisions
        .filter_map(|(mode, tried)| decision(feature, mode, tried))
        .collect()
}

fn decision(feature: &Feature, mode: Mode, tried: Option<&Tried>) -> Option<Decision> {
    let tried = tried?;
    let finding = match tried.works {
        Some(true) => Finding::Works,
        Some(false) => Finding::Broken,
        None => return None,
    };
    Some(Decision {
        feature: feature.clone(),
        mode,
        finding,
        unusual: tried.fragile.iter().cloned().collect(),
        runs: tried.runs.clone(),
    })
}
