//! The command lines of `tollgate usage package` and `tollgate usage coverage`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::usage::package::{Order, SubjectOf};
use ::usage::result::Usage;
use anyhow::Result;
use clap::Args;

use super::{parse_seconds, two_for_each_cpu};
use crate::version::VERSION;

pub const EXAMPLES: &str = "\
Examples:
  tollgate usage package hello
  tollgate usage package jq --folder /var/tmp/jq --program .libs/jq --output jq.json
  tollgate usage package sed --test 'make check TESTS=testsuite/cmd-l.sh'

apt-get downloads the source by lists and a configuration of its own: nothing is installed, and
apt's own lists stay as they are. If build dependencies are missing, the error has the command
that installs them. The source, the build and their logs are in the folder; calling the command
again continues there. Rules apply to the package's program alone, not to make and the shells of
its tests.

Exit codes: 0 every call has a verdict; 1 the tests fail, or pass without the program; 66 no such
package; 69 a build dependency or a tool is missing; 70 the build failed; 130 interrupted;
others as in tollgate --help.";

pub const COVERAGE_EXAMPLES: &str = "\
Examples:
  tollgate usage package hello --output hello.json
  tollgate usage coverage hello.json

The package is built once more, in the folder `coverage` next to its source, with counters and
without optimisation, and runs the same tests outside the sandbox. Lines and functions count that
the program or its package's shared libraries are made of. The result of another command has no
source, and is refused.";

/// `tollgate usage package`.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// The source package, or one version of it: hello=2.10-3
    #[arg(value_name = "DEBIAN-SOURCE")]
    pub source: String,
    /// Where its source is kept and built [default: a folder with the package's name]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A shell command that tests it, for the source tree [default: what debian/rules runs]
    #[arg(long, value_name = "COMMAND")]
    test: Option<String>,
    /// The program to explore, by its path in the source tree [default: the one with the
    /// package's name, or the only one]
    #[arg(long, value_name = "FILE", conflicts_with = "everything")]
    program: Option<PathBuf>,
    /// Explore everything that the tests execute, with make and shells
    #[arg(long)]
    everything: bool,
    /// A list of sources for apt, in one of its two formats [default: this machine's]
    #[arg(long, value_name = "FILE")]
    sources: Option<PathBuf>,
    /// How many runs of each rule have to agree
    #[arg(long, value_name = "N", default_value = "2")]
    replicas: NonZeroU32,
    /// Parallel runs [default: two for each CPU]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroU32>,
    /// Time limit of a run in seconds; a run that reaches it is repeated once with twice the
    /// limit [default: four times the slowest run with all calls, at least 0.5]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    timeout: Option<f64>,
    /// The file that receives every run and verdict
    #[arg(long, short, value_name = "FILE", default_value = "usage.json")]
    pub output: PathBuf,
    /// Continue the interrupted result in that file
    #[arg(long)]
    pub resume: bool,
    /// Print the verdicts in the format of Loupe's database instead of a table
    #[arg(long)]
    pub csv: bool,
}

impl PackageArgs {
    /// What to explore; `earlier` is the result to continue.
    pub fn order(&self, earlier: Option<Usage>) -> Result<Order<'_>> {
        let name = self.source.split('=').next().unwrap_or_default();
        let folder = self.folder.as_deref();
        Ok(Order {
            source: &self.source,
            folder: folder.unwrap_or(Path::new(name)),
            sources: self.sources.as_deref(),
            test: self.test.as_deref(),
            subject: match &self.program {
                Some(program) => SubjectOf::Program(program),
                None if self.everything => SubjectOf::Everything,
                None => SubjectOf::Found,
            },
            replicas: self.replicas,
            jobs: self.jobs.unwrap_or_else(two_for_each_cpu),
            limit: self.timeout.map(Duration::from_secs_f64),
            tool: format!("tollgate {VERSION}"),
            earlier,
            analyser: super::analyser()?,
        })
    }
}

/// `tollgate usage coverage`.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// The output of tollgate usage package
    pub result: PathBuf,
    /// Where to build [default: the package's folder]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Print JSON, with every function that the tests never enter
    #[arg(long)]
    pub json: bool,
}
