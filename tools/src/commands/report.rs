//! `tollgate report`: from statistics to tables and plots.

use anyhow::{Context, Result};
use eval::plot;
use eval::summary::{self, Summary};
use eval::table::{self, Style};

use crate::cli::RunFolderArgs;
use crate::commands::process;
use crate::exit::Code;
use crate::files::{self, Damaged};
use crate::output;
use crate::run::RunFolder;

/// Writes tables and plots, and prints the table.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let summary = read_summary(&run)?;
    let levels = process::read_samples(&run)?;
    for (name, content) in [
        ("table.txt", table::text(&summary)),
        ("table.md", table::markdown(&summary)),
        ("table.tex", table::latex(&summary)),
        (
            "comparison.svg",
            plot::comparison(&summary).context("comparison.svg")?.file(),
        ),
        (
            "distribution.svg",
            plot::distribution(&summary, &levels)
                .context("distribution.svg")?
                .file(),
        ),
    ] {
        files::write(&run.file(name), content)?;
    }
    output::print(&table::terminal(&summary, style()))?;
    tell!("tables and plots are in {}", run.path().display());
    let failed: u32 = summary
        .targets
        .iter()
        .map(|target| target.info.boots_failed)
        .sum();
    Ok(match failed {
        0 => Code::Done,
        _ => Code::BootsFailed,
    })
}

const AGAIN: &str = "run `tollgate process` again";

fn read_summary(run: &RunFolder) -> Result<Summary> {
    let path = run.summary();
    files::check_sum(&run.process_sums(), &path, AGAIN)?;
    files::check_sum(&run.process_sums(), &run.parse_sums(), AGAIN)?;
    summary::read_json(files::open(&path)?).map_err(|error| {
        Damaged {
            path,
            reason: error.to_string(),
            remedy: AGAIN,
        }
        .into()
    })
}

fn style() -> Style {
    match output::wants_colour() {
        true => Style::Colour,
        false => Style::Plain,
    }
}
