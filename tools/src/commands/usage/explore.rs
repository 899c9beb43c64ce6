//! `tollgate usage explore`.

use std::path::Path;

use anyhow::Result;
use host::{files, interrupt};
use indicatif::ProgressBar;
use usage::database::Table;
use usage::explore::{Progress, explore};
use usage::result::Usage;

use crate::cli::ExploreArgs;
use crate::exit::Code;
use crate::{output, progress};

/// Explores, writes the result and prints it.
pub fn run(args: &ExploreArgs) -> Result<Code> {
    let stop = interrupt::flag()?;
    let bar = progress::bar(0, "runs");
    let show = shown(&bar);
    let earlier = args.resume.then(|| super::read(&args.output));
    let result = explore(&args.request(earlier.transpose()?)?, &stop, &show);
    bar.finish_and_clear();
    finish(&result?, &args.output, args.csv)
}

/// Shows the progress of an exploration.
pub fn shown(bar: &ProgressBar) -> impl Fn(Progress) + Sync {
    |now| {
        bar.set_length(now.of as u64);
        bar.set_position(now.done as u64);
        bar.set_message(now.stage);
    }
}

/// Writes the result and prints it.
pub fn finish(usage: &Usage, path: &Path, csv: bool) -> Result<Code> {
    files::write_json(path, usage)?;
    output::print(&if csv {
        Table::from(usage).csv()
    } else {
        usage::text(usage)
    })?;
    tell!("usage: every run is in {}", path.display());
    Ok(if usage.complete {
        Code::Done
    } else {
        Code::Interrupted
    })
}
