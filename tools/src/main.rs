//! The `tollgate` command.

#[macro_use]
mod output;

mod cli;
mod commands;
mod exit;
mod print;
mod progress;
#[cfg(test)]
mod schemas;
mod version;

use std::env;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use vmm::kvm::NewVm;

use crate::cli::Cli;
use crate::exit::Code;

/// Instead of musl's, which makes the start-up slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let boot = begin_boot();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(&cli.command, boot) {
        Ok(code) => code.into(),
        Err(error) => {
            tell!("tollgate: {error:#}");
            exit::of_error(&error).into()
        }
    }
}

/// The first steps of a boot, which do not depend on the command line and take longer than
/// parsing it.
fn begin_boot() -> Option<NewVm> {
    let command = env::args_os().nth(1)?;
    (command == "boot").then(NewVm::begin)
}

/// Help and version are not errors; everything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    let long = || env::args_os().any(|word| word == "--version");
    let printed = match error.kind() {
        ErrorKind::DisplayVersion if long() => output::print(&version::long()),
        _ => output::printed(error.print()),
    };
    match (error.kind(), printed) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Ok(())) => Code::Done.into(),
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Err(error)) => {
            tell!("tollgate: {error}");
            Code::Io.into()
        }
        _ => Code::Usage.into(),
    }
}
