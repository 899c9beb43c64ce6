//! One file per command.

mod boot;
mod compare;
mod completions;
mod diff_env;
mod doctor;
mod export;
mod initramfs;
mod man;
mod merge;
mod parse;
mod probes;
mod process;
mod report;
mod run;
mod stats;
mod trace;
mod tune;
mod usage;

use anyhow::Result;
use vmm::kvm::NewVm;

use crate::cli::{Command, Deferred};
use crate::exit::Code;

/// Does what the command line says. `boot` is the machine of a boot, if it is on its way already.
pub fn run(command: &Command, boot: Option<NewVm>) -> Result<Code> {
    match command {
        Command::Run(Deferred(args)) => run::run(args),
        Command::Parse(Deferred(args)) => parse::run(args),
        Command::Process(Deferred(args)) => process::run(args),
        Command::Report(Deferred(args)) => report::run(args),
        Command::Export(Deferred(args)) => export::run(args),
        Command::Merge(Deferred(args)) => merge::run(args),
        Command::Stats(Deferred(args)) => stats::run(args),
        Command::Boot(Deferred(args)) => boot::run(args, boot),
        Command::Compare(Deferred(args)) => compare::run(args),
        Command::DiffEnv(Deferred(args)) => diff_env::run(args),
        Command::Doctor(Deferred(args)) => Ok(doctor::run(args)),
        Command::Completions(Deferred(args)) => completions::run(args),
        Command::Man(Deferred(args)) => man::run(args),
        Command::Initramfs(Deferred(args)) => initramfs::run(args),
        Command::Trace(Deferred(args)) => trace::run(args),
        Command::Tune(Deferred(args)) => tune::run(args),
        Command::Probes(Deferred(args)) => probes::run(args),
        Command::Usage(Deferred(args)) => usage::run(args),
    }
}
