//! Reads the results of `tollgate process`.

use eval::summary::{self, Summary};
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
