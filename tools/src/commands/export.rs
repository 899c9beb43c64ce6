//! `tollgate export`: a run's numbers for other tools.

use anyhow::Result;
use runs::run::RunFolder;
use runs::stages::export;

use crate::cli::ExportArgs;
use crate::exit::Code;
use crate::output;

/// Prints a run in a format of another tool.
pub fn run(args: &ExportArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    output::print(&export::export(&run, args.format.into())?)?;
    Ok(Code::Done)
}
