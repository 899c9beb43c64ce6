//! `tollgate doctor`: is this machine fit for measuring?

use anyhow::{Result, bail};
use eval::verdict::Verdict;

use crate::cli::{DoctorArgs, DoctorEngine};
use crate::exit::Code;
use crate::{output, print};
use host::cpus;
use host::doctor::{self, Guests, Plan};
use host::measuring_cpus::{HostCpus, Wanted};
use host::tree::Tree;
use host::tune;

/// Examines the machine and prints what was found. Its exit codes are its own: a
/// script has to tell "unfit" from "could not find out".
pub fn run(args: &DoctorArgs) -> Code {
    match examine(args) {
        Ok(Verdict { fit: true, .. }) => Code::Done,
        Ok(_) => Code::Unfit,
        Err(error) => {
            tell!("tollgate: {error:#}");
            Code::NoVerdict
        }
    }
}

fn examine(args: &DoctorArgs) -> Result<Verdict> {
    if !args.root.is_dir() {
        bail!(
            "{} is no folder; name one that holds proc and sys",
            args.root.display()
        );
    }
    let tree = Tree::at(&args.root);
    // As table1 has them: guests, and the host to compare with.
    let host = matches!(args.engine, DoctorEngine::Auto | DoctorEngine::Host);
    let host_cpus = HostCpus::read(&tree);
    let cpus = match &args.cpus {
        Some(asked) => {
            cpus::mask(&asked.0)?;
            asked.0.clone()
        }
        None => host_cpus.choose(Wanted { cpus: 1, host }),
    };
    let plan = Plan {
        broken: host_cpus.judge(&cpus, cpus.len()),
        cpus,
        guests: match args.engine {
            DoctorEngine::Auto | DoctorEngine::Kvm => Guests::Kvm,
            DoctorEngine::Qemu => Guests::Emulator,
            DoctorEngine::Host => Guests::None,
        },
        host,
        unpinned: Vec::new(),
    };
    if let Some(leftover) = tune::leftover(&args.root) {
        tell!("note: {leftover}");
    }
    let verdict = doctor::examine(&tree, &plan);
    output::print(&if args.json {
        output::json(&verdict)?
    } else {
        print::doctor::verdict(&verdict, output::wants_colour())
    })?;
    Ok(verdict)
}
