//! The command line.

mod boot;
mod compare;
mod deferred;
mod doctor;
mod export;
mod merge;
mod probes;
mod trace;
mod tune;
mod usage;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use runs::run::RunError;
use runs::shard::{Scheduled, Shard, ShardError};
use runs::stages::run::{self, Folder, Order, Tune};

use crate::exit;
use crate::version::TOOL;

pub use boot::BootArgs;
pub use compare::{CompareArgs, Limit};
pub use deferred::Deferred;
pub use doctor::DoctorArgs;
pub use export::ExportArgs;
pub use merge::MergeArgs;
pub use probes::{ProbesArgs, ProbesCommand};
pub use trace::TraceArgs;
pub use tune::{TuneArgs, TuneCommand};
pub use usage::{
    BinaryArgs, BudgetArgs, CallsArgs, Compat, CoverageArgs, EmitArgs, EmitForm, ExploreArgs,
    GenerateArgs, PackageArgs, PathArgs, PlanArgs, SearchArgs, SelectionArgs, StaticArgs,
    StaticCommand, UsageArgs, UsageCommand, UsageDiffArgs,
};

/// Measure what it costs to cross into a kernel
///
/// `run` boots every target of an experiment many times and keeps each console log; `parse`,
/// `process` and `report` turn the logs into samples, statistics, tables and plots.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version = crate::version::VERSION,
    after_help = exit::TABLE,
    after_long_help = exit::TABLE,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot every target of an experiment many times, in shuffled blocks
    Run(Deferred<RunArgs>),
    /// Read the console logs of a run and write samples.csv and boots.csv
    Parse(Deferred<RunFolderArgs>),
    /// Compute the statistics of a run and write summary.csv and summary.json
    Process(Deferred<RunFolderArgs>),
    /// Write the tables, plots and report.html of a run, and print the table
    Report(Deferred<RunFolderArgs>),
    /// Merge runs of one experiment: shards, or whole runs from several machines
    #[command(after_help = merge::EXAMPLES, after_long_help = merge::EXAMPLES)]
    Merge(Deferred<MergeArgs>),
    /// Print a run in a format of benchstat, Bencher or Prometheus
    #[command(after_help = export::EXAMPLES, after_long_help = export::EXAMPLES)]
    Export(Deferred<ExportArgs>),
    /// Print mean, median and quartiles of console logs, ours or the paper program's
    Stats(Deferred<StatsArgs>),
    /// Find out whether the second of two runs is faster or slower
    #[command(after_help = compare::EXAMPLES, after_long_help = compare::EXAMPLES)]
    Compare(Deferred<CompareArgs>),
    /// Boot one kernel image, show its console, and exit with its status
    #[command(after_help = boot::EXAMPLES, after_long_help = boot::EXAMPLES)]
    Boot(Deferred<BootArgs>),
    /// Show the instructions of one crossing, by function
    #[command(after_help = trace::EXAMPLES, after_long_help = trace::EXAMPLES)]
    Trace(Deferred<TraceArgs>),
    /// Check whether this machine is fit for measuring, and show how to fix it if not
    #[command(after_help = doctor::EXAMPLES, after_long_help = doctor::EXAMPLES)]
    Doctor(Deferred<DoctorArgs>),
    /// Show the differences between the machines, targets and guests of two runs
    #[command(after_help = DIFF_ENV_EXAMPLES, after_long_help = DIFF_ENV_EXAMPLES)]
    DiffEnv(Deferred<DiffEnvArgs>),
    /// Print a shell script that completes tollgate's commands and options
    #[command(after_help = COMPLETIONS_EXAMPLES, after_long_help = COMPLETIONS_EXAMPLES)]
    Completions(Deferred<CompletionsArgs>),
    /// Write the manual pages
    #[command(hide = true)]
    Man(Deferred<ManArgs>),
    /// Make an initramfs that starts a program as a Linux guest's /init
    Initramfs(Deferred<InitramfsArgs>),
    /// Show what watching a crossing costs, and which watches this kernel permits
    #[command(after_help = probes::EXAMPLES, after_long_help = probes::EXAMPLES)]
    Probes(Deferred<ProbesArgs>),
    /// Find out which system calls a program needs, and which may fail or be faked
    Usage(Deferred<UsageArgs>),
    /// Give the CPUs a constant clock and few interruptions, and undo that
    #[command(after_help = tune::EXAMPLES, after_long_help = tune::EXAMPLES)]
    Tune(Deferred<TuneArgs>),
}

const DIFF_ENV_EXAMPLES: &str = "\
Examples:
  tollgate diff-env results/mine results/yours
  tollgate diff-env results/monday results/latest --json | jq -r '.differences[].name'

diff-env compares the manifests and the guests' reports: the experiment, the host, how each
target was booted, and what its kernel reported; on each side, the most relevant
differences come first. Values that change by themselves, like load and times, are listed
below and do not count.

Exit codes: 0 the runs are the same, 1 they differ; others as in tollgate --help.";

/// `tollgate diff-env`.
#[derive(Debug, Args)]
pub struct DiffEnvArgs {
    /// A run's folder
    #[arg(value_name = "RUN")]
    pub a: PathBuf,
    /// Another run's folder
    #[arg(value_name = "RUN")]
    pub b: PathBuf,
    /// Print the differences as JSON
    #[arg(long)]
    pub json: bool,
}

/// `tollgate run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tollgate run experiments/quick.toml
  tollgate run experiments/table1.toml --run results/mine
  tollgate run experiments/table1.toml --run results/mine --resume --retry-failed
  tollgate run experiments/table1.toml --shard 2/8
  sudo tollgate run experiments/table1.toml --tune")]
pub struct RunArgs {
    /// The experiment's TOML file
    pub experiment: PathBuf,
    /// The run's folder [default: a new folder, results/NAME-TIME; results/latest points to
    /// it]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Continue an interrupted run [default of --run: the newest of this experiment]
    #[arg(long)]
    pub resume: bool,
    /// With --resume: repeat failed boots; their consoles and records are kept as
    /// TARGET.N.failed-K
    #[arg(long, requires = "resume")]
    pub retry_failed: bool,
    /// Boot only this target
    #[arg(long, value_name = "TARGET", conflicts_with = "resume")]
    pub only: Option<String>,
    /// Boot only part I of N of the boots, for one of N tasks; auto: from the variables of
    /// Slurm, Kubernetes or GNU parallel (docs/FLEET.md) [default of --run:
    /// results/NAME-shard-I-of-N]
    #[arg(long, value_name = "I/N|auto", value_parser = parse_shard, conflicts_with = "only")]
    pub shard: Option<ShardWord>,
    /// Write the host's name into the run; without this, the run only has a hash for the machine
    #[arg(long)]
    pub name_hosts: bool,
    /// Tune the CPUs to which targets are pinned, and restore everything after the run
    #[arg(long)]
    pub tune: bool,
    /// With --tune: take the other threads of those CPUs' cores offline (never CPU 0)
    #[arg(long, requires = "tune")]
    pub offline_siblings: bool,
    /// With --tune: stop irqbalance, which moves interrupts back, until the run has ended
    #[arg(long, requires = "tune")]
    pub stop_irqbalance: bool,
    /// As --root of tollgate tune
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub tune_root: PathBuf,
}

impl RunArgs {
    /// The request that these arguments make.
    pub fn order(&self) -> Result<Order, RunError> {
        let shard = self.shard.map(|ShardWord(shard)| {
            Scheduled::of(shard, self.name_hosts, &|name| std::env::var(name).ok())
        });
        Ok(Order {
            shard: shard.transpose()?,
            name_hosts: self.name_hosts,
            experiment: run::select(&self.experiment, self.only.as_deref())?,
            folder: if self.resume {
                Folder::Resume {
                    folder: self.run.clone(),
                    retry_failed: self.retry_failed,
                }
            } else {
                Folder::New(self.run.clone())
            },
            tune: self.tune.then_some(Tune {
                offline_siblings: self.offline_siblings,
                stop_irqbalance: self.stop_irqbalance,
            }),
            tune_root: self.tune_root.clone(),
            tool: TOOL,
        })
    }
}

/// A shard; `None`: that of the scheduler's task.
#[derive(Clone, Copy, Debug)]
pub struct ShardWord(Option<Shard>);

fn parse_shard(word: &str) -> Result<ShardWord, ShardError> {
    match word {
        "auto" => Ok(ShardWord(None)),
        shard => shard.parse().map(|shard| ShardWord(Some(shard))),
    }
}

/// A run's folder.
#[derive(Debug, Args)]
pub struct RunFolderArgs {
    /// The run's folder
    #[arg(default_value = "results/latest")]
    pub run: PathBuf,
}

/// `tollgate stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Console logs, whose values are pooled
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Print JSON, not rounded
    #[arg(long)]
    pub json: bool,
}

/// A list of host CPUs.
#[derive(Clone, Debug)]
pub struct Pin(pub Vec<usize>);

fn parse_pin(list: &str) -> Result<Pin, host::cpus::CpuListError> {
    host::cpus::parse_list(list).map(Pin)
}

/// A number of which zero makes no sense.
fn parse_positive<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "write a whole number from 1")
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate
  tollgate completions zsh  > ~/.zfunc/_tollgate       # a folder in your fpath
  tollgate completions fish > ~/.config/fish/completions/tollgate.fish

`make install` installs these three for all users.";

/// `tollgate completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `tollgate man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder for tollgate.1 and a page for each command
    pub folder: PathBuf,
}

/// `tollgate initramfs`.
#[derive(Debug, Args)]
pub struct InitramfsArgs {
    /// The program that becomes /init
    pub program: PathBuf,
    /// The archive
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// The compression
    #[arg(long, value_enum, default_value_t = CompressionArg::Gzip)]
    pub compression: CompressionArg,
}

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CompressionArg {
    /// Not at all
    None,
    /// gzip
    Gzip,
    /// Zstandard
    Zstd,
}
