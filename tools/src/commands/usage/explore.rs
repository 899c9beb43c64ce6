//! `tollgate usage explore`.

use std::env;
use std::num::NonZeroU32;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use host::{files, interrupt};
use usage::Phase;
use usage::database::Table;
use usage::explore::{Progress, Request, explore};

use crate::cli::{ExploreArgs, PhaseArg};
use crate::exit::Code;
use crate::version::VERSION;
use crate::{output, progress};

/// Explores, writes the result and prints it.
pub fn run(args: &ExploreArgs) -> Result<Code> {
    let stop = interrupt::flag()?;
    let bar = progress::bar(0, "runs");
    let show = |now: Progress| {
        bar.set_length(now.of as u64);
        bar.set_position(now.done as u64);
        bar.set_message(now.stage);
    };
    let result = explore(&request(args)?, &stop, &show);
    bar.finish_and_clear();
    let usage = result?;
    files::write_json(&args.output, &usage)?;
    output::print(&if args.csv {
        Table::from(&usage).csv()
    } else {
        usage::text(&usage)
    })?;
    tell!("usage: every run is in {}", args.output.display());
    Ok(if usage.complete {
        Code::Done
    } else {
        Code::Interrupted
    })
}

fn request(args: &ExploreArgs) -> Result<Request> {
    let cpus = thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    Ok(Request {
        command: args.command.clone(),
        folder: env::current_dir().context("the present folder is gone")?,
        input: args.stdin.clone(),
        test: args.test.clone(),
        ready: args.ready.clone(),
        phase: match args.phase {
            PhaseArg::Init => Phase::Init,
            PhaseArg::Serving => Phase::Serving,
            PhaseArg::All => Phase::All,
        },
        replicas: args.replicas,
        jobs: args
            .jobs
            .unwrap_or(NonZeroU32::MIN.saturating_add(2 * cpus - 1)),
        limit: args.timeout.map(Duration::from_secs_f64),
        earlier: if args.resume {
            Some(super::read(&args.output)?)
        } else {
            None
        },
        tool: format!("tollgate {VERSION}"),
    })
}
