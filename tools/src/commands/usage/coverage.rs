//! `tollgate usage coverage`: how much of a program do its tests execute?

use anyhow::Result;
use host::interrupt;
use usage::coverage::coverage;
use usage::package::Tool;

use crate::cli::CoverageArgs;
use crate::exit::Code;
use crate::output;

/// Builds, tests, and prints what was executed.
pub fn run(args: &CoverageArgs) -> Result<Code> {
    let result = super::read(&args.result)?;
    let stop = interrupt::flag()?;
    let note = |line: &str| tell!("usage: {line}");
    let tool = Tool {
        stop: &stop,
        note: &note,
    };
    let coverage = coverage(&result, args.folder.as_deref(), &tool)?;
    output::print(&if args.json {
        output::json(&coverage)?
    } else {
        coverage.to_string()
    })?;
    Ok(Code::Done)
}
