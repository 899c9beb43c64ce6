//! `tollgate usage calls`: which system calls has each target of a run?

use anyhow::Result;
use eval::calls::Has;
use host::interrupt;
use runs::calls;
use runs::run::{Manifest, RunFolder};
use usage::plan::tried_list;

use crate::cli::CallsArgs;
use crate::exit::Code;
use crate::output;

/// Tries all calls on the targets, and writes a list for each.
pub fn run(args: &CallsArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let _lock = run.lock()?;
    let manifest = Manifest::read(&run)?;
    let stop = interrupt::flag()?;
    for target in args.targets(&manifest) {
        let say = |line: &str| tell!("usage: {line}");
        let measured = calls::measure(&run, &manifest, &target, &stop, &say)?;
        calls::keep(&run, &measured, &tried_list(&measured.calls))?;
        output::print(&line(&target, &measured.calls))?;
    }
    Ok(Code::Done)
}

fn line(target: &str, calls: &[Has]) -> String {
    let count = |wanted| calls.iter().filter(|has| **has == wanted).count();
    format!(
        "{target}: {} calls work, {} are not there, {} could not be tried\n",
        count(Has::Works),
        count(Has::Fails),
        count(Has::Untried)
    )
}
