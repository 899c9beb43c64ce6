//! `tollgate boot`: one kernel image, its console, its status.

use std::io::stdout;
use std::time::Duration;

use anyhow::{Context, Result};
use vmm::BootSpec;

use crate::cli::{BootArgs, BootEngine};
use crate::engine::{Engine, Qemu};
use crate::exit::{self, Code};
use crate::{files, interrupt};

/// Boots an image; the console goes to standard output, how it ended to standard error.
pub fn run(args: &BootArgs) -> Result<Code> {
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let spec = spec(args);
    // QEMU would name neither the file nor the remedy.
    files::open(&spec.kernel)?;
    if let Some(initrd) = &spec.initrd {
        files::open(initrd)?;
    }
    let engine = match args.engine {
        BootEngine::Qemu => Qemu::find()?,
    };
    engine.check(&spec)?;
    let outcome = engine.boot(&spec, &mut stdout().lock(), &stop);
    eprintln!("tollgate: {}", outcome.end);
    Ok(exit::of_end(&outcome.end))
}

fn spec(args: &BootArgs) -> BootSpec {
    BootSpec {
        kernel: args.image.clone(),
        initrd: args.initrd.clone(),
        cmdline: args.append.clone(),
        memory_mib: args.memory,
        cpus: args.cpus,
        pin: args
            .pin
            .as_ref()
            .map(|pin| pin.0.clone())
            .unwrap_or_default(),
        timeout: Duration::from_secs(args.timeout.into()),
    }
}
