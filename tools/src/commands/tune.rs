//! `tollgate tune`: a constant clock and few interruptions, and how to undo that.

use anyhow::{Context, Result};

use crate::cli::{TuneApplyArgs, TuneArgs, TuneCommand, TuneStatusArgs};
use crate::exit::Code;
use crate::output;
use crate::version::TOOL;
use host::interrupt;
use host::tune::status::Status;
use host::tune::{self, Request, Undone, say};

/// Shows, tunes or restores.
pub fn run(args: &TuneArgs) -> Result<Code> {
    tune::check_root(&args.root)?;
    match &args.command {
        TuneCommand::Status(status) => show(args, status),
        TuneCommand::Apply(apply) if apply.dry_run => dry_run(args, apply),
        TuneCommand::Apply(apply) => tune(args, apply),
        TuneCommand::Restore(restore) if restore.dry_run => dry_restore(args),
        TuneCommand::Restore(_) => restore(args),
    }
}

fn show(args: &TuneArgs, status: &TuneStatusArgs) -> Result<Code> {
    let cpus = status.cpus.as_ref().map_or(&[][..], |cpus| &cpus.0);
    let shown = Status::read(&args.root, cpus);
    output::print(&match status.json {
        true => output::json(&shown)?,
        false => shown.text(),
    })?;
    Ok(Code::Done)
}

fn dry_run(args: &TuneArgs, apply: &TuneApplyArgs) -> Result<Code> {
    let plan = tune::dry_run(&args.root, &request(apply))?;
    output::print(&say::plan(&plan))?;
    Ok(Code::Done)
}

fn tune(args: &TuneArgs, apply: &TuneApplyArgs) -> Result<Code> {
    // Once begun, it goes on to its end: what a closed terminal sends is no reason to stop.
    let _interrupted = interrupt::flag().context("cannot watch for signals")?;
    let outcome = tune::apply(&args.root, &request(apply), TOOL, &|line| tell!("{line}"))?;
    for line in outcome.lines() {
        tell!("tune: {line}");
    }
    tell!("tune: back again by tollgate tune restore");
    Ok(code(outcome.is_complete()))
}

fn dry_restore(args: &TuneArgs) -> Result<Code> {
    output::print(&say::preview(&tune::preview(&args.root)?))?;
    Ok(Code::Done)
}

fn restore(args: &TuneArgs) -> Result<Code> {
    let _interrupted = interrupt::flag().context("cannot watch for signals")?;
    let undone = tune::restore(&args.root)?;
    if let Undone::Nothing = undone {
        tell!("tune: nothing is tuned, so there is nothing to restore");
    }
    for line in undone.lines() {
        tell!("{line}");
    }
    Ok(code(undone.is_complete()))
}

fn code(is_complete: bool) -> Code {
    match is_complete {
        true => Code::Done,
        false => Code::NotAllSet,
    }
}

fn request(apply: &TuneApplyArgs) -> Request {
    Request {
        cpus: apply.cpus.clone().map(|cpus| cpus.0).unwrap_or_default(),
        freq: apply.freq,
        offline_siblings: apply.offline_siblings,
        stop_irqbalance: apply.stop_irqbalance,
    }
}
