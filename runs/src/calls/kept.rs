//! The list of calls in a run's folder, with the record of how it was measured.

use super::{CallsError, Measured, Record};
use crate::run::{Manifest, RunFolder};
use host::files::{self, Damaged};

const REMEDY: &str = "make it again with `tollgate usage calls`";

/// Writes the console, the list in the form `text`, and the record, which comes last.
///
/// # Errors
///
/// Those of writing.
pub fn keep(run: &RunFolder, measured: &Measured, text: &str) -> Result<(), CallsError> {
    let target = &measured.record.target;
    let record = Record {
        list_sha256: files::sha256(text.as_bytes()),
        ..measured.record.clone()
    };
    files::write(
        &run.file(&format!("console/{target}.calls.log")),
        &measured.console,
    )?;
    files::write(&run.file(&list(target)), text)?;
    files::write_json(&run.file(&format!("calls-{target}.json")), &record)?;
    Ok(())
}

fn list(target: &str) -> String {
    format!("calls-{target}.txt")
}

/// Checks that a target's list, if there is one, was measured in this run, and is unchanged.
///
/// # Errors
///
/// It was not.
pub fn check(run: &RunFolder, manifest: &Manifest, target: &str) -> Result<(), CallsError> {
    let path = run.file(&list(target));
    if !path.exists() {
        return Ok(());
    }
    let record: Record = files::read_json(&run.file(&format!("calls-{target}.json")), REMEDY)?;
    let id = manifest.targets.iter().find(|id| id.name == target);
    let image = id
        .and_then(|id| id.image.as_ref())
        .map(|image| &image.sha256);
    let same = [
        ("another run", record.run == manifest.id),
        ("another target", record.target == target),
        (
            "another kernel",
            record.image.as_ref().map(|image| &image.sha256) == image,
        ),
        (
            "another list",
            record.list_sha256 == files::sha256_of(&path)?,
        ),
    ];
    let other = same
        .into_iter()
        .find_map(|(what, same)| (!same).then_some(what));
    match other {
        None => Ok(()),
        Some(what) => Err(files::FileError::from(Damaged {
            path,
            reason: format!("calls-{target}.json belongs to {what}"),
            remedy: REMEDY,
        })
        .into()),
    }
}
