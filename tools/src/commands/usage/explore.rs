//! `tollgate usage explore`.

use anyhow::Result;
use host::{files, interrupt};
use usage::database::Table;
use usage::explore::{Progress, explore};

use crate::cli::ExploreArgs;
use crate::exit::Code;
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
    let earlier = args.resume.then(|| super::read(&args.output));
    let result = explore(&args.request(earlier.transpose()?)?, &stop, &show);
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
