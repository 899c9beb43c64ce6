//! What asks a database, a program's files, or a result.

use std::num::NonZeroU64;
use std::path::PathBuf;

use ::usage::database::{Choice, Database};
use ::usage::search::{Applications, Selection, Workloads, select};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use runs::run::{Manifest, TargetId};

pub const SEARCH_EXAMPLES: &str = "\
Examples:
  tollgate usage search --db loupedb -a nginx,redis -w bench --show
  tollgate usage search --db loupedb -w suite --cumulative --heatmap --histogram --output plots
  tollgate usage search --db loupedb --sqlite usage.sqlite

docs/USAGE.md says how the database is laid out and what the plots show.";

pub const PLAN_EXAMPLES: &str = "\
Examples:
  tollgate usage plan --db loupedb --supported loupedb/Unikraft.syscalls -w bench
  tollgate usage plan --db loupedb --supported ring0 -a nginx,redis --json
  tollgate usage plan --db loupedb --supported results/latest:linux

A file has a call's name or number on each line. RUN:TARGET takes the calls that were tried
on a target of a run and worked: calls-TARGET.txt in the run's folder.";

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
    /// Applications, with commas between them, or '*' for all
    #[arg(short, long, value_name = "A,B", default_value = "*")]
    pub applications: Applications,
    /// bench, suite, or '*' for both
    #[arg(short, long, value_name = "KIND", default_value = "*")]
    pub workloads: Workloads,
    /// The measurement that counts for its workload [default: the newest recorded date]
    #[arg(long, value_name = "APP/WORKLOAD/ID")]
    pub measurement: Vec<Choice>,
}

impl SelectionArgs {
    /// The database, and what it has of what was asked for.
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
    /// Print what the applications need together
    #[arg(long, group = "what")]
    pub show: bool,
    /// Plot how many calls serve how many applications
    #[arg(long, group = "what")]
    pub cumulative: bool,
    /// Plot which share of the applications has each call
    #[arg(long, group = "what")]
    pub heatmap: bool,
    /// Plot how many calls each application has
    #[arg(long, group = "what")]
    pub histogram: bool,
    /// Write the measurements into a new SQLite file
    #[arg(long, group = "what", value_name = "FILE")]
    pub sqlite: Option<PathBuf>,
    /// Plot the calls in the source as well, for applications whose source was analysed
    #[arg(long)]
    pub static_source: bool,
    /// Where plots go: an SVG file each, and usage.html
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Print what --show prints as JSON
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
    /// Read the tables as another program does
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose reading of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// Stub and fake exchanged; an application that lacks only these counts as supported
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
    /// Print JSON, with every place
    #[arg(long)]
    pub json: bool,
}

/// `tollgate usage budget`.
#[derive(Debug, Args)]
pub struct BudgetArgs {
    /// What tollgate usage explore wrote
    pub result: PathBuf,
    /// Runs that say what a crossing costs on each of their targets
    #[arg(long, value_name = "RUN", required = true, num_args = 1..)]
    pub costs: Vec<PathBuf>,
    /// The requests that the test makes [default: all is for one run of the test]
    #[arg(long, value_name = "N")]
    pub requests: Option<NonZeroU64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
