use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "\
Examples:
  tollgate compare results/monday results/latest
  tollgate compare results/monday results/latest --fail-on 2% || echo look at it
  tollgate compare results/monday results/latest --json | jq -r '.rows[].verdict'
  tollgate compare results/here results/there --despite machine

Verdicts: faster, slower, no difference seen, cannot tell (fewer than 6 boots on a side,
or too few for so many rows).
Another image, command line or setting is told as a warning. docs/METHOD.md describes
the tests, docs/FORMATS.md the JSON.

Exit codes: 0 done; 87 the runs differ in something that --despite has to name;
88 --fail-on: a row became slower by more than that; 89 --fail-on: none is seen to, but
it cannot be ruled out of every row: in one run only, emulated, or too noisy; others as
in tollgate --help.";

/// `tollgate compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The run's folder to compare with
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The run's folder to judge
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Compare although these differ
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub despite: Vec<Despite>,
    /// End with 88 where a row became slower by more than this
    #[arg(long, value_name = "REGRESSION%", value_parser = parse_limit, allow_hyphen_values = true)]
    pub fail_on: Option<Limit>,
    /// Print JSON, nothing rounded
    #[arg(long)]
    pub json: bool,
}

/// What no comparison passes over unless it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Despite {
    /// Another processor, or another frequency of the counter; values are nanoseconds then
    Machine,
    /// Another engine
    Engine,
    /// Another method
    Method,
    /// Another benchmark program
    Program,
}

impl Despite {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Engine => "engine",
            Self::Method => "method",
            Self::Program => "program",
        }
    }
}

/// A regression that is still accepted: 0.02 is 2 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit(pub f64);

fn parse_limit(text: &str) -> Result<Limit, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse();
    match number {
        Ok(percent) if (0.0..=1000.0).contains(&percent) => Ok(Limit(percent / 100.0)),
        _ => Err(format!("{text:?} is no percentage; write it like 2%")),
    }
}
