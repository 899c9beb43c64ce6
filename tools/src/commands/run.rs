//! `tollgate run`: boots every target many times, and keeps each console.

use anyhow::{Context, Result};
use host::interrupt;
use runs::stages::run::{self, Ended};

use crate::cli::RunArgs;
use crate::exit::Code;
use crate::print;
use crate::progress::Progress;

/// Starts a run, or continues one.
pub fn run(args: &RunArgs) -> Result<Code> {
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let order = args.order()?;
    let progress = Progress::default();
    let ended = run::run(&order, &stop, &|event| progress.show(event))?;
    Ok(report(args, &ended))
}

/// Reports the outcome of all boots, including those of an earlier part of the run.
fn report(args: &RunArgs, ended: &Ended) -> Code {
    let Ended {
        planned,
        kept,
        failed,
        ..
    } = *ended;
    let folder = ended.folder.display();
    if kept < planned {
        let command = print::run::resuming(args, &ended.folder);
        tell!(
            "tollgate: interrupted: {kept} of {planned} boots are kept in {folder}; to continue, run\n  \
             {command}"
        );
        return Code::Interrupted;
    }
    tell!("all boots are in {folder}");
    if failed == 0 {
        return Code::Done;
    }
    tell!("{failed} of them failed; --resume --retry-failed boots them again");
    Code::BootsFailed
}
