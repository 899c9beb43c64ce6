//! Files that root acts upon: nobody else may have made them, or be able to change them.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::TuneError;

/// Refuses a file or folder that another user has made or may write to, or that is a link;
/// `None` if there is none.
pub fn check(path: &Path) -> Result<Option<Metadata>, TuneError> {
    let refused = |reason: String| TuneError::Untrusted {
        path: path.to_owned(),
        reason,
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
    };
    match reason_against(&metadata) {
        Some(reason) => Err(refused(reason)),
        None => Ok(Some(metadata)),
    }
}

fn reason_against(metadata: &Metadata) -> Option<String> {
    const ROOT: u32 = 0;
    const OTHERS_WRITE: u32 = 0o022;
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode());
    let ours = [ROOT, rustix::process::geteuid().as_raw()];
    if metadata.is_symlink() {
        Some("it is a link".into())
    } else if !ours.contains(&owner) {
        Some(format!("it belongs to user {owner}"))
    } else if mode & OTHERS_WRITE != 0 {
        Some(format!("others may write to it (mode {:o})", mode & 0o7777))
    } else {
        None
    }
}
