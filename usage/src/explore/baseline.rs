//! The program with all its calls: which calls it makes, how long it takes, and whether its
//! test fails without it.

use std::num::NonZeroU32;
use std::time::Duration;

use super::laboratory::Laboratory;
use super::{ExploreError, Request, parallel};
use crate::Outcome;
use crate::result::Purpose;
use crate::run::Ran;

/// Runs that have to pass.
const BASELINES: usize = 5;
/// A nondeterministic program may make new calls in each run.
const PASSES: u32 = 8;
/// The shortest time limit of a run.
const LEAST: Duration = Duration::from_millis(500);
/// How much slower than the slowest baseline a run may be.
const SLOWER: u32 = 4;

/// Finds the calls, the limit and the usual behaviour; fails if the test proves nothing.
pub fn explore(lab: &mut Laboratory<'_>, request: &Request) -> Result<(), ExploreError> {
    if request.discovery {
        discover(lab)?;
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..PASSES {
        let (found, time) = pass(lab)?;
        slowest = slowest.max(time);
        if !found {
            break;
        }
    }
    if let Some(only) = lab.never_executed() {
        return Err(ExploreError::NeverExecuted(only));
    }
    lab.patience = slowest;
    if request.limit.is_none() {
        lab.limit = LEAST.max(slowest * SLOWER);
    }
    if request.test.is_some() {
        control(lab)?;
    }
    Ok(())
}

/// The kernel asks about all calls, which makes this run slow: it may even fail.
fn discover(lab: &mut Laboratory<'_>) -> Result<(), ExploreError> {
    let mut spec = lab.plain();
    spec.origins = true;
    let (first, _) = lab.once(Purpose::Discovery, &spec)?;
    learn(lab, &first);
    lab.origins = first.origins;
    lab.read_only = first.read_only;
    Ok(())
}

/// Baselines that ask about new calls only. Returns whether there were any, and the time of
/// the slowest.
fn pass(lab: &mut Laboratory<'_>) -> Result<(bool, Duration), ExploreError> {
    let spec = lab.plain();
    // The first runs alone: if it fails, the others would also fail, and each may take
    // long.
    let mut ran = vec![baseline(lab, &spec)?];
    let jobs = NonZeroU32::min(lab.jobs, NonZeroU32::new(4).unwrap_or(NonZeroU32::MIN));
    let others = [(); BASELINES - 1];
    ran.extend(parallel::map(jobs, &others, |()| baseline(lab, &spec))?);
    let mut found = false;
    for ran in &ran {
        found |= learn(lab, ran);
        lab.usual.add(ran);
    }
    let slowest = ran.iter().map(|ran| ran.duration).max();
    Ok((found, slowest.unwrap_or_default()))
}

/// Records the behaviour of a run without rules; returns whether it made new calls.
fn learn(lab: &mut Laboratory<'_>, ran: &Ran) -> bool {
    for (abi, count) in &ran.foreign {
        let known = lab.foreign.entry(abi).or_default();
        *known = (*known).max(*count);
    }
    lab.seen.add_new(&ran.seen)
}

fn baseline(lab: &Laboratory<'_>, spec: &crate::run::Spec) -> Result<Ran, ExploreError> {
    let mut asked = 0;
    loop {
        let (ran, _) = lab.once(Purpose::Baseline, spec)?;
        if lab.is_stopped() {
            return Err(ExploreError::Interrupted);
        }
        match ran.outcome {
            Outcome::Works => return Ok(ran),
            Outcome::CannotTell if asked < 3 => asked += 1,
            Outcome::HarnessError => return Err(ExploreError::Harness(ran.reason)),
            _ => {
                let output = match ran.last_output.trim() {
                    "" => String::new(),
                    said => format!("\nits output ends with:\n{said}"),
                };
                let reason = ran.reason;
                return Err(ExploreError::Baseline { reason, output });
            }
        }
    }
}

/// The test without the program has to fail.
fn control(lab: &Laboratory<'_>) -> Result<(), ExploreError> {
    let mut spec = lab.plain();
    spec.program = false;
    let (ran, _) = lab.once(Purpose::Control, &spec)?;
    if lab.is_stopped() {
        return Err(ExploreError::Interrupted);
    }
    match ran.outcome {
        Outcome::Broken | Outcome::TimedOut => Ok(()),
        Outcome::Works => Err(ExploreError::ProvesNothing(ran.reason)),
        Outcome::HarnessError | Outcome::CannotTell => Err(ExploreError::Harness(format!(
            "without the program, {} (it has to exit with a status other than 0, 126, 127 and 200)",
            ran.reason
        ))),
    }
}
