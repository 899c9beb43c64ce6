//! `tollgate process`: from samples to `summary.csv` and `summary.json`.

use anyhow::Result;
use runs::run::RunFolder;
use runs::stages::process;

use crate::cli::RunFolderArgs;
use crate::exit::Code;

/// Computes a run's statistics.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    process::process(&run)?;
    tell!("statistics are in {}", run.summary().display());
    Ok(Code::Done)
}
