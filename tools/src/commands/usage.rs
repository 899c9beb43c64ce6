//! `tollgate usage`: which system calls does a program need?

mod budget;
mod calls;
mod contents;
mod coverage;
mod emit;
mod explore;
mod generate;
mod package;
mod plan;
mod plots;
mod search;

use anyhow::Result;
use host::files;
use std::path::Path;
use usage::diff;
use usage::result::Usage;

use crate::cli::{UsageArgs, UsageCommand, UsageDiffArgs};
use crate::exit::Code;
use crate::output;

/// Explores, or reads earlier results.
pub fn run(args: &UsageArgs) -> Result<Code> {
    match &args.command {
        UsageCommand::Explore(explore) => explore::run(explore),
        UsageCommand::Generate(generate) => generate::run(generate),
        UsageCommand::Package(order) => package::run(order),
        UsageCommand::Coverage(order) => coverage::run(order),
        UsageCommand::Calls(calls) => calls::run(calls),
        UsageCommand::Search(search) => search::run(search),
        UsageCommand::Plan(plan) => plan::run(plan),
        UsageCommand::Static(path) => contents::run(path),
        UsageCommand::Budget(budget) => budget::run(budget),
        UsageCommand::Emit(emit) => emit::run(emit),
        UsageCommand::Diff(diff) => compare(diff),
    }
}

fn read(path: &Path) -> Result<Usage> {
    Ok(files::read_json(path, "explore the program again")?)
}

fn compare(args: &UsageDiffArgs) -> Result<Code> {
    let differences = diff::diff(&read(&args.old)?, &read(&args.new)?);
    let lines: Vec<_> = differences.iter().map(|line| format!("{line}\n")).collect();
    output::print(&lines.concat())?;
    let differ = differences.iter().any(diff::Difference::is_about_calls);
    Ok(if differ { Code::Differ } else { Code::Done })
}
