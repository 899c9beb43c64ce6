//! The default folder for runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use host::files::{self, FileError};
use jiff::Zoned;

use super::{RunError, RunFolder};
use crate::shard::Shard;

const RESULTS: &str = "results";
const LATEST: &str = "latest";

/// The folder of a new run of that experiment, named after the time.
pub fn fresh(name: &str) -> PathBuf {
    let now = Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    Path::new(RESULTS).join(format!("{name}-{now}"))
}

/// The folder of a shard of that experiment: always the same one, so that a restarted task finds
/// its finished work.
pub fn of_shard(name: &str, shard: Shard) -> PathBuf {
    let Shard { index, of } = shard;
    Path::new(RESULTS).join(format!("{name}-shard-{index}-of-{of}"))
}

/// The newest run of that experiment in `results/`; names sort by time.
pub fn newest(name: &str) -> Result<PathBuf, RunError> {
    let results = Path::new(RESULTS);
    let is_one = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let time = file
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'));
        time.is_some_and(is_time) && RunFolder::open(path).is_ok()
    };
    let runs = fs::read_dir(results).into_iter().flatten();
    let paths = runs.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(is_one).max().ok_or(RunError::NotARun {
        folder: results.join(format!("{name}-*")),
    })
}

/// Whether a name ends as in [`fresh`]: `20261121-044227`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
}

/// Turns `results/latest` into a link to the run, in one step.
pub fn point_latest_at(run: &Path) -> Result<(), FileError> {
    let Some(name) = run.file_name() else {
        return Ok(());
    };
    let link = Path::new(RESULTS).join(LATEST);
    let beside = Path::new(RESULTS).join(format!(".{LATEST}-{}", std::process::id()));
    let linked = symlink(name, &beside).and_then(|()| fs::rename(&beside, &link));
    linked.map_err(files::writing(&link))
}
