//! `tollgate diff-env`: why is your number not mine?

mod print;

use std::path::Path;

use anyhow::Result;

use crate::cli::DiffEnvArgs;
use crate::commands::parse;
use crate::exit::Code;
use crate::output;
use runs::environment::{self, Environment};
use runs::run::{Manifest, RunFolder};

/// Compares the environments of two runs.
pub fn run(args: &DiffEnvArgs) -> Result<Code> {
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let comparison = environment::compare(&a, &b);
    output::print(&match args.json {
        true => output::json(&comparison)?,
        false => format!(
            "A: {}\nB: {}\n\n{}",
            args.a.display(),
            args.b.display(),
            print::print(&comparison)
        ),
    })?;
    Ok(match comparison.same {
        true => Code::Done,
        false => Code::Differ,
    })
}

/// A run's facts. Those of its guests are known after `parse` only.
fn read(path: &Path) -> Result<Environment> {
    let run = RunFolder::open(path)?;
    let manifest = Manifest::read(&run)?;
    let guests = match run.guests().is_file() {
        true => Some(parse::read_guests(&run)?),
        false => {
            tell!(
                "the guests' sides are not compared: {path} was not parsed; do `tollgate parse {path}`",
                path = path.display()
            );
            None
        }
    };
    Ok(Environment::of(&manifest, guests.as_ref()))
}
