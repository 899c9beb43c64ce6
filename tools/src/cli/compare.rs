use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "\
Examples:
  tollgate compare results/monday results/latest
  tollgate compare results/monday results/latest --fail-on 2% || echo look at it
  tollgate compare results/monday results/latest --json | jq -r '.rows[].verdict'
  tollgate compare results/here results/there --despite machine
  tollgate compare results/monday results/latest --exact --fail-on 1

Verdicts: faster, slower, no difference seen, cannot tell (fewer than 6 boots on a side,
or too few for so many rows). A different image, command line or setting only causes
a warning. docs/METHOD.md describes the tests, docs/FORMATS.md the JSON.

With --exact, compare compares counts of instructions, which are exact on any machine: one
more is a change. If both runs hold a trace of the path (tollgate trace --into RUN), the
output names the functions that changed.

Exit codes: 0 done; 87 the runs differ in something that --despite has to name;
88 --fail-on: a row became slower by more than the limit, or with --exact takes at least
that many more instructions; 89 --fail-on: no row is known to exceed the limit, but some
cannot be judged: in one run only, emulated, too noisy, or without a count; others as in
tollgate --help.";

/// `tollgate compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The folder of the run to compare with
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The folder of the run to judge
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Compare even if these differ
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub despite: Vec<Despite>,
    /// Compare counted instructions instead of times
    #[arg(long)]
    pub exact: bool,
    /// Exit with 88 if a row became slower by more than this percentage, like 2%; with --exact:
    /// if it takes at least this many more instructions, like 1
    #[arg(long, value_name = "REGRESSION%|N", value_parser = parse_limit, allow_hyphen_values = true)]
    pub fail_on: Option<Limit>,
    /// Print JSON, not rounded
    #[arg(long)]
    pub json: bool,
}

/// Differences that prevent a comparison unless they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Despite {
    /// Another processor, or another frequency of the counter; values are then nanoseconds
    Machine,
    /// Another engine
    Engine,
    /// Another method
    Method,
    /// Another benchmark program
    Program,
}

impl From<Despite> for runs::stages::compare::Despite {
    fn from(despite: Despite) -> Self {
        match despite {
            Despite::Machine => Self::Machine,
            Despite::Engine => Self::Engine,
            Despite::Method => Self::Method,
            Despite::Program => Self::Program,
        }
    }
}

/// The size of a regression: a percentage, or without a unit a number of instructions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    number: f64,
    is_percent: bool,
}

impl Limit {
    /// The limit as a share: 0.02 is 2 %. `None` if it is not a percentage.
    pub fn share(self) -> Option<f64> {
        self.is_percent.then_some(self.number / 100.0)
    }

    /// The smallest number of instructions that is too many; `None` if it is not a number of
    /// instructions.
    pub fn instructions(self) -> Option<u64> {
        let whole = self.number.fract() == 0.0 && self.number >= 1.0;
        (whole && !self.is_percent).then_some(self.number as u64)
    }
}

impl Limit {
    /// What to write instead: times differ by a percentage, and instructions by a whole number.
    pub fn wrong_unit(self, exact: bool) -> Option<&'static str> {
        if exact && self.instructions().is_none() {
            Some("instructions are whole numbers; write --exact --fail-on 1")
        } else if !exact && self.share().is_none() {
            Some(
                "--fail-on needs a unit: write --fail-on 2% for times, or --exact --fail-on 1 for \
                 instructions",
            )
        } else {
            None
        }
    }
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    let percent = text.strip_suffix('%');
    let number = percent.unwrap_or(text).trim_end().parse();
    match number {
        Ok(number) if (0.0..=1000.0).contains(&number) => Ok(Limit {
            number,
            is_percent: percent.is_some(),
        }),
        _ => Err(format!(
            "{text:?} is neither a percentage, like 2%, nor a number of instructions, like 1"
        )),
    }
}
