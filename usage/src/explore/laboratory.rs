//! Runs, and the record of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{ExploreError, Progress, Request, parallel};
use crate::feature::{Feature, Part};
use crate::result::{FiredRule, Purpose, Run};
use crate::run::{Parts, Ran, Spec, describe};
use crate::seen::Seen;
use crate::{Call, Mode, Outcome, Phase, SandboxError};

/// What runs a specification.
pub type Runner<'a> = dyn Fn(&Spec) -> Result<Ran, SandboxError> + Sync + 'a;

/// How often a run is repeated if its test cannot decide.
const ASKED_AGAIN: u32 = 3;
/// A rule that fires more often than this is not counted, because each question takes
/// some microseconds.
const COUNTED: u64 = 2000;
/// Runs for each job, with those that wait for their limit.
const WAITING: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// For a program whose speed is still unknown.
const FIRST_LIMIT: Duration = Duration::from_secs(300);

/// Rules that apply together.
pub type Rules = BTreeMap<Feature, Mode>;

/// Makes runs of one program.
pub struct Laboratory<'a> {
    runner: &'a Runner<'a>,
    stop: &'a AtomicBool,
    progress: &'a (dyn Fn(Progress) + Sync),
    pub jobs: NonZeroU32,
    pub phase: Phase,
    parts: Parts,
    only: Option<PathBuf>,
    /// Whether the kernel asks about calls that nobody has seen.
    asks: bool,
    /// The time limit of a run; a run that reaches it is repeated once with twice the
    /// limit.
    pub limit: Duration,
    /// A run that takes longer than this most likely waits for its limit.
    pub patience: Duration,
    /// Calls of runs without rules.
    pub seen: Seen,
    pub foreign: BTreeMap<&'static str, u64>,
    pub origins: BTreeMap<Call, BTreeSet<String>>,
    /// Folders that runs could not change.
    pub read_only: BTreeSet<String>,
    /// The usual behaviour: that of runs without rules.
    pub usual: Usual,
    runs: Mutex<Vec<Run>>,
}

/// The usual behaviour: that of runs without rules.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    pub processes: BTreeSet<u32>,
    pub program_status: BTreeSet<Option<i32>>,
    pub killed_orphans: BTreeSet<u32>,
}

/// The outcome of a run, or of its repetition.
#[derive(Clone, Debug)]
pub struct Observation {
    /// `None` if the harness failed or could not decide.
    pub works: Option<bool>,
    /// How often each counted rule fired.
    pub fired: BTreeMap<Feature, u64>,
    /// How it differed from runs without rules.
    pub unusual: Vec<String>,
    /// Its index in the record, and those of the runs that it repeats.
    pub runs: Vec<u32>,
}

impl<'a> Laboratory<'a> {
    pub fn new(
        request: &Request,
        only: Option<PathBuf>,
        runner: &'a Runner<'a>,
        stop: &'a AtomicBool,
        progress: &'a (dyn Fn(Progress) + Sync),
    ) -> Self {
        let earlier = request.earlier.as_ref();
        Self {
            runner,
            stop,
            progress,
            jobs: request.jobs,
            phase: request.phase,
            parts: Parts {
                arguments: request.partial,
                paths: request.paths,
            },
            only,
            asks: request.discovery,
            limit: request.limit.unwrap_or(FIRST_LIMIT),
            patience: Duration::MAX,
            seen: Seen::default(),
            foreign: BTreeMap::new(),
            origins: BTreeMap::new(),
            read_only: BTreeSet::new(),
            usual: Usual::default(),
            runs: Mutex::new(earlier.map(|usage| usage.runs.clone()).unwrap_or_default()),
        }
    }

    /// Whether the user has interrupted.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The requested executable, if no run without rules executed it.
    pub fn never_executed(&self) -> Option<PathBuf> {
        let any = !self.seen.calls(Phase::All).is_empty();
        self.only.clone().filter(|_| !any)
    }

    /// Calls of the phase that is explored, and their parts.
    pub fn features(&self) -> BTreeSet<&Feature> {
        self.seen.features(self.phase)
    }

    /// Every run until now.
    pub fn into_runs(self) -> Vec<Run> {
        self.runs
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes calls for seen that nobody has asked about.
    pub fn assume(&mut self, calls: BTreeSet<Call>) {
        for call in calls {
            self.seen.init.insert(call.into(), 0);
            self.seen.serving.insert(call.into(), 0);
        }
    }

    /// A run without rules.
    pub fn plain(&self) -> Spec {
        let known = match self.phase {
            Phase::All => self.seen.calls(Phase::All),
            // A call that was seen in one phase may be new in the other.
            _ => {
                let serving = self.seen.calls(Phase::Serving);
                let init = self.seen.calls(Phase::Init);
                init.intersection(&serving).copied().collect()
            }
        };
        let values = match self.phase {
            Phase::All => self.seen.values.clone(),
            _ => BTreeMap::new(),
        };
        Spec {
            program: true,
            rules: Rules::new(),
            phase: self.phase,
            known,
            values,
            parts: self.parts,
            only: self.only.clone(),
            asks: self.asks,
            uncounted: BTreeSet::new(),
            origins: false,
            limit: self.limit,
            patience: self.patience,
        }
    }

    /// One run, recorded.
    pub fn once(&self, purpose: Purpose, spec: &Spec) -> Result<(Ran, u32), ExploreError> {
        let ran = (self.runner)(spec)?;
        let run = Run {
            purpose,
            rules: spec
                .rules
                .iter()
                .map(|(feature, mode)| fired_rule(feature, *mode, &ran))
                .collect(),
            outcome: ran.outcome,
            reason: ran.reason.clone(),
            duration_s: ran.duration.as_secs_f64(),
            limit_s: spec.limit.as_secs_f64(),
            program_end: ran.program_status.map(describe),
            processes: ran.processes,
            new_calls: self.new_calls(&ran),
            cpu_s: ran.used.cpu.map(|time| time.as_secs_f64()),
            memory_bytes: ran.used.memory,
        };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push(run);
        Ok((ran, runs.len() as u32 - 1))
    }

    /// Several sets of rules, at the same time.
    pub fn try_all(
        &self,
        stage: &'static str,
        purpose: Purpose,
        rules: &[Rules],
    ) -> Result<Vec<Observation>, ExploreError> {
        let done = AtomicUsize::new(0);
        let of = rules.len();
        (self.progress)(Progress { stage, done: 0, of });
        // The runs themselves keep those that compute to the number of jobs.
        let threads = self.jobs.saturating_mul(WAITING);
        parallel::map(threads, rules, |rules| {
            let observation = self.try_rules(purpose, rules);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(Progress { stage, done, of });
            observation
        })
    }

    /// The program with these rules; repeated if the outcome may be wrong.
    fn try_rules(&self, purpose: Purpose, rules: &Rules) -> Result<Observation, ExploreError> {
        let often = |(feature, mode): &(&Feature, &Mode)| {
            let by_us = matches!(feature.part, Part::Path(_)) || **mode == Mode::Plausible;
            !by_us && self.seen.count(feature, Phase::All) > COUNTED
        };
        let mut spec = Spec {
            rules: rules.clone(),
            known: self.seen.calls(Phase::All),
            ..self.plain()
        };
        if self.phase == Phase::All && self.only.is_none() {
            let often = rules.iter().filter(often);
            spec.uncounted = often.map(|(feature, _)| feature.clone()).collect();
        }
        let (mut places, mut again, mut asked) = (Vec::new(), purpose != Purpose::Group, 0);
        loop {
            let (ran, place) = if self.is_stopped() {
                return Ok(Observation::nothing(places));
            } else {
                self.once(purpose, &spec)?
            };
            places.push(place);
            match ran.outcome {
                Outcome::TimedOut | Outcome::HarnessError if again && !self.is_stopped() => {
                    // A busy machine is slow now and then.
                    spec.limit *= 2;
                    again = false;
                }
                Outcome::CannotTell if asked < ASKED_AGAIN => asked += 1,
                _ => return Ok(self.observe(&ran, places)),
            }
        }
    }

    fn observe(&self, ran: &Ran, runs: Vec<u32>) -> Observation {
        Observation {
            works: match ran.outcome {
                Outcome::Works => Some(true),
                Outcome::Broken | Outcome::TimedOut => Some(false),
                Outcome::CannotTell | Outcome::HarnessError => None,
            },
            fired: ran.fired.clone(),
            unusual: self.unusual(ran),
            runs,
        }
    }

    fn new_calls(&self, ran: &Ran) -> Vec<Feature> {
        let known = self.seen.features(Phase::All);
        let new = ran.seen.features(Phase::All).into_iter();
        new.filter(|feature| !known.contains(feature))
            .cloned()
            .collect()
    }

    fn unusual(&self, ran: &Ran) -> Vec<String> {
        let mut unusual = Vec::new();
        let usual = &self.usual;
        if !usual.processes.contains(&ran.processes) {
            unusual.push(format!(
                "{} instead of {} at the end",
                processes(ran.processes),
                any_of(&usual.processes)
            ));
        }
        if !usual.program_status.contains(&ran.program_status) {
            let end = ran
                .program_status
                .map_or("it kept running".into(), describe);
            unusual.push(format!("the program ended differently: {end}"));
        }
        let most = usual.killed_orphans.last().copied().unwrap_or_default();
        if ran.killed_orphans > most {
            let killed = processes(ran.killed_orphans - most);
            unusual.push(format!("a signal killed {killed} more"));
        }
        for call in self.new_calls(ran) {
            unusual.push(format!("{call} was called instead"));
        }
        unusual
    }
}

impl Observation {
    fn nothing(runs: Vec<u32>) -> Self {
        Self {
            works: None,
            fired: BTreeMap::new(),
            unusual: Vec::new(),
            runs,
        }
    }
}

impl Usual {
    /// One more run without rules.
    pub fn add(&mut self, ran: &Ran) {
        self.processes.insert(ran.processes);
        self.program_status.insert(ran.program_status);
        self.killed_orphans.insert(ran.killed_orphans);
    }
}

fn fired_rule(feature: &Feature, mode: Mode, ran: &Ran) -> FiredRule {
    let fired = ran.fired.get(feature).copied();
    let call = feature.clone();
    FiredRule { call, mode, fired }
}

fn processes(count: u32) -> String {
    match count {
        1 => "1 process".into(),
        _ => format!("{count} processes"),
    }
}

fn any_of(counts: &BTreeSet<u32>) -> String {
    let counts: Vec<_> = counts.iter().map(u32::to_string).collect();
    counts.join(" or ")
}
