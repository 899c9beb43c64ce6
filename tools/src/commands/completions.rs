//! `tollgate completions`: shell completions of tollgate's commands and options.

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Code;
use crate::output;

/// Prints the shell's script.
pub fn run(args: &CompletionsArgs) -> Result<Code> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tollgate", &mut script);
    let script = String::from_utf8(script).context("the script is not text")?;
    output::print(&script)?;
    Ok(Code::Done)
}
