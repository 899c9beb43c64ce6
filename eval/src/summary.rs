//! A run in a few numbers: what every table and plot is made from.

mod alignment;
mod boot;
mod count;
mod csv;
mod drift;
mod findings;
mod guest;
mod json;
mod models;
mod modes;
mod platform;
mod process;
mod row;

use contract::{Benchmark, Method};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use count::counts;
pub use count::{Count, Seen};
pub use csv::write_csv;
pub use guest::{FEATURES, GuestCpu};
pub use json::{FORMAT_VERSION, read_json, write_json};
pub use models::ModelGroup;
pub use platform::{Line, Platform};
pub use process::{BootInfo, summarize};
pub use row::{
    AlignedMedian, Alignments, BootMedian, Drift, Figures, InCycles, Mode, ModeTest, ModeVerdict,
    Modes, Ratio, Row, SampleModes, Trend, TrendVerdict, View,
};

use crate::method_checks::CLOCK_CHAINS;
use crate::stats::StatsError;
use crate::units::TscHz;
use crate::verdict::{Finding, State, Verdict};

/// A run in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was run.
    #[serde(flatten)]
    pub info: RunInfo,
    /// The targets, in the experiment's order.
    pub targets: Vec<TargetSummary>,
}

impl Summary {
    /// How the samples were taken, in words: "precise", or "paper and precise".
    pub fn methods(&self) -> String {
        let mut names = Vec::new();
        for target in &self.targets {
            let name = target.info.method_name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }

    /// What stands under every table, a line each: what the method's checks found wrong,
    /// what the rows' findings are, and what the doctor says of the machine.
    pub fn footnotes(&self) -> Vec<String> {
        let wrong = self.checks(|finding| finding.state != State::Ok);
        let doctor = self.info.doctor.iter().flat_map(Verdict::lines);
        let rows = findings::of_rows(self).into_iter();
        let counts = findings::of_counts(self);
        wrong.chain(counts).chain(rows).chain(doctor).collect()
    }

    /// What a reader should know, a line each, the gravest first: what is in no number, what
    /// is no measurement or no count, whose path was counted, the run's `notes`, then the rows'
    /// findings and what else the checks found.
    pub fn first_findings(&self, notes: &[String]) -> Vec<String> {
        let failed = self.targets.iter().filter_map(|t| t.info.failed_boots());
        let unfit = self.checks(|finding| finding.state == State::Unfit);
        let path = |finding: &Finding| finding.check == guest::CHECK;
        let another_path = self.checks(move |found| path(found) && found.state == State::Warning);
        let others = self.checks(move |found| {
            !path(found) && matches!(found.state, State::Warning | State::Unknown)
        });
        failed
            .chain(unfit)
            .chain(findings::of_counts(self))
            .chain(another_path)
            .chain(notes.iter().cloned())
            .chain(findings::of_rows(self))
            .chain(others)
            .collect()
    }

    /// What the method's checks found, a line each.
    fn checks(&self, wanted: impl Fn(&Finding) -> bool) -> impl Iterator<Item = String> {
        self.targets.iter().flat_map(move |target| {
            let findings = target.info.checks.iter().filter(|finding| wanted(finding));
            let line = |f: &Finding| {
                let label = target.info.title();
                format!("Method, {}: {label}: {}: {}.", f.state, f.check, f.what)
            };
            findings.map(line).collect::<Vec<_>>()
        })
    }

    /// Whether there is any interval; there is none where all targets have too few boots.
    pub fn has_intervals(&self) -> bool {
        let mut rows = self.targets.iter().flat_map(|target| &target.rows);
        rows.any(|row| row.interval.is_some())
    }

    /// Whether any row is known in core cycles.
    pub fn has_cycles(&self) -> bool {
        let mut rows = self.targets.iter().flat_map(|target| &target.rows);
        rows.any(|row| row.cycles.is_some())
    }

    /// Whether targets were timed by different methods, which every row has to say then.
    pub fn is_mixed(&self) -> bool {
        let methods = self.targets.iter().map(|target| target.info.method);
        let mut methods = methods.filter(|method| *method != Some(Method::Exact));
        let first = methods.next();
        methods.any(|method| Some(method) != first)
    }
}

/// What a summary says of the run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The experiment's name.
    pub experiment: String,
    /// The counter's frequency. Without it there are no nanoseconds.
    pub tsc: Option<Tsc>,
    /// What a reader must know, a line each.
    pub notes: Vec<String>,
    /// What the doctor said of the machine when the run began; `None` where it was
    /// not asked.
    pub doctor: Option<Verdict>,
}

impl RunInfo {
    /// What stands above every table and plot, a line each. That the machine was unfit
    /// for measuring comes first.
    pub fn headlines(&self) -> Vec<String> {
        let unfit = self.doctor.as_ref().and_then(Verdict::headline);
        unfit.into_iter().chain(self.notes.clone()).collect()
    }
}

/// The time stamp counter's frequency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tsc {
    /// Ticks a second.
    pub hz: TscHz,
    /// Where that is known from.
    pub source: String,
}

/// What is known of a target before its samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// The name in the experiment and in files.
    pub name: String,
    /// The name for readers.
    pub label: String,
    /// How its samples were taken; `None` for logs of the original program. Rows of two
    /// methods are never compared.
    #[serde(with = "crate::names::method")]
    pub method: Option<Method>,
    /// What boots it.
    pub engine: String,
    /// True where the processor is emulated: there ticks measure no time. Instructions are
    /// exact all the same.
    pub emulated: bool,
    /// The timed target beside which its instructions stand; `None` where it is none's
    /// counted companion.
    pub counts_for: Option<String>,
    /// The processor that the emulator was asked for.
    pub cpu_model: Option<String>,
    /// Features of that processor which the emulator leaves out, as it names them.
    pub cpu_lacks: Vec<String>,
    /// The processor as its kernel found it, where that says so.
    pub guest: Option<GuestCpu>,
    /// Whether the method holds there, as its own logs tell (docs/METHOD.md). Empty where
    /// they do not, and where time was taken on an emulated processor.
    pub checks: Vec<Finding>,
    /// Why there is nothing to boot, and one line on how to change that.
    pub missing: Option<Missing>,
    /// Boots whose logs were complete.
    pub boots_ok: u32,
    /// Boots that failed and are in no number.
    pub boots_failed: u32,
}

impl TargetInfo {
    /// How its samples were taken, in one word or two.
    pub fn method_name(&self) -> &'static str {
        self.method.map_or("original program's", Method::name)
    }

    /// Its name for readers; a counted companion has the name of the target it counts for.
    pub fn title(&self) -> String {
        match self.counts_for {
            Some(_) => format!("{}, counted", self.label),
            None => self.label.clone(),
        }
    }

    /// How many of its boots failed, in a sentence; `None` where none did.
    pub fn failed_boots(&self) -> Option<String> {
        (self.boots_failed > 0).then(|| {
            format!(
                "{}: {} of {} boots failed and are in no number.",
                self.title(),
                self.boots_failed,
                u64::from(self.boots_ok) + u64::from(self.boots_failed)
            )
        })
    }

    /// Whether its ticks are an emulator's, and measure no time.
    pub fn measures_emulator(&self) -> bool {
        self.emulated && self.method != Some(Method::Exact)
    }

    /// Whether its clock chains tell its core's clock: the check of them has to say so.
    pub fn has_core_clock(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|found| found.check == CLOCK_CHAINS && found.state == State::Ok)
    }
}

/// Why a target was not booted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What is missing, in two words: `no image`.
    pub what: String,
    /// How to give one, in one line.
    pub hint: String,
}

/// A target's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// The target.
    #[serde(flatten)]
    pub info: TargetInfo,
    /// One row a benchmark; none where no boot succeeded, and where instructions were counted.
    pub rows: Vec<Row>,
    /// One count a benchmark; none where time was taken.
    pub counts: Vec<Count>,
}

/// Why there is no summary.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Samples of a target that the experiment lacks.
    #[error(
        "there are samples of a target {0:?} that the experiment does not have: they are from another run"
    )]
    UnknownTarget(String),
    /// Samples of a boot that the run lacks.
    #[error(
        "there are samples of boot {boot} of {target:?}, which is not among the run's boots: they are from another run"
    )]
    UnknownBoot {
        /// The target's name.
        target: String,
        /// Which boot.
        boot: u32,
    },
    /// Two targets of one name.
    #[error("two targets are called {0:?}")]
    TwoTargets(String),
    /// A frequency that cannot be one.
    #[error("the TSC's frequency cannot be {0} Hz")]
    Frequency(f64),
    /// Values without statistics.
    #[error("target {target:?}, `{}`: {error}", benchmark.name())]
    Stats {
        /// The target's name.
        target: String,
        /// What was timed.
        benchmark: Benchmark,
        /// Why.
        error: StatsError,
    },
    /// The file itself.
    #[error("{file}: {error}")]
    Io {
        /// The file's usual name.
        file: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// Not a summary, or a damaged one.
    #[error("summary.json: {0}")]
    Json(serde_json::Error),
    /// Written by another version.
    #[error("summary.json is in version {found}, and this tool reads version {FORMAT_VERSION}")]
    Version {
        /// The version that it says.
        found: u64,
    },
}
