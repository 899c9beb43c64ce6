//! `tollgate usage search`: what a database says.

use std::fs;

use anyhow::{Context, Result, bail};
use host::files;
use usage::database::Database;
use usage::plots::{self, Drawn};
use usage::search::{Cumulative, Heat, Profile, Selection, restrict, select, show};
use usage::sqlite;

use crate::cli::{SearchArgs, SelectionArgs};
use crate::exit::Code;
use crate::output;

/// Prints, plots and exports what was asked for.
pub fn run(args: &SearchArgs) -> Result<Code> {
    let (mut database, selection) = selected(&args.selection)?;
    if selection.applications.is_empty() {
        bail!(
            "no data: {} has no measurement of these applications and workloads",
            database.path.display()
        );
    }
    if args.show {
        let shown = show(&selection);
        output::print(&match args.json {
            true => output::json(&shown)?,
            false => shown.to_string(),
        })?;
    }
    if let Some(file) = &args.sqlite {
        let SelectionArgs {
            applications,
            workloads,
            ..
        } = &args.selection;
        restrict(&mut database, applications, *workloads);
        sqlite::export(&database, file)?;
        tell!("usage: {}", file.display());
    }
    write(args, &selection)?;
    Ok(Code::Done)
}

/// The database, and what it has of what was asked for.
pub fn selected(args: &SelectionArgs) -> Result<(Database, Selection)> {
    let mut database = Database::open(&args.db)?;
    database.choose(&args.measurement)?;
    let selection = select(&database, &args.applications, args.workloads)?;
    Ok((database, selection))
}

fn write(args: &SearchArgs, selection: &Selection) -> Result<()> {
    let plots = drawn(args, selection)?;
    if plots.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&args.output)
        .with_context(|| format!("{} cannot be made", args.output.display()))?;
    let workloads = args.selection.workloads.to_string();
    let pictures = plots.iter().map(|plot| {
        let file = format!("{}.svg", plot.name);
        (file, plot.picture.file())
    });
    let page = (
        "usage.html".to_owned(),
        plots::page(selection, &workloads, &plots),
    );
    for (name, content) in pictures.chain([page]) {
        let path = args.output.join(name);
        files::write(&path, &content)?;
        tell!("usage: {}", path.display());
    }
    Ok(())
}

fn drawn(args: &SearchArgs, selection: &Selection) -> Result<Vec<Drawn>> {
    const NONE: &str = "no data: no application has what --static-source compares";
    let mut drawn = Vec::new();
    if args.cumulative {
        let data = Cumulative::new(selection, args.static_source).context(NONE)?;
        drawn.push(plots::cumulative(&data)?);
    }
    if args.heatmap {
        let data = Heat::new(selection, args.static_source).context(NONE)?;
        drawn.push(plots::heat(&data)?);
    }
    if args.histogram {
        drawn.push(plots::histogram(&Profile::all(selection))?);
    }
    Ok(drawn)
}
