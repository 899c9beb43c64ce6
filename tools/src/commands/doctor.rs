//! `tollgate doctor`: is this machine fit for measuring?

use anyhow::{Result, bail};
use host::doctor;
use host::measuring_cpus::HostCpus;
use host::tune;

use crate::cli::DoctorArgs;
use crate::exit::{self, Code};
use crate::{output, print};

/// Examines the machine and prints what was found, or explains one check. Its exit codes are
/// its own, because a script has to distinguish "unfit" from "could not find out".
pub fn run(args: &DoctorArgs) -> Code {
    let code = match &args.explain {
        Some(check) => explain(args, check),
        None => examine(args),
    };
    code.unwrap_or_else(|error| {
        tell!("tollgate: {error:#}");
        match exit::of_error(&error) {
            Code::Usage => Code::Usage,
            _ => Code::NoVerdict,
        }
    })
}

fn explain(args: &DoctorArgs, check: &str) -> Result<Code> {
    let tree = args.tree()?;
    let cpus = args.measuring_cpus(&HostCpus::read(&tree))?;
    let Some(explanation) = doctor::explain(check, &tree, &cpus) else {
        bail!("{check:?} is not a check");
    };
    output::print(&print::doctor::explanation(&explanation))?;
    Ok(Code::Done)
}

fn examine(args: &DoctorArgs) -> Result<Code> {
    let tree = args.tree()?;
    let measurement = args.measurement(&HostCpus::read(&tree))?;
    if let Some(leftover) = tune::leftover(&args.root) {
        tell!("note: {leftover}");
    }
    let verdict = doctor::examine(&tree, &measurement);
    output::print(&if args.json {
        output::json_of::<{ output::DOCTOR }>(&verdict)?
    } else {
        print::doctor::verdict(&verdict, output::wants_colour())
    })?;
    Ok(if verdict.fit { Code::Done } else { Code::Unfit })
}
