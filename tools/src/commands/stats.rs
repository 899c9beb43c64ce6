//! `tollgate stats`: statistics of bare console logs.

use std::path::Path;

use anyhow::Result;
use eval::bare;
use eval::log::{self, Log};

use crate::cli::StatsArgs;
use crate::exit::Code;
use crate::output;
use host::files::{self, Damaged};

/// Pools the logs' values and prints their statistics.
pub fn run(args: &StatsArgs) -> Result<Code> {
    let logs: Result<Vec<_>> = args.logs.iter().map(|path| read(path)).collect();
    let logs = logs?;
    if let Some([(a, _), (b, _)]) = logs.array_windows().find(|[a, b]| a.1.method != b.1.method) {
        tell!(
            "tollgate: {a} and {b} use different methods, whose values are never pooled: run stats for each"
        );
        return Ok(Code::Usage);
    }
    let stats = bare::stats(&logs)?;
    output::print(&if args.json {
        output::json(&stats)?
    } else {
        bare::text(&stats)
    })?;
    Ok(Code::Done)
}

fn read(path: &Path) -> Result<(String, Log)> {
    let log = log::parse(&files::read(path)?).map_err(|error| Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
        remedy: "only a complete log has statistics",
    })?;
    Ok((path.display().to_string(), log))
}
