//! The commands that read a database, a program's files, or a result.

use std::num::NonZeroU64;
use std::path::PathBuf;

use ::usage::database::{Choice, Database};
use ::usage::search::{Applications, Selection, Workloads, select};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use runs::run::{Manifest, TargetId};

use crate::cli::parse_positive;

pub const SEARCH_EXAMPLES: &str = "\
Examples:
  tollgate usage search --db loupedb -a nginx,redis -w bench --show
  tollgate usage search --db loupedb -w suite --cumulative --heatmap --histogram --output plots
  tollgate usage search --db loupedb --sqlite usage.sqlite

docs/USAGE.md describes the layout of the database and the plots.";

pub const PLAN_EXAMPLES: &str = "\
Examples:
  tollgate usage plan --db loupedb --supported loupedb/Unikraft.syscalls -w bench
  tollgate usage plan --db loupedb --supported ring0 -a nginx,redis --json
  tollgate usage plan --db loupedb --supported results/latest:linux

FILE has a call's name or number on each line. RUN:TARGET stands for the calls that worked
when they were tried on a target of a run: calls-TARGET.txt in the run's folder.";

pub const CALLS_EXAMPLES: &str = "\
Examples:
  tollgate usage calls results/latest
  tollgate usage calls results/latest --only ring0,linux
  tollgate usage plan --db loupedb --supported results/latest:linux

Each target is booted once more, with the image and the program of the run. The program makes
every call with arguments that the kernel refuses, and calls-TARGET.txt in the run's folder
gets a line for each: it works, it fails with ENOSYS, or it could not be tried.";

/// `tollgate usage calls`.
#[derive(Debug, Args)]
pub struct CallsArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Only these targets [default: all with an image, once each]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub only: Vec<String>,
}

impl CallsArgs {
    /// The targets to try. One that counts instructions for another one of the run has the same
    /// kernel.
    pub fn targets(&self, manifest: &Manifest) -> Vec<String> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        let has = |name: &String| manifest.targets.iter().any(|id| id.name == *name);
        let again = |id: &TargetId| id.counts_for.as_ref().is_some_and(has);
        let once = |id: &&TargetId| id.missing.is_none() && !again(id);
        let targets = manifest.targets.iter().filter(once);
        targets.map(|id| id.name.clone()).collect()
    }
}

/// Which measurements.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// The database's folder
    #[arg(long, value_name = "DIR")]
    pub db: PathBuf,
    /// Applications, separated by commas, or '*' for all
    #[arg(short, long, value_name = "A,B", default_value = "*")]
    pub applications: Applications,
    /// bench, suite, or '*' for both
    #[arg(short, long, value_name = "KIND", default_value = "*")]
    pub workloads: Workloads,
    /// The measurement to use for its workload [default: the one with the newest recorded
    /// date]
    #[arg(long, value_name = "APP/WORKLOAD/ID")]
    pub measurement: Vec<Choice>,
}

impl SelectionArgs {
    /// The database and the selected measurements.
    pub fn open(&self) -> Result<(Database, Selection)> {
        let mut database = Database::open(&self.db)?;
        database.choose(&self.measurement)?;
        let selection = select(&database, &self.applications, self.workloads)?;
        Ok((database, selection))
    }
}

/// `tollgate usage search`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct SearchArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Print what the applications need in total
    #[arg(long, group = "what")]
    pub show: bool,
    /// Plot the share of applications that use the N-th most frequent call
    #[arg(long, group = "what")]
    pub cumulative: bool,
    /// Plot the share of applications that have each call
    #[arg(long, group = "what")]
    pub heatmap: bool,
    /// Plot the number of calls of each application
    #[arg(long, group = "what")]
    pub histogram: bool,
    /// Write the measurements into a new SQLite file
    #[arg(long, group = "what", value_name = "FILE")]
    pub sqlite: Option<PathBuf>,
    /// Also plot the calls in the source, for applications whose source was analysed
    #[arg(long)]
    pub static_source: bool,
    /// The folder for the plots: one SVG file each, and usage.html
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// With --show: print JSON
    #[arg(long, requires = "show")]
    pub json: bool,
}

/// `tollgate usage plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The calls that the kernel has
    #[arg(long, value_name = "FILE|ring0|RUN:TARGET")]
    pub supported: String,
    /// Interpret the tables as another program does
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose interpretation of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// Swap stub and fake; an application that lacks only these counts as supported
    Loupe,
}

/// `tollgate usage static`.
#[derive(Debug, Args)]
pub struct StaticArgs {
    #[command(subcommand)]
    pub command: StaticCommand,
}

/// What is read.
#[derive(Debug, Subcommand)]
pub enum StaticCommand {
    /// A program and its libraries
    Binary(BinaryArgs),
    /// A program's C source
    Source(PathArgs),
}

/// `tollgate usage static binary`.
#[derive(Debug, Args)]
pub struct BinaryArgs {
    /// What to read
    #[command(flatten)]
    pub path: PathArgs,
    /// Print instead how many of the calls that this exploration saw the files show, and what
    /// hides the others
    #[arg(long, value_name = "RESULT")]
    pub seen: Option<PathBuf>,
}

/// What to read.
#[derive(Debug, Args)]
pub struct PathArgs {
    /// The program, or the folder of its source
    pub path: PathBuf,
    /// Print JSON, with the location of every call
    #[arg(long)]
    pub json: bool,
}

/// `tollgate usage budget`.
#[derive(Debug, Args)]
pub struct BudgetArgs {
    /// The output of tollgate usage explore
    pub result: PathBuf,
    /// Runs that measured the cost of a crossing on each target
    #[arg(long, value_name = "RUN", required = true, num_args = 1..)]
    pub costs: Vec<PathBuf>,
    /// The number of requests that the test makes [default: the cost is for one run of
    /// the test]
    #[arg(long, value_name = "N", value_parser = parse_positive::<NonZeroU64>)]
    pub requests: Option<NonZeroU64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
