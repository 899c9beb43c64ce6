//! `tollgate diff-env`: why is your number not mine?

use std::path::Path;

use anyhow::Result;

use crate::cli::DiffEnvArgs;
use crate::exit::Code;
use crate::{output, print};
use runs::environment::{self, Environment};
use runs::run::{Manifest, RunFolder, parsed};

/// Compares the environments of two runs.
pub fn run(args: &DiffEnvArgs) -> Result<Code> {
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let comparison = environment::compare(&a, &b);
    output::print(&if args.json {
        output::json(&comparison)?
    } else {
        format!(
            "A: {}\nB: {}\n\n{}",
            args.a.display(),
            args.b.display(),
            print::environment::comparison(&comparison)
        )
    })?;
    Ok(if comparison.same {
        Code::Done
    } else {
        Code::Differ
    })
}

/// A run's facts. Those of its guests are only known after `parse`.
fn read(path: &Path) -> Result<Environment> {
    let run = RunFolder::open(path)?;
    let manifest = Manifest::read(&run)?;
    let guests = if run.guests().is_file() {
        Some(parsed::read_guests(&run)?)
    } else {
        tell!(
            "the guests are not compared, because {path} was not parsed; run `tollgate parse \
             {path}`",
            path = path.display()
        );
        None
    };
    Ok(Environment::of(&manifest, guests.as_ref()))
}
