//! `tollgate report`: from statistics to tables, plots and a page.

use anyhow::Result;
use eval::table;
use runs::run::RunFolder;
use runs::stages::report::{self, PAGE, Reported};

use crate::cli::RunFolderArgs;
use crate::exit::Code;
use crate::output;

/// Writes tables, plots and the page, and prints the table.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let Reported { summary, watches } = report::report(&run)?;
    output::print(&table::terminal(&summary, output::style()))?;
    if let Some(watches) = &watches {
        output::print(&eval::watches::text(watches))?;
    }
    tell!("tables and plots are in {}", run.path().display());
    tell!("everything on one page: {}", run.file(PAGE).display());
    let mut targets = summary.targets.iter();
    Ok(if targets.any(|target| target.info.boots_failed > 0) {
        Code::BootsFailed
    } else {
        Code::Done
    })
}
