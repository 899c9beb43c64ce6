//! `tollgate usage package`: a Debian package, by its own tests.

use anyhow::Result;
use host::interrupt;
use usage::package::package;

use super::explore::{finish, shown};
use crate::cli::PackageArgs;
use crate::exit::Code;
use crate::progress;

/// Gets, builds, explores, writes the result and prints it.
pub fn run(args: &PackageArgs) -> Result<Code> {
    let stop = interrupt::flag()?;
    let bar = progress::bar(0, "runs");
    let show = shown(&bar);
    let earlier = args.resume.then(|| super::read(&args.output));
    let order = args.order(earlier.transpose()?)?;
    let note = |line: &str| bar.suspend(|| tell!("usage: {line}"));
    let result = package(&order, &stop, &note, &show);
    bar.finish_and_clear();
    finish(&result?, &args.output, args.csv)
}
