//! `tollgate parse`: from consoles to `samples.csv`, `counts.csv` and `boots.csv`.

use anyhow::Result;
use runs::run::{BootState, RunFolder};
use runs::stages::parse::{self, Parsed};

use crate::cli::RunFolderArgs;
use crate::exit::Code;

/// Parses every console of a run.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let parsed = parse::parse(&run)?;
    for line in &parsed.disagreements {
        tell!("{line}");
    }
    report(&run, &parsed);
    Ok(match parsed.count(BootState::Failed) {
        0 => Code::Done,
        _ => Code::BootsFailed,
    })
}

fn report(run: &RunFolder, parsed: &Parsed) {
    let boots = parsed.boots.iter();
    for boot in boots.filter(|boot| boot.state == BootState::Failed) {
        tell!(
            "{}, boot {}, failed: {}",
            boot.target,
            boot.boot,
            boot.reason
        );
    }
    let samples: usize = parsed.boots.iter().map(|boot| boot.samples).sum();
    tell!(
        "{samples} samples of {} boots in {}; {} boots failed, {} were not run",
        parsed.count(BootState::Ok),
        run.path().display(),
        parsed.count(BootState::Failed),
        parsed.count(BootState::NotRun)
    );
}
