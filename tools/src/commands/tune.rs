//! `tollgate tune`: a constant clock and few interruptions, and how to undo that.

use anyhow::{Context, Result};
use host::interrupt;
use host::tune::status::Status;
use host::tune::{self, Request, TuneError, Undone, say};

use crate::cli::{TuneArgs, TuneCommand};
use crate::exit::Code;
use crate::output;
use crate::version::TOOL;

/// Shows, tunes or restores.
pub fn run(args: &TuneArgs) -> Result<Code> {
    tune::check_root(&args.root)?;
    let shown = match &args.command {
        TuneCommand::Status(status) if status.json => output::json(&read(args, status.cpus())?)?,
        TuneCommand::Status(status) => read(args, status.cpus())?.text(),
        TuneCommand::Apply(apply) if apply.dry_run => {
            say::plan(&tune::dry_run(&args.root, &apply.request())?)
        }
        TuneCommand::Apply(apply) => return tune(args, &apply.request()),
        TuneCommand::Restore(restore) if restore.dry_run => {
            say::preview(&tune::preview(&args.root)?)
        }
        TuneCommand::Restore(_) => return restore(args),
    };
    output::print(&shown)?;
    Ok(Code::Done)
}

fn read(args: &TuneArgs, cpus: &[usize]) -> Result<Status, TuneError> {
    Status::read(&args.root, cpus)
}

fn tune(args: &TuneArgs, request: &Request) -> Result<Code> {
    // Once begun, it runs to its end, even if the terminal is closed.
    let _interrupted = interrupt::flag().context("cannot watch for signals")?;
    let outcome = tune::apply(&args.root, request, TOOL, &|line| tell!("{line}"))?;
    for line in outcome.lines() {
        tell!("tune: {line}");
    }
    tell!("tune: to undo this, run tollgate tune restore");
    Ok(Code::all_set(outcome.is_complete()))
}

fn restore(args: &TuneArgs) -> Result<Code> {
    let _interrupted = interrupt::flag().context("cannot watch for signals")?;
    let undone = tune::restore(&args.root)?;
    if let Undone::Nothing = undone {
        tell!("tune: the machine is not tuned, so there is nothing to restore");
    }
    for line in undone.lines() {
        tell!("{line}");
    }
    Ok(Code::all_set(undone.is_complete()))
}
