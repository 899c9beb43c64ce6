//! Files that root acts upon: nobody else may have made them, or be able to change them.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf, absolute};

/// Somebody else could have written what root would act upon.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not trusted, because {reason}")]
pub struct Untrusted {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Refuses a file or folder that another user has made or may write to, or that is a link;
/// `None` if there is none.
///
/// # Errors
///
/// Why it is refused.
pub fn check(path: &Path) -> Result<Option<Metadata>, Untrusted> {
    let Some(metadata) = look(path)? else {
        return Ok(None);
    };
    let reason = if metadata.is_symlink() {
        Some("it is a link".into())
    } else {
        by_owner(&metadata).or_else(|| by_mode(&metadata))
    };
    refuse(path, reason).map(|()| Some(metadata))
}

/// More links than this lead nowhere (MAXSYMLINKS in include/linux/namei.h).
const MOST_LINKS: u32 = 40;

/// Refuses a path on whose way somebody else could put another folder: each folder above it, and
/// above what links on the way lead to, has to be root's or ours, and writable by nobody else
/// unless it is sticky, as /tmp is. The path itself is for [`check`].
///
/// # Errors
///
/// The first folder or link that is refused, and why.
pub fn check_way(path: &Path) -> Result<(), Untrusted> {
    let whole = absolute(path).map_err(|error| Untrusted {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    whole.parent().map_or(Ok(()), |above| walk(above, 0))
}

fn walk(path: &Path, links: u32) -> Result<(), Untrusted> {
    let mut at = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        let above = at.clone();
        at.push(part);
        let Some(metadata) = look(&at)? else {
            return Ok(());
        };
        if !metadata.is_symlink() {
            let by_mode = by_mode(&metadata).filter(|_| !is_sticky(&metadata));
            refuse(&at, by_owner(&metadata).or(by_mode))?;
            continue;
        }
        let has_too_many = (links >= MOST_LINKS).then(|| "too many links lead to it".to_owned());
        refuse(&at, by_owner(&metadata).or(has_too_many))?;
        let target = fs::read_link(&at).map_err(|error| Untrusted {
            path: at.clone(),
            reason: error.to_string(),
        })?;
        return walk(&above.join(target).join(parts.as_path()), links + 1);
    }
    Ok(())
}

fn look(path: &Path) -> Result<Option<Metadata>, Untrusted> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => refuse(path, Some(error.to_string())).map(|()| None),
    }
}

fn refuse(path: &Path, reason: Option<String>) -> Result<(), Untrusted> {
    reason.map_or(Ok(()), |reason| {
        Err(Untrusted {
            path: path.to_owned(),
            reason,
        })
    })
}

fn by_owner(metadata: &Metadata) -> Option<String> {
    const ROOT: u32 = 0;
    let owner = metadata.uid();
    let ours = [ROOT, rustix::process::geteuid().as_raw()];
    (!ours.contains(&owner)).then(|| format!("it belongs to user {owner}"))
}

fn by_mode(metadata: &Metadata) -> Option<String> {
    const OTHERS_WRITE: u32 = 0o022;
    let mode = metadata.permissions().mode();
    (mode & OTHERS_WRITE != 0).then(|| format!("others may write to it (mode {:o})", mode & 0o7777))
}

fn is_sticky(metadata: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    metadata.permissions().mode() & STICKY != 0
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(path: &Path, mode: u32) {
        fs::create_dir_all(path).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// The refusal of a path below that folder.
    fn refusal(path: &Path) -> String {
        check_way(path).unwrap_err().to_string()
    }

    #[test]
    fn every_folder_on_the_way_counts() {
        let temporary = tempfile::tempdir().unwrap();
        let var = temporary.path().join("var");
        folder(&var.join("lib"), 0o755);
        folder(&var, 0o755);
        let state = var.join("lib/tollgate");
        check_way(&state).unwrap();
        folder(&var, 0o775);
        let name = format!("{} is not trusted, because others may write", var.display());
        assert!(refusal(&state).contains(&name), "{}", refusal(&state));
        // Nobody else can rename what lies there.
        folder(&var, 0o1777);
        check_way(&state).unwrap();
        // What is not there yet will be made by us.
        check_way(&var.join("other/tollgate")).unwrap();
    }

    #[test]
    fn links_on_the_way_are_followed_to_folders_that_count_as_well() {
        let temporary = tempfile::tempdir().unwrap();
        let [var, open, safe] = ["var", "open", "safe"].map(|name| temporary.path().join(name));
        folder(&var, 0o755);
        folder(&open, 0o755);
        folder(&open.join("lib"), 0o755);
        folder(&safe, 0o755);
        folder(&open, 0o777);
        symlink("../open/lib", var.join("lib")).unwrap();
        let refused = refusal(&var.join("lib/tollgate"));
        // The path to it keeps the link's own words.
        assert!(refused.contains("/open is not trusted"), "{refused}");
        fs::remove_file(var.join("lib")).unwrap();
        symlink(&safe, var.join("lib")).unwrap();
        check_way(&var.join("lib/tollgate")).unwrap();
        fs::remove_file(var.join("lib")).unwrap();
        symlink("lib", var.join("lib")).unwrap();
        let refused = refusal(&var.join("lib/tollgate"));
        assert!(refused.contains("too many links"), "{refused}");
    }

    #[test]
    fn another_users_folder_is_refused() {
        // Only root can give a folder away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let other = temporary.path().join("other");
        folder(&other, 0o755);
        std::os::unix::fs::chown(&other, Some(12345), None).unwrap();
        let refused = refusal(&other.join("tollgate"));
        assert!(refused.contains("it belongs to user 12345"), "{refused}");
        let refused = check(&other).unwrap_err().to_string();
        assert!(refused.contains("it belongs to user 12345"), "{refused}");
    }
}
