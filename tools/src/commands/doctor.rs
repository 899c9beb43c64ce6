//! `tollgate doctor`: is this machine fit for measuring?

use anyhow::{Result, bail};

use crate::cli::{DoctorArgs, DoctorEngine};
use crate::exit::Code;
use crate::{output, print};
use host::cpus;
use host::doctor::{self, Guests, Plan};
use host::measuring_cpus::{HostCpus, Wanted};
use host::tree::Tree;
use host::tune;

/// Examines the machine and prints what was found, or explains one check. Its exit codes are
/// its own: a script has to tell "unfit" from "could not find out".
pub fn run(args: &DoctorArgs) -> Code {
    let code = match &args.explain {
        Some(check) => explain(args, check),
        None => examine(args),
    };
    code.unwrap_or_else(|error| {
        tell!("tollgate: {error:#}");
        Code::NoVerdict
    })
}

fn explain(args: &DoctorArgs, check: &str) -> Result<Code> {
    let tree = tree(args)?;
    let (cpus, _) = cpus(args, &tree)?;
    let Some(explanation) = doctor::explain(check, &tree, &cpus) else {
        bail!("there is no check {check:?}");
    };
    output::print(&print::doctor::explanation(&explanation))?;
    Ok(Code::Done)
}

fn examine(args: &DoctorArgs) -> Result<Code> {
    let tree = tree(args)?;
    let (cpus, host_cpus) = cpus(args, &tree)?;
    let plan = Plan {
        broken: host_cpus.judge(&cpus, cpus.len()),
        cpus,
        guests: match args.engine {
            DoctorEngine::Auto | DoctorEngine::Kvm => Guests::Kvm,
            DoctorEngine::Qemu => Guests::Emulator,
            DoctorEngine::Host => Guests::None,
        },
        host: measures_host(args),
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
    Ok(match verdict.fit {
        true => Code::Done,
        false => Code::Unfit,
    })
}

fn tree(args: &DoctorArgs) -> Result<Tree> {
    if !args.root.is_dir() {
        bail!(
            "{} is no folder; name one that holds proc and sys",
            args.root.display()
        );
    }
    Ok(Tree::at(&args.root))
}

/// The CPUs that would measure, and those that they were chosen from.
fn cpus(args: &DoctorArgs, tree: &Tree) -> Result<(Vec<usize>, HostCpus)> {
    let host_cpus = HostCpus::read(tree);
    let cpus = match &args.cpus {
        Some(asked) => {
            cpus::mask(&asked.0)?;
            asked.0.clone()
        }
        None => host_cpus.choose(Wanted {
            cpus: 1,
            host: measures_host(args),
        }),
    };
    Ok((cpus, host_cpus))
}

/// As table1 has them: guests, and the host to compare with.
fn measures_host(args: &DoctorArgs) -> bool {
    matches!(args.engine, DoctorEngine::Auto | DoctorEngine::Host)
}
