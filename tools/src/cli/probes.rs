//! The command line of `tollgate probes`.

use clap::{Args, Subcommand};

pub const EXAMPLES: &str = "\
Examples:
  tollgate probes list
  sudo tollgate probes check
  tollgate run experiments/probes-quick.toml

`watch` in a target says what is watched while it is measured; docs/PROBES.md has the words.

Exit codes of `check`: 0 every kind works here, 2 the kernel refuses some; others as in
tollgate --help.";

/// `tollgate probes`.
#[derive(Debug, Args)]
pub struct ProbesArgs {
    /// The command
    #[command(subcommand)]
    pub command: ProbesCommand,
}

/// Its commands.
#[derive(Debug, Subcommand)]
pub enum ProbesCommand {
    /// List kinds with their sites and the first Linux that has them, and programs
    List,
    /// Attach each kind to each of its sites on this machine, detach it, and say what is refused
    Check,
}
