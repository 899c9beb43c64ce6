//! `tollgate report`: from statistics to tables, plots and a page.

mod provenance;

use std::collections::HashMap;

use anyhow::{Context, Result};
use eval::boot::{self, Boot};
use eval::plot::{self, Picture, PlotError};
use eval::report;
use eval::rounds::Round;
use eval::summary::{self, Summary};
use eval::table;

use crate::cli::RunFolderArgs;
use crate::commands::{parse, process};
use crate::exit::Code;
use crate::output;
use host::files::{self, Damaged};
use runs::run::{BootRow, BootState, Manifest, RunFolder};
use runs::trace::kept;

/// Writes tables, plots and the page, and prints the table.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let manifest = Manifest::read(&run)?;
    parse::check_manifest(&run)?;
    let summary = read_summary(&run)?;
    let levels = process::read_samples(&run)?;
    let rounds = parse::read_rounds(&run)?;
    let boots = boots(&parse::read_rows(&run)?, &rounds);
    let provenance = provenance::of(&run, &manifest)?;
    let crossings = kept::read(run.path())?;
    let crossings: Vec<_> = crossings.into_iter().map(|(_, path)| path).collect();

    let write = |name: &str, content: String| files::write(&run.file(name), content);
    write("table.txt", table::text(&summary))?;
    write("table.md", table::markdown(&summary))?;
    write("table.tex", table::latex(&summary))?;
    let draw = |name: &'static str, picture: Result<Picture, PlotError>| -> Result<()> {
        Ok(write(name, picture.context(name)?.file())?)
    };
    draw("comparison.svg", plot::comparison(&summary))?;
    draw("distribution.svg", plot::distribution(&summary, &levels))?;
    draw("boots.svg", plot::boots(&summary, &boots))?;
    draw("ratio.svg", plot::ratio(&summary))?;
    if summary.has_counts() {
        draw("instructions.svg", plot::instructions(&summary))?;
    }
    let page = report::html(&report::Run {
        summary: &summary,
        levels: &levels,
        boots: &boots,
        provenance: &provenance,
        crossings: &crossings,
    });
    write(PAGE, page.context(PAGE)?)?;

    output::print(&table::terminal(&summary, output::style()))?;
    tell!("tables and plots are in {}", run.path().display());
    tell!("all of it on one page: {}", run.file(PAGE).display());
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

const PAGE: &str = "report.html";

const AGAIN: &str = "run `tollgate process` again";

/// The statistics of a run, as `process` left them.
pub fn read_summary(run: &RunFolder) -> Result<Summary> {
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

/// The boots that were begun.
fn boots(rows: &[BootRow], rounds: &[Round]) -> Vec<Boot> {
    let mut of_boot = HashMap::<(&str, u32), Vec<&Round>>::new();
    for round in rounds {
        let id = (round.target.as_str(), round.boot);
        of_boot.entry(id).or_default().push(round);
    }
    let begun = rows.iter().filter(|row| row.state != BootState::NotRun);
    let boot = |row: &BootRow| {
        let rounds = of_boot.get(&(row.target.as_str(), row.boot));
        let rounds = rounds.map_or(&[][..], Vec::as_slice);
        let disturbed = rounds.iter().filter(|round| round.disturbed());
        Boot {
            target: row.target.clone(),
            boot: row.boot,
            position: u32::try_from(row.position).unwrap_or(u32::MAX),
            failed: (row.state == BootState::Failed).then(|| row.reason.clone()),
            disturbances: boot::disturbances(rounds),
            watched_rounds: rounds.iter().filter(|round| round.watched()).count(),
            disturbed_rounds: disturbed.map(|round| (*round).clone()).collect(),
        }
    };
    begun.map(boot).collect()
}
