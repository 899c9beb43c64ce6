//! Paths that are kept in a run's folder, in addition to the files of its stages.

use std::io;
use std::path::Path;

use eval::compare::Paths;
use eval::crossing::Crossing;

use host::files::{self, Damaged, FileError};

const PREFIX: &str = "trace-";
const JSON: &str = ".json";

/// Writes a path and its plot, an SVG file.
///
/// # Errors
///
/// Those of writing.
pub fn write(folder: &Path, path: &Crossing, plot: &str) -> Result<(), FileError> {
    let file = |ending: &str| folder.join(format!("{PREFIX}{}{ending}", path.target));
    files::write_with(&file(JSON), |out| {
        out.write_all(path.json().map_err(io::Error::other)?.as_bytes())
    })?;
    files::write(&file(".svg"), plot)
}

/// The paths in a folder, in the order of their targets' names, each with that name.
///
/// # Errors
///
/// A file cannot be read, or is damaged.
pub fn read(folder: &Path) -> Result<Paths, FileError> {
    let mut paths = Paths::new();
    for name in files::names(folder)? {
        let target = name.strip_prefix(PREFIX);
        let Some(target) = target.and_then(|name| name.strip_suffix(JSON)) else {
            continue;
        };
        let path = folder.join(&name);
        let crossing = Crossing::parse(&files::read_text(&path)?).map_err(|error| Damaged {
            path,
            reason: error.to_string(),
            remedy: "recreate it with `tollgate trace`",
        })?;
        paths.push((target.to_owned(), crossing));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_folder_gives_back_the_paths_that_it_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(read(folder).unwrap(), []);
        let paths =
            ["linux", "ring0"].map(|target| (target.to_owned(), Crossing::made_up(target, &[])));
        for (_, path) in paths.iter().rev() {
            write(folder, path, "<svg/>").unwrap();
        }
        files::write(&folder.join("summary.json"), "{}").unwrap();
        assert_eq!(read(folder).unwrap(), paths);
        files::write(&folder.join("trace-mine.json"), "{}").unwrap();
        let error = read(folder).unwrap_err().to_string();
        assert!(error.contains("trace-mine.json is damaged"), "{error}");
    }
}
