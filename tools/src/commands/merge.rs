//! `tollgate merge`: the union of runs of one experiment.

use anyhow::Result;
use runs::merge;

use crate::cli::MergeArgs;
use crate::exit::Code;

/// Merges runs into a new folder.
pub fn run(args: &MergeArgs) -> Result<Code> {
    let merged = merge::merge(&args.out, &args.runs, args.overlapping())?;
    if let Some(incomplete) = &merged.incomplete {
        tell!("{incomplete}");
    }
    tell!(
        "{} of {} on {} are in {}",
        counted(merged.finished, "boot"),
        counted(merged.parts, "run"),
        counted(merged.machines, "machine"),
        merged.run.path().display()
    );
    Ok(match merged.incomplete {
        Some(_) => Code::BootsFailed,
        None => Code::Done,
    })
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}
