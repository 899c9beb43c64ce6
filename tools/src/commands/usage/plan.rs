//! `tollgate usage plan`: what a kernel lacks for a set of applications.

use std::path::Path;

use anyhow::{Result, bail};
use runs::calls;
use runs::run::{Manifest, RunFolder};
use usage::plan::{Reading, Supported, plan};

use crate::cli::{Compat, PlanArgs};
use crate::exit::Code;
use crate::output;

/// Prints the plan.
pub fn run(args: &PlanArgs) -> Result<Code> {
    let supported = supported(&args.supported)?;
    for (line, name) in &supported.unknown {
        tell!(
            "warning: {}:{line}: Linux does not have a system call {name:?}; the line is ignored",
            args.supported
        );
    }
    let (_, selection) = args.selection.open()?;
    let reading = match args.compat {
        Some(Compat::Loupe) => Reading::Loupe,
        None => Reading::Ours,
    };
    let plan = plan(&selection, &supported.calls, reading);
    output::print(&if args.json {
        output::json(&plan)?
    } else {
        plan.to_string()
    })?;
    Ok(Code::Done)
}

/// A file, if there is one of that name; otherwise ring0, or a run's target.
fn supported(text: &str) -> Result<Supported> {
    let run = text.rsplit_once(':').filter(|_| !Path::new(text).exists());
    let Some((run, target)) = run else {
        return Ok(match text {
            "ring0" => Supported::ring0(),
            _ => Supported::read(Path::new(text))?,
        });
    };
    let run = RunFolder::open(Path::new(run))?;
    let manifest = Manifest::read(&run)?;
    let mut targets = manifest.targets.iter().map(|known| known.name.as_str());
    if !targets.any(|known| known == target) {
        bail!(
            "{}: the run does not have a target {target:?}",
            run.path().display()
        );
    }
    calls::check(&run, &manifest, target)?;
    Ok(Supported::tried(run.path(), target)?)
}
