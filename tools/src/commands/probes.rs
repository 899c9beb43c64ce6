//! `tollgate probes`: what can be watched, and what this machine permits.

use anyhow::Result;
use probes::check;

use crate::cli::{ProbesArgs, ProbesCommand};
use crate::exit::Code;
use crate::{output, print};

/// Lists, or tries.
pub fn run(args: &ProbesArgs) -> Result<Code> {
    match args.command {
        ProbesCommand::List => {
            output::print(&print::probes::list())?;
            Ok(Code::Done)
        }
        ProbesCommand::Check => {
            let checked = check::all();
            output::print(&print::probes::checked(&checked))?;
            let mut checked = checked.iter();
            let refused = checked.any(|one| one.refused.is_some());
            Ok(if refused { Code::Unfit } else { Code::Done })
        }
    }
}
