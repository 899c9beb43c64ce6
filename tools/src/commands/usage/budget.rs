//! `tollgate usage budget`: what a program's crossings cost on each target of a run.

use anyhow::Result;
use runs::run::RunFolder;
use runs::run::processed::read_summary;
use usage::budget::budget;

use crate::cli::BudgetArgs;
use crate::exit::Code;
use crate::output;

/// Prints the budget.
pub fn run(args: &BudgetArgs) -> Result<Code> {
    let result = super::read(&args.result)?;
    let mut runs = Vec::new();
    for path in &args.costs {
        let summary = read_summary(&RunFolder::open(path)?)?;
        runs.push((path.display().to_string(), summary));
    }
    let budget = budget(&result, args.requests, &runs);
    output::print(&if args.json {
        output::json(&budget)?
    } else {
        budget.to_string()
    })?;
    Ok(Code::Done)
}
