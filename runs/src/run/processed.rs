//! Reads the results of `tollgate process`.

use eval::summary::{self, Summary};
use eval::watches::{self, Watches};
use host::files::{self, Damaged, FileError};

use super::RunFolder;

const AGAIN: &str = "run `tollgate process` again";

/// The statistics of a run, as written by `process`.
pub fn read_summary(run: &RunFolder) -> Result<Summary, FileError> {
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

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

/// What each watch adds, as written by `process`; `None` if an earlier version wrote it.
pub fn read_watches(run: &RunFolder) -> Result<Option<Watches>, FileError> {
    let path = run.watch_costs();
    if !files::has_sum(&run.process_sums(), &path)? {
        return Ok(None);
    }
    files::check_sum(&run.process_sums(), &path, AGAIN)?;
    // The version comes first, because another version may have other fields.
    let Version { version } = files::read_json(&path, AGAIN)?;
    if version != watches::FORMAT_VERSION {
        return Err(Damaged {
            path,
            reason: format!(
                "it has version {version}, but this tool reads version {}",
                watches::FORMAT_VERSION
            ),
            remedy: AGAIN,
        }
        .into());
    }
    files::read_json(&path, AGAIN).map(Some)
}
