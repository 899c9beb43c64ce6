//! The plots of `tollgate usage search`.

use std::fs;

use anyhow::{Context, Result};
use host::files;
use usage::plots::{self, Drawn};
use usage::search::{Cumulative, Heat, Profile, Selection};

use crate::cli::SearchArgs;

/// Writes the requested plots, and a page with all of them.
pub fn write(args: &SearchArgs, selection: &Selection) -> Result<()> {
    let plots = drawn(args, selection)?;
    if plots.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot create {}", args.output.display()))?;
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
    const NONE: &str = "no data: none of the applications has an analysis of its source, which \
        --static-source needs";
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
