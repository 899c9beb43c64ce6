//! The command line of `tollgate usage`.

mod data;
mod generate;
mod package;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, thread};

use ::usage::explore::Request;
use ::usage::result::Usage;
use ::usage::{Mode, Phase, Ready};
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::parse_positive;
use crate::version::VERSION;

pub use data::{
    BinaryArgs, BudgetArgs, CallsArgs, Compat, PathArgs, PlanArgs, SearchArgs, SelectionArgs,
    StaticArgs, StaticCommand,
};
pub use generate::GenerateArgs;
pub use package::{CoverageArgs, PackageArgs};

/// `tollgate usage`.
#[derive(Debug, Args)]
pub struct UsageArgs {
    /// The command
    #[command(subcommand)]
    pub command: UsageCommand,
}

/// Its commands.
#[derive(Debug, Subcommand)]
pub enum UsageCommand {
    /// Run a program without each of its system calls in turn, and record which ones it needs
    #[command(after_help = EXPLORE_EXAMPLES, after_long_help = EXPLORE_EXAMPLES)]
    Explore(ExploreArgs),
    /// Explore a recipe, and write the result into a database
    #[command(after_help = generate::EXAMPLES, after_long_help = generate::EXAMPLES)]
    Generate(GenerateArgs),
    /// Get the source of a Debian package, build it, and explore it by its own tests
    #[command(after_help = package::EXAMPLES, after_long_help = package::EXAMPLES)]
    Package(PackageArgs),
    /// Measure how much of a package's program its tests execute
    #[command(after_help = package::COVERAGE_EXAMPLES, after_long_help = package::COVERAGE_EXAMPLES)]
    Coverage(CoverageArgs),
    /// Try every system call on the targets of a run, to see which of them they have
    #[command(after_help = data::CALLS_EXAMPLES, after_long_help = data::CALLS_EXAMPLES)]
    Calls(CallsArgs),
    /// Query a database of results: as a list, as plots, as an SQLite file
    #[command(after_help = data::SEARCH_EXAMPLES, after_long_help = data::SEARCH_EXAMPLES)]
    Search(SearchArgs),
    /// List the calls that a kernel lacks for these applications, in the order to build them
    #[command(after_help = data::PLAN_EXAMPLES, after_long_help = data::PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Find the calls in a program's files, without running it
    Static(StaticArgs),
    /// Predict the cost of a program's crossings on each target of a run
    Budget(BudgetArgs),
    /// Print a seccomp profile that allows only the calls that the program made
    Emit(EmitArgs),
    /// Show which calls and verdicts differ between two results
    Diff(UsageDiffArgs),
}

const EXPLORE_EXAMPLES: &str = "\
Examples:
  tollgate usage explore -- /bin/ls /
  tollgate usage explore -t ./test.sh --ready tcp:80 --output nginx.json \\
      -- nginx -g 'daemon off;'
  tollgate usage explore -t ./test.sh --ready 'log:Ready to accept' -- redis-server

The test runs in the same namespaces as the program, with the path of the program's output
as its first argument: once the program is ready or, without --ready, after it has exited.
It exits with 0 (works), 200 (undecided, repeat) or any other code (broken). It must fail
without the program. The program cannot change anything outside its namespaces.
docs/USAGE.md explains all terms.

Exit codes: 0 every call has a verdict; 1 the program or its test fails even with all calls;
69 this user may not create namespaces; 130 interrupted, all verdicts so far are kept;
others as in tollgate --help.";

/// `tollgate usage explore`.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// The test that decides whether the program works [default: the program's exit status]
    #[arg(short, long, value_name = "PROGRAM")]
    pub test: Option<PathBuf>,
    /// The condition for a server to be ready: tcp:PORT, log:REGEX or cmd:COMMAND
    #[arg(long, value_name = "CONDITION")]
    pub ready: Option<Ready>,
    /// The phase in which calls are removed; init ends and serving begins when the program is
    /// ready
    #[arg(long, value_enum, default_value_t = PhaseArg::All)]
    pub phase: PhaseArg,
    /// Take away values of arguments as well, like fcntl with F_SETFL
    #[arg(long)]
    pub partial: bool,
    /// Take away files of the kernel as well: paths in /proc, /dev and /sys
    #[arg(long)]
    pub paths: bool,
    /// Record this executable only, and take calls away from no other
    #[arg(long, value_name = "EXE")]
    pub only: Option<String>,
    /// What calls get: stub (ENOSYS), fake (0), plausible (the length of a write, a descriptor
    /// of /dev/null, a number)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [ModeArg::Stub, ModeArg::Fake])]
    pub modes: Vec<ModeArg>,
    /// Do not read the program's files
    #[arg(long)]
    pub no_static: bool,
    /// Do not ask the kernel which calls there are: try those of the program's files
    #[arg(long)]
    pub no_discovery: bool,
    /// How many runs of each rule have to agree
    #[arg(long, value_name = "N", default_value = "2", value_parser = parse_positive::<NonZeroU32>)]
    pub replicas: NonZeroU32,
    /// Parallel runs [default: two for each CPU]
    #[arg(long, value_name = "N", value_parser = parse_positive::<NonZeroU32>)]
    pub jobs: Option<NonZeroU32>,
    /// Time limit of a run in seconds; a run that reaches it is repeated once with twice the
    /// limit [default: four times the slowest run with all calls, at least 0.5]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub timeout: Option<f64>,
    /// The program's standard input [default: empty]
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<PathBuf>,
    /// The file that receives every run and verdict
    #[arg(long, short, value_name = "FILE", default_value = "usage.json")]
    pub output: PathBuf,
    /// Continue the interrupted result in that file
    #[arg(long)]
    pub resume: bool,
    /// Print the verdicts in the format of Loupe's database instead of a table
    #[arg(long)]
    pub csv: bool,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "PROGRAM")]
    pub command: Vec<String>,
}

impl ExploreArgs {
    /// Each once, in the order of the words.
    fn modes(&self) -> Vec<Mode> {
        let modes: BTreeSet<ModeArg> = self.modes.iter().copied().collect();
        let mode = |mode| match mode {
            ModeArg::Stub => Mode::Stub,
            ModeArg::Fake => Mode::Fake,
            ModeArg::Plausible => Mode::Plausible,
        };
        modes.into_iter().map(mode).collect()
    }

    /// The request that these arguments make; `earlier` is the result to continue.
    pub fn request(&self, earlier: Option<Usage>) -> Result<Request> {
        Ok(Request {
            command: self.command.clone(),
            folder: env::current_dir().context("the current folder no longer exists")?,
            input: self.stdin.clone(),
            test: self.test.clone(),
            ready: self.ready.clone(),
            phase: match self.phase {
                PhaseArg::Init => Phase::Init,
                PhaseArg::Serving => Phase::Serving,
                PhaseArg::All => Phase::All,
            },
            modes: self.modes(),
            partial: self.partial,
            paths: self.paths,
            only: self.only.clone(),
            discovery: !self.no_discovery,
            analyser: (!self.no_static).then(analyser).transpose()?,
            replicas: self.replicas,
            jobs: self.jobs.unwrap_or_else(two_for_each_cpu),
            limit: self.timeout.map(Duration::from_secs_f64),
            earlier,
            tool: format!("tollgate {VERSION}"),
        })
    }
}

/// This program again, which reads another one's files.
fn analyser() -> Result<Vec<OsString>> {
    let tollgate = env::current_exe().context("cannot find tollgate's own file")?;
    let words = ["usage", "static", "binary", "--json", "--"].map(OsString::from);
    Ok([vec![tollgate.into()], words.into()].concat())
}

/// Parallel runs.
fn two_for_each_cpu() -> NonZeroU32 {
    let cpus = thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    NonZeroU32::MIN.saturating_add(2 * cpus - 1)
}

/// What calls get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ModeArg {
    /// ENOSYS
    Stub,
    /// 0
    Fake,
    /// What the program would get, where that can be made up
    Plausible,
}

/// The phase in which calls are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    /// Until the program is ready
    Init,
    /// After that
    Serving,
    /// Always
    All,
}

/// `tollgate usage emit`.
#[derive(Debug, Args)]
pub struct EmitArgs {
    /// The program that uses the profile
    #[arg(value_enum)]
    pub form: EmitForm,
    /// The output of tollgate usage explore
    #[arg(value_name = "RESULT")]
    pub result: PathBuf,
}

/// The program that uses the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmitForm {
    /// Container engines: --security-opt seccomp=FILE
    Oci,
    /// A drop-in file for a unit
    Systemd,
}

/// `tollgate usage diff`.
#[derive(Debug, Args)]
pub struct UsageDiffArgs {
    /// The older result
    pub old: PathBuf,
    /// The newer one
    pub new: PathBuf,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds from 0.001 to 1000000, like 2.5".into()),
    }
}
