//! What an exploration found: usage.json.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Arch, Call, Feature, Mode, Outcome, Phase, Plausible, Verdict};

/// The version of the form that is written.
pub const VERSION: u32 = 1;

/// One exploration of one program by one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// The version of this form.
    pub version: u32,
    /// The tool and its version.
    pub tool: String,
    /// When it began and ended, in RFC 3339.
    pub began: String,
    /// See `began`.
    pub ended: String,
    /// Whether every call that the program made has its verdict: it was not interrupted.
    pub complete: bool,
    /// What was explored.
    pub program: Program,
    /// How it was decided whether it works.
    pub test: Test,
    /// Where it ran.
    pub machine: Machine,
    /// When the rules held.
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
    /// Seconds after which a run was ended; once more with twice of it before it counted.
    pub limit_s: f64,
    /// Every call that the program made, by number.
    pub calls: Vec<CallUse>,
    /// Rules that held together.
    pub unions: Vec<Union>,
    /// Calls of other ABIs, which no rule took away: `i386` or `x32`, and how often.
    pub foreign: BTreeMap<String, u64>,
    /// What the program's files say of its calls; `None`: nobody read them.
    #[serde(default, rename = "static")]
    pub files: Option<Files>,
    /// Every run, as it ended.
    pub runs: Vec<Run>,
}

fn yes() -> bool {
    true
}

/// What the program's files say of its calls.
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

/// How it was decided whether the program works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Test {
    /// The test's file; `None`: the program's exit status decided.
    pub path: Option<String>,
    /// The SHA-256 of that file.
    pub sha256: Option<String>,
    /// What made the program ready; `None`: it is no server, its test followed its end.
    pub ready: Option<String>,
}

/// Where it ran, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// The kernel's release and version.
    pub kernel: String,
    /// Whose call numbers.
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
    /// Folders that the program could see, but not change, because no layer could be put
    /// over them.
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
    /// What made it: the program, or which library.
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

/// What one mode of one call did, by all its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tried {
    /// What the runs agreed on; `None`: they did not, or none counts.
    pub works: Option<bool>,
    /// Why a passing run is fragile: other processes or calls than usual.
    pub fragile: Vec<String>,
    /// Its runs, as places in `runs`.
    pub runs: Vec<u32>,
}

/// Rules that held together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Union {
    /// What they did to their calls.
    pub mode: Mode,
    /// Every call, or part of one, that works in this mode alone.
    pub calls: Vec<Feature>,
    /// Whether the program works without all of them; `None`: the runs disagree.
    pub works: Option<bool>,
    /// Calls that work alone, but not together.
    pub conflicts: Vec<Vec<Feature>>,
    /// A largest set that works: no call of the others can be added.
    pub largest: Vec<Feature>,
    /// Its runs, as places in `runs`.
    pub runs: Vec<u32>,
}

/// What a run was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The program as it is.
    Baseline,
    /// The test without the program.
    Control,
    /// Which calls does it make?
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
    /// What was taken away.
    pub rules: Vec<FiredRule>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for a reader.
    pub reason: String,
    /// From the program's start to the test's end.
    pub duration_s: f64,
    /// Seconds after which it would have been ended.
    pub limit_s: f64,
    /// How the program ended before the run did: `exit 0`, `signal 11`; `None`: it lived on.
    pub program_end: Option<String>,
    /// Processes of the program when the test ended.
    pub processes: u32,
    /// Calls, and parts of them, that no run without rules had made.
    pub new_calls: Vec<Feature>,
    /// CPU time of all its processes.
    pub cpu_s: Option<f64>,
    /// The most memory that its processes had at once; by wait(2), the most of one process.
    pub memory_bytes: Option<u64>,
}

/// A rule of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FiredRule {
    /// The call, or the part of it.
    pub call: Feature,
    /// What it got.
    pub mode: Mode,
    /// How often; `None`: the kernel applied it without asking us, because it fires often.
    pub fired: Option<u64>,
}

impl From<&Usage> for crate::database::Table {
    /// The calls as the public database has them.
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
