//! `tollgate trace`: the path of one crossing, by function.

use std::path::Path;

use anyhow::{Context, Result};
use eval::crossing::Crossing;
use eval::plot;
use host::interrupt;
use runs::run::RunFolder;
use runs::trace::{self, Golden, Subject, kept, plugin};
use tempfile::TempDir;

use crate::cli::TraceArgs;
use crate::exit::Code;
use crate::{output, print};

/// Traces one or two subjects, and prints their paths.
pub fn run(args: &TraceArgs) -> Result<Code> {
    args.into.as_deref().map(RunFolder::open).transpose()?;
    let folder = TempDir::new().context("cannot make a folder for the program")?;
    let say = |line: &str| tell!("{line}");
    let subjects = args.subjects(folder.path(), &say);
    let subject = subjects.find(&args.subject)?;
    let other = args.against(&subjects)?;
    let plugin = plugin::find(args.plugin.as_deref())?;
    let stop = interrupt::flag().context("cannot watch for signals")?;
    if let Some(warning) = plugin::warning(&trace::qemu_version()?) {
        tell!("warning: {warning}");
    }
    let trace = |subject: &Subject| {
        trace::trace(subject, &plugin, &stop, &say)
            .with_context(|| format!("cannot trace {}", subject.name))
    };
    let mut path = trace(&subject)?;
    if let Some(inputs) = &args.kernel_inputs {
        path.kernel_inputs.clone_from(inputs);
    }
    let against = other.as_ref().map(trace).transpose()?;
    output::print(&print::trace::text(args, &path, against.as_ref())?)?;
    if let Some(folder) = &args.into {
        let plot = plot::crossing(&path, against.as_ref())?;
        kept::write(folder, &path.without_instructions(), &plot.file())?;
    }
    if let Some(file) = &args.record {
        Golden::record(file, &path)?;
        tell!("{}: recorded in {}", path.target, file.display());
    }
    match &args.check {
        Some(file) => check(args, file, &path),
        None => Ok(Code::Done),
    }
}

/// Compares with the path that is expected.
fn check(args: &TraceArgs, file: &Path, path: &Crossing) -> Result<Code> {
    let verdict = Golden::read(file)?.check(path);
    tell!("{}", print::trace::verdict(args, file, path, &verdict));
    Ok(Code::from(&verdict))
}
