//! The result of an exploration: usage.json.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Arch, Call, Feature, Mode, Outcome, Phase, Plausible, Verdict};

/// The version of the format.
pub const VERSION: u32 = 1;

/// One exploration of one program by one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// The version of this format.
    pub version: u32,
    /// The tool and its version.
    pub tool: String,
    /// When it began, in RFC 3339.
    pub began: String,
    /// When it ended, in RFC 3339.
    pub ended: String,
    /// Whether every call that the program made has its verdict, that is, whether it was not
    /// interrupted.
    pub complete: bool,
    /// What was explored.
    pub program: Program,
    /// The package of Debian whose tests it ran; `None`: not explored as a package.
    #[serde(default)]
    pub package: Option<Package>,
    /// How it was decided whether it works.
    pub test: Test,
    /// Where it ran.
    pub machine: Machine,
    /// The phase in which the rules applied.
    pub phase: Phase,
    /// The only executable that was recorded and that rules took calls away from; `None`: all.
    #[serde(default)]
    pub only: Option<String>,
    /// Whether the kernel was asked which calls the program makes. If not, they are those of
    /// its files that it made while a rule took them away, and nothing is counted.
    #[serde(default = "yes")]
    pub discovery: bool,
    /// Runs of each rule that had to agree.
    pub replicas: u32,
    /// Runs at a time.
    pub jobs: u32,
    /// Seconds after which a run was ended and repeated once with twice the limit.
    pub limit_s: f64,
    /// Every call that the program made, by number.
    pub calls: Vec<CallUse>,
    /// Rules that applied together.
    pub unions: Vec<Union>,
    /// Calls of other ABIs, to which rules do not apply: `i386` or `x32`, and how often.
    pub foreign: BTreeMap<String, u64>,
    /// The calls in the program's files; `None`: they were not read.
    #[serde(default, rename = "static")]
    pub files: Option<Files>,
    /// Every run, as it ended.
    pub runs: Vec<Run>,
}

fn yes() -> bool {
    true
}

/// The calls in the program's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Files {
    /// Why they could not be read.
    pub error: Option<String>,
    /// How many of the calls that were seen they hold.
    pub resolved: u32,
    /// Calls that were seen, and that they do not show.
    pub unresolved: Vec<Call>,
    /// Calls that they hold, and that were never seen.
    pub never_seen: Vec<Call>,
    /// Places where a call hides: its number is not known, or a library is loaded later.
    pub holes: Vec<String>,
}

/// What was explored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Program {
    /// The program and its arguments, as they were given.
    pub command: Vec<String>,
    /// Its file.
    pub path: String,
    /// The SHA-256 of that file.
    pub sha256: String,
    /// The folder that it ran in.
    pub folder: String,
    /// The file of its standard input; `None`: empty.
    pub stdin: Option<String>,
}

/// A package of Debian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Package {
    /// The source package.
    pub source: String,
    /// Its version.
    pub version: String,
    /// The folder with its source.
    pub folder: String,
    /// The shell command that ran its tests, in the source tree.
    pub test: String,
    /// The program that was explored, by its path in the source tree; `None`: everything that
    /// the tests executed.
    pub program: Option<String>,
}

/// How it was decided whether the program works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Test {
    /// The test's file; `None`: the program's exit status decided.
    pub path: Option<String>,
    /// The SHA-256 of that file.
    pub sha256: Option<String>,
    /// The condition for the program to be ready; `None`: it is not a server, and the test ran
    /// after it had exited.
    pub ready: Option<String>,
}

/// Where it ran, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// The kernel's release and version.
    pub kernel: String,
    /// The architecture of the call numbers.
    pub arch: Arch,
    /// CPUs that the runs could use.
    pub cpus: u32,
    /// The user and the group that the program had.
    pub uid: u32,
    /// See `uid`.
    pub gid: u32,
    /// Where the runs' CPU time and memory were read: `cgroup v2`, `cgroup v1`, or `wait` for
    /// wait(2).
    pub accounting: String,
    /// Folders that the program could see but not change, because they cannot have an overlay.
    pub read_only: Vec<String>,
}

/// One call of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallUse {
    /// Its name.
    pub call: Call,
    /// Its number.
    pub number: u32,
    /// How often it was made until the program was ready, in the first pass of discovery.
    pub init: u64,
    /// How often after that.
    pub serving: u64,
    /// The files that made it: the program or a library.
    pub origin: Vec<String>,
    /// What the program does without it.
    pub verdict: Verdict,
    /// What stubbing it did; `None`: not tried.
    pub stub: Option<Tried>,
    /// What faking it did; `None`: not tried.
    pub fake: Option<Tried>,
    /// What a plausible answer did; `None`: not tried, or there is none.
    #[serde(default)]
    pub plausible: Option<TriedPlausible>,
    /// Parts of it that rules took away alone.
    #[serde(default)]
    pub parts: Vec<PartUse>,
}

/// A part of a call: some values of an argument, or a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartUse {
    /// Its name.
    pub part: Feature,
    /// How often it was made until the program was ready, in the first pass of discovery.
    pub init: u64,
    /// How often after that.
    pub serving: u64,
    /// What the program does without it.
    pub verdict: Verdict,
    /// What stubbing it did; `None`: not tried.
    pub stub: Option<Tried>,
    /// What faking it did; `None`: not tried.
    pub fake: Option<Tried>,
    /// What a plausible answer did; `None`: not tried, or there is none.
    pub plausible: Option<TriedPlausible>,
}

/// What a plausible answer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TriedPlausible {
    /// Which one.
    pub answer: Plausible,
    /// What it did.
    #[serde(flatten)]
    pub tried: Tried,
}

/// The effect of one mode on one call, over all its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tried {
    /// The outcome that the runs agreed on; `None`: they disagreed, or none counts.
    pub works: Option<bool>,
    /// Why a passing run is fragile: other processes or calls than usual.
    pub fragile: Vec<String>,
    /// Its runs, as indexes into `runs`.
    pub runs: Vec<u32>,
}

/// Rules that applied together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Union {
    /// Whether they were stubs or fakes.
    pub mode: Mode,
    /// Every call, or part of one, that works in this mode alone.
    pub calls: Vec<Feature>,
    /// Whether the program works without all of them; `None`: the runs disagree.
    pub works: Option<bool>,
    /// Calls that work alone, but not together.
    pub conflicts: Vec<Vec<Feature>>,
    /// A maximal set that works: adding any other call breaks it.
    pub largest: Vec<Feature>,
    /// Its runs, as indexes into `runs`.
    pub runs: Vec<u32>,
}

/// What a run was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The program with all its calls.
    Baseline,
    /// The test without the program.
    Control,
    /// Discovery of its calls.
    Discovery,
    /// One rule.
    Rule,
    /// Several rules, to confirm each.
    Group,
    /// All rules of a mode, or a part of them.
    Union,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Run {
    /// What it was for.
    pub purpose: Purpose,
    /// The rules.
    pub rules: Vec<FiredRule>,
    /// How it ended.
    pub outcome: Outcome,
    /// The reason, as text.
    pub reason: String,
    /// From the program's start to the test's end.
    pub duration_s: f64,
    /// Its time limit in seconds.
    pub limit_s: f64,
    /// How the program ended before the run did: `exit 0`, `signal 11`; `None`: it was still
    /// running.
    pub program_end: Option<String>,
    /// Processes of the program when the test ended.
    pub processes: u32,
    /// Calls, and parts of them, that no run without rules had made.
    pub new_calls: Vec<Feature>,
    /// CPU time of all its processes.
    pub cpu_s: Option<f64>,
    /// The peak memory of all its processes; with wait(2), that of the largest process.
    pub memory_bytes: Option<u64>,
}

/// A rule of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FiredRule {
    /// The call, or the part of it.
    pub call: Feature,
    /// The answer that it got.
    pub mode: Mode,
    /// How often; `None`: the kernel applied it without asking us, because it fires often.
    pub fired: Option<u64>,
}

impl From<&Usage> for crate::database::Table {
    /// The calls in the format of the public database.
    fn from(usage: &Usage) -> Self {
        let need = |used: &CallUse| (used.call, used.verdict.into());
        Self(usage.calls.iter().map(need).collect())
    }
}

/// A result that was never measured.
#[cfg(test)]
pub(crate) fn example() -> Usage {
    let used = |number: u32, verdict| CallUse {
        call: Call(number),
        number,
        init: 1,
        serving: 0,
        origin: vec!["/usr/lib/libc.so.6".into()],
        verdict,
        stub: None,
        fake: None,
        plausible: None,
        parts: Vec::new(),
    };
    Usage {
        version: VERSION,
        tool: "tollgate".into(),
        began: "2026-01-01T00:00:00Z".into(),
        ended: "2026-01-01T00:00:01Z".into(),
        complete: true,
        program: Program {
            command: vec!["cat".into()],
            path: "/usr/bin/cat".into(),
            sha256: "0".repeat(64),
            folder: "/".into(),
            stdin: None,
        },
        package: None,
        test: Test {
            path: None,
            sha256: None,
            ready: None,
        },
        machine: Machine {
            kernel: "6.1.0".into(),
            arch: Arch::X86_64,
            cpus: 2,
            uid: 0,
            gid: 0,
            accounting: "wait".into(),
            read_only: Vec::new(),
        },
        phase: Phase::All,
        only: None,
        discovery: true,
        replicas: 2,
        jobs: 2,
        limit_s: 0.5,
        calls: vec![used(0, Verdict::Required), used(257, Verdict::Stub)],
        unions: Vec::new(),
        foreign: BTreeMap::new(),
        files: None,
        runs: Vec::new(),
    }
}
