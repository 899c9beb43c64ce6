//! `tollgate boot`: one kernel image, its console, its status.

use anyhow::{Context, Result};
use host::{files, interrupt, process};
use runs::engine::single::{self, Single};
use runs::engine::{Engine, kvm};
use vmm::kvm::NewVm;

use crate::cli::BootArgs;
use crate::exit::{self, Code};
use crate::output::Console;
use crate::print;

/// Boots an image; the console goes to standard output, how it ended to standard error. `new`
/// is its machine, if that is already being created.
pub fn run(args: &BootArgs, new: Option<NewVm>) -> Result<Code> {
    let began = process::start();
    let spec = args.spec();
    // Engines would name neither the file nor the remedy.
    files::check_regular(&spec.kernel)?;
    if let Some(initrd) = &spec.initrd {
        files::check_regular(initrd)?;
    }
    let options = args.kvm.options();
    // Started first, because it takes time and does not depend on the following steps.
    let (wish, flag) = (args.engine.into(), args.kvm.given());
    let say = |line: &str| tell!("{line}");
    let engine = single::choose(wish, flag, &spec, &options, new, began, &say)?;
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let mut console = Console::default();
    let (end, lines) = match engine {
        Single::Kvm(ready) => {
            let kernel = kvm::open(&options, &spec)?;
            let report = kvm::boot(ready, kernel, &mut console, &stop);
            let lines = if args.kvm.for_run {
                vec![kvm::report(&report.outcome).context("cannot report to the run")?]
            } else {
                print::boot::report(&report, args.kvm.stats)
            };
            (report.outcome.end, lines)
        }
        Single::Qemu(qemu) => {
            qemu.check(&spec)?;
            (qemu.boot(&spec, &mut console, &stop).end, Vec::new())
        }
    };
    let closed = console.close();
    for line in lines {
        tell!("{line}");
    }
    // A run reads the report on the last line.
    if !args.kvm.for_run {
        tell!("tollgate: {end}");
    }
    closed?;
    Ok(exit::of_end(&end))
}
