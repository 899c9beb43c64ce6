//! A run in a few numbers, the basis of every table and plot.

mod alignment;
mod boot;
mod count;
mod csv;
mod drift;
mod findings;
pub mod fleet;
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
pub use fleet::Fleet;
pub use guest::{FEATURES, GuestCpu};
use json::OLDEST_VERSION;
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was run.
    #[serde(flatten)]
    pub info: RunInfo,
    /// The targets, in the experiment's order.
    pub targets: Vec<TargetSummary>,
    /// What several machines gave; `None` for a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
}

impl Summary {
    /// How the samples were taken, as text: "precise", or "paper and precise".
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

    /// The lines below every table: problems that the method's checks found, the rows'
    /// findings, and the doctor's findings about the machine.
    pub fn footnotes(&self) -> Vec<String> {
        let wrong = self.checks(|finding| finding.state != State::Ok);
        let doctor = self.info.doctor.iter().flat_map(Verdict::lines);
        let rows = findings::of_rows(self).into_iter();
        let counts = findings::of_counts(self);
        let fleet = self.fleet.iter().flat_map(Fleet::lines);
        fleet
            .chain(wrong)
            .chain(counts)
            .chain(rows)
            .chain(doctor)
            .collect()
    }

    /// What a reader should know, one line each, most serious first: failed boots, rows that
    /// are not measurements or counts, whose path was counted, the run's `notes`, then the
    /// rows' findings and the other results of the checks.
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

    /// The findings of the method's checks, one line each.
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

    /// Whether any row has an interval; none has if all targets have too few boots.
    pub fn has_intervals(&self) -> bool {
        let mut rows = self.targets.iter().flat_map(|target| &target.rows);
        rows.any(|row| row.interval.is_some())
    }

    /// Whether any row is known in core cycles.
    pub fn has_cycles(&self) -> bool {
        let mut rows = self.targets.iter().flat_map(|target| &target.rows);
        rows.any(|row| row.cycles.is_some())
    }

    /// Whether targets were timed by different methods, in which case every row has to name its
    /// method.
    pub fn is_mixed(&self) -> bool {
        let methods = self.targets.iter().map(|target| target.info.method);
        let mut methods = methods.filter(|method| *method != Some(Method::Exact));
        let first = methods.next();
        methods.any(|method| Some(method) != first)
    }
}

/// The part of a summary about the run as a whole.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The experiment's name.
    pub experiment: String,
    /// Why a merged run is not all of the experiment; `None` if it is, or is not merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// The counter's frequency. Without it, nanoseconds are missing.
    pub tsc: Option<Tsc>,
    /// Facts that every reader needs, one line each.
    pub notes: Vec<String>,
    /// The doctor's verdict on the machine when the run began; `None` if the doctor did not
    /// run.
    pub doctor: Option<Verdict>,
}

impl RunInfo {
    /// The lines above every table and plot. If the run is incomplete or the machine was unfit for
    /// measuring, that comes first.
    pub fn headlines(&self) -> Vec<String> {
        let unfit = self.doctor.as_ref().and_then(Verdict::headline);
        let first = self.incomplete.clone().into_iter().chain(unfit);
        first.chain(self.notes.clone()).collect()
    }
}

/// The time stamp counter's frequency.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tsc {
    /// Ticks a second.
    pub hz: TscHz,
    /// Where it comes from.
    pub source: String,
}

/// Facts about a target, apart from its samples.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// The name in the experiment and in files.
    pub name: String,
    /// The name for readers.
    pub label: String,
    /// How its samples were taken; `None` for logs of the original program. Rows of different
    /// methods are never compared.
    #[serde(with = "crate::names::method")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub method: Option<Method>,
    /// What boots it.
    pub engine: String,
    /// Whether the processor is emulated: its ticks do not measure time, but its instructions
    /// are exact.
    pub emulated: bool,
    /// The timed target in whose rows its instructions appear; `None` if it does not count for
    /// another target.
    pub counts_for: Option<String>,
    /// The processor that the emulator was asked to emulate.
    pub cpu_model: Option<String>,
    /// Features of that processor that the emulator leaves out, by its own names.
    pub cpu_lacks: Vec<String>,
    /// The processor as its kernel found it, if the kernel reports it.
    pub guest: Option<GuestCpu>,
    /// Whether the method holds there, by the evidence of its own logs (docs/METHOD.md). Empty
    /// without evidence, and if an emulated processor was timed.
    pub checks: Vec<Finding>,
    /// Why there is nothing to boot, and one line on how to change that.
    pub missing: Option<Missing>,
    /// Boots whose logs were complete.
    pub boots_ok: u32,
    /// Boots that failed and are excluded from all results.
    pub boots_failed: u32,
}

impl TargetInfo {
    /// How its samples were taken, in one word or two.
    pub fn method_name(&self) -> &'static str {
        self.method.map_or("original program's", Method::name)
    }

    /// Its name for readers; for a target that counts for another, the other's name.
    pub fn title(&self) -> String {
        match self.counts_for {
            Some(_) => format!("{}, counted", self.label),
            None => self.label.clone(),
        }
    }

    /// How many of its boots failed, in a sentence; `None` if none did.
    pub fn failed_boots(&self) -> Option<String> {
        (self.boots_failed > 0).then(|| {
            format!(
                "{}: {} of {} boots failed; failed boots are excluded from all results.",
                self.title(),
                self.boots_failed,
                u64::from(self.boots_ok) + u64::from(self.boots_failed)
            )
        })
    }

    /// Why it has no rows, although it could be booted.
    pub fn without_rows(&self) -> &'static str {
        match self.boots_ok {
            0 => "no boot succeeded",
            _ => "watched: see watches.txt",
        }
    }

    /// Whether its ticks are an emulator's, and so do not measure time.
    pub fn measures_emulator(&self) -> bool {
        self.emulated && self.method != Some(Method::Exact)
    }

    /// Whether its clock chains measure its core's clock, according to the check of them.
    pub fn has_core_clock(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|found| found.check == CLOCK_CHAINS && found.state == State::Ok)
    }
}

/// Why a target was not booted.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What is missing, as two words: `no image`.
    pub what: String,
    /// How to provide one, in one line.
    pub hint: String,
}

/// A target's numbers.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// The target.
    #[serde(flatten)]
    pub info: TargetInfo,
    /// One row per benchmark; empty if no boot succeeded, and if instructions were counted.
    pub rows: Vec<Row>,
    /// One count per benchmark; empty if time was measured.
    pub counts: Vec<Count>,
}

/// Why a run cannot be summarised.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Samples of a target that is not in the experiment.
    #[error(
        "the samples of target {0:?} are from another run: the experiment does not have this target"
    )]
    UnknownTarget(String),
    /// Samples of a boot that is not in the run.
    #[error(
        "the samples of boot {boot} of {target:?} are from another run: this run does not have \
         this boot"
    )]
    UnknownBoot {
        /// The target's name.
        target: String,
        /// Which boot.
        boot: u32,
    },
    /// Two targets with the same name.
    #[error("two targets are called {0:?}")]
    TwoTargets(String),
    /// An impossible frequency.
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
    #[error(
        "summary.json has version {found}, but this tool reads versions {OLDEST_VERSION} to {FORMAT_VERSION}"
    )]
    Version {
        /// Its version.
        found: u64,
    },
}
