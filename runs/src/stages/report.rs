//! From statistics to tables, plots and a page.

mod provenance;

use std::collections::HashMap;

use eval::boot::{self, Boot};
use eval::plot::{self, Picture, PlotError};
use eval::report;
use eval::rounds::Round;
use eval::summary::Summary;
use eval::table;
use eval::watches::{self, Watches};

use host::files;

use crate::run::{BootRow, BootState, Manifest, RunError, RunFolder, parsed, processed};
use crate::trace::kept;

/// What the files show.
pub struct Reported {
    /// The statistics.
    pub summary: Summary,
    /// What each watch adds, if sites were watched.
    pub watches: Option<Watches>,
}

/// Writes tables, plots and the page; returns the statistics that they show.
///
/// # Errors
///
/// The results of an earlier stage are missing, damaged or from another state of the run; a
/// plot cannot be drawn; or a file cannot be written.
pub fn report(run: &RunFolder) -> Result<Reported, RunError> {
    let manifest = Manifest::read(run)?;
    parsed::check_manifest(run)?;
    let summary = processed::read_summary(run)?;
    let levels = parsed::read_samples(run)?;
    let rounds = parsed::read_rounds(run)?;
    let boots = boots(&parsed::read_rows(run)?, &rounds);
    let provenance = provenance::of(run, &manifest)?;
    let crossings = kept::read(run.path())?;
    let crossings: Vec<_> = crossings.into_iter().map(|(_, path)| path).collect();

    let write = |name: &str, content: String| files::write(&run.file(name), content);
    for (name, table) in table::FILES {
        write(name, table(&summary))?;
    }
    let draw = |file: &'static str, picture: Result<Picture, PlotError>| {
        let picture = picture.map_err(|error| RunError::Plot { file, error })?;
        Ok::<_, RunError>(write(file, picture.file())?)
    };
    draw("comparison.svg", plot::comparison(&summary))?;
    draw("distribution.svg", plot::distribution(&summary, &levels))?;
    draw("boots.svg", plot::boots(&summary, &boots))?;
    draw("ratio.svg", plot::ratio(&summary))?;
    if summary.has_counts() {
        draw("instructions.svg", plot::instructions(&summary))?;
    }
    let watched = processed::read_watches(run)?.filter(|watches| !watches.targets.is_empty());
    if let Some(watches) = &watched {
        write("watches.txt", watches::text(watches))?;
        for target in &watches.targets {
            let file = format!("watches-{}.svg", target.name);
            let picture = plot::watches(target).map_err(|error| RunError::Plot {
                file: "watches.svg",
                error,
            })?;
            write(&file, picture.file())?;
        }
    }
    let page = report::html(&report::Run {
        summary: &summary,
        levels: &levels,
        boots: &boots,
        provenance: &provenance,
        crossings: &crossings,
        watches: watched.as_ref(),
    });
    write(
        PAGE,
        page.map_err(|error| RunError::Plot { file: PAGE, error })?,
    )?;

    Ok(Reported {
        summary,
        watches: watched,
    })
}

/// The page with everything.
pub const PAGE: &str = "report.html";

/// The boots that were started.
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
