//! Writes a measurement into a database.

use std::fs;
use std::path::{Component, Path, PathBuf};

use md5::{Digest, Md5};

use super::{DatabaseError, Name, Table, UsedTable, Workload};

/// How to reproduce a measurement.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// The application.
    pub application: &'a Name,
    /// Its workload.
    pub workload: &'a Workload,
    /// The file from which its root file system was built; without it, the measurement is
    /// `imported`.
    pub dockerfile: Option<&'a [u8]>,
    /// The command that made the measurement.
    pub command: &'a str,
    /// Files that the Dockerfile needs, by their path below `dockerfile_data`.
    pub data: &'a [(PathBuf, Vec<u8>)],
}

/// The result.
#[derive(Clone, Debug)]
pub struct Results<'a> {
    /// What was used, and what works without.
    pub dynamic: &'a Table,
    /// What the program's files hold.
    pub static_binary: Option<&'a UsedTable>,
    /// What its source holds.
    pub static_sources: Option<&'a UsedTable>,
    /// The log of the exploration.
    pub log: &'a str,
    /// `usage.json`: every run.
    pub json: &'a str,
}

/// The name of a measurement's folder: the MD5 of the Dockerfile, or `imported`.
pub fn recipe_id(dockerfile: Option<&[u8]>) -> String {
    match dockerfile {
        Some(dockerfile) => {
            let digest = Md5::digest(dockerfile);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        None => "imported".to_owned(),
    }
}

/// Writes a measurement into the database in `path`, and returns its folder. It appears
/// complete or not at all. With `replace`, it replaces an existing one.
///
/// # Errors
///
/// The measurement already exists, a file's name leads out of its folder, or writing
/// fails.
pub fn write(
    path: &Path,
    recipe: &Recipe<'_>,
    results: &Results<'_>,
    replace: bool,
) -> Result<PathBuf, DatabaseError> {
    let id = recipe_id(recipe.dockerfile);
    let parent = path
        .join(recipe.application)
        .join(recipe.workload.to_string());
    let folder = parent.join(&id);
    if folder.exists() && !replace {
        return Err(DatabaseError::Exists { path: folder });
    }
    // Hidden, so that readers ignore the remains of an interrupted write.
    let beside = parent.join(format!(".{id}.new"));
    remove(&beside)?;
    for (file, content) in files(recipe, results)? {
        let file = beside.join(file);
        let parent = file.parent().unwrap_or(&beside);
        fs::create_dir_all(parent).map_err(DatabaseError::writing(parent))?;
        fs::write(&file, content).map_err(DatabaseError::writing(&file))?;
    }
    remove(&folder)?;
    fs::rename(&beside, &folder).map_err(DatabaseError::writing(&folder))?;
    Ok(folder)
}

/// Copies a measurement that was written elsewhere, and returns its folder. It appears whole or
/// not at all.
///
/// # Errors
///
/// The measurement already exists, or copying fails.
pub fn adopt(measurement: &Path, workload: &Path, replace: bool) -> Result<PathBuf, DatabaseError> {
    let id = measurement.file_name().unwrap_or_default();
    let folder = workload.join(id);
    if folder.exists() && !replace {
        return Err(DatabaseError::Exists { path: folder });
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(id);
    hidden.push(".new");
    let beside = workload.join(hidden);
    remove(&beside)?;
    copy(measurement, &beside)?;
    remove(&folder)?;
    fs::rename(&beside, &folder).map_err(DatabaseError::writing(&folder))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<(), DatabaseError> {
    fs::create_dir_all(to).map_err(DatabaseError::writing(to))?;
    for entry in fs::read_dir(from).map_err(DatabaseError::reading(from))? {
        let entry = entry.map_err(DatabaseError::reading(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(DatabaseError::writing(&target))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), DatabaseError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DatabaseError::writing(folder)(error))
        }
        _ => Ok(()),
    }
}

/// Each file of a measurement's folder.
fn files(
    recipe: &Recipe<'_>,
    results: &Results<'_>,
) -> Result<Vec<(PathBuf, Vec<u8>)>, DatabaseError> {
    let text = |path: &str, text: &str| (path.into(), text.as_bytes().to_vec());
    let mut files = vec![
        text("cmd.txt", &format!("{}\n", recipe.command)),
        text("explore.logs", results.log),
        text("usage.json", results.json),
        text("data/dyn.csv", &results.dynamic.csv()),
    ];
    if let Some(table) = results.static_binary {
        files.push(text("data/static_binary.csv", &table.csv()));
    }
    if let Some(table) = results.static_sources {
        files.push(text("data/static_sources.csv", &table.csv()));
    }
    if let Some(dockerfile) = recipe.dockerfile {
        let name = format!("Dockerfile.{}", recipe.application);
        files.push((name.into(), dockerfile.to_vec()));
    }
    for (path, content) in recipe.data {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !path.components().all(inside) {
            return Err(DatabaseError::Outside { path: path.clone() });
        }
        files.push((Path::new("dockerfile_data").join(path), content.clone()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Choice, Database};
    use super::*;
    use crate::Call;
    use crate::need::Need;

    fn table() -> Table {
        Table(BTreeMap::from([
            (Call(0), Need::Required),
            (Call(435), Need::Stub),
        ]))
    }

    fn put(
        path: &Path,
        dockerfile: Option<&[u8]>,
        json: &str,
        replace: bool,
    ) -> Result<PathBuf, DatabaseError> {
        let recipe = Recipe {
            application: &Name::new("nginx").unwrap(),
            workload: &Workload::of_folder("benchmark-wrk").unwrap(),
            dockerfile,
            command: "tollgate usage explore -- nginx",
            data: &[("test.sh".into(), b"#!/bin/sh\n".to_vec())],
        };
        let results = Results {
            dynamic: &table(),
            static_binary: Some(&UsedTable([Call(0)].into())),
            static_sources: None,
            log: "two runs\n",
            json,
        };
        write(path, &recipe, &results, replace)
    }

    #[test]
    fn what_is_written_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let old = r#"{"began": "2026-01-01T00:00:00Z"}"#;
        let new = r#"{"began": "2026-02-01T00:00:00Z"}"#;
        put(folder.path(), Some(b"FROM debian\n"), new, false).unwrap();
        put(folder.path(), None, old, false).unwrap();
        let mut database = Database::open(folder.path()).unwrap();
        let application = &database.applications[&Name::new("nginx").unwrap()];
        let newest: Vec<_> = application.newest().collect();
        assert_eq!(newest.len(), 1);
        // md5sum of "FROM debian\n"
        assert_eq!(newest[0].id.as_str(), "005e425e62f024fa53f9fa992e4e0fce");
        assert_eq!(newest[0].dynamic().unwrap(), table());
        assert_eq!(
            newest[0].static_binary().unwrap(),
            Some(UsedTable([Call(0)].into()))
        );
        assert_eq!(newest[0].static_sources().unwrap(), None);
        assert!(newest[0].path.join("Dockerfile.nginx").exists());
        assert!(newest[0].path.join("dockerfile_data/test.sh").exists());
        let choice: Choice = "nginx/benchmark-wrk/imported".parse().unwrap();
        database.choose(std::slice::from_ref(&choice)).unwrap();
        let application = &database.applications[&choice.application];
        assert_eq!(application.newest().next().unwrap().choice(), choice);
    }

    #[test]
    fn a_measurement_is_replaced_only_if_asked() {
        let folder = tempfile::tempdir().unwrap();
        put(
            folder.path(),
            None,
            r#"{"began": "2026-01-01T00:00:00Z"}"#,
            false,
        )
        .unwrap();
        let again = put(
            folder.path(),
            None,
            r#"{"began": "2026-01-01T00:00:00Z"}"#,
            false,
        );
        assert!(matches!(again, Err(DatabaseError::Exists { .. })));
        put(
            folder.path(),
            None,
            r#"{"began": "2026-01-01T00:00:00Z"}"#,
            true,
        )
        .unwrap();
    }

    #[test]
    fn a_measurement_is_copied_whole() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let json = r#"{"began": "2026-01-01T00:00:00Z"}"#;
        let made = put(from.path(), Some(b"FROM debian\n"), json, false).unwrap();
        let workload = to.path().join("nginx/benchmark-wrk");
        let adopted = adopt(&made, &workload, false).unwrap();
        assert_eq!(adopted, workload.join("005e425e62f024fa53f9fa992e4e0fce"));
        assert!(adopted.join("dockerfile_data/test.sh").exists());
        assert_eq!(fs::read_dir(&workload).unwrap().count(), 1);
        let again = adopt(&made, &workload, false);
        assert!(matches!(again, Err(DatabaseError::Exists { .. })));
        adopt(&made, &workload, true).unwrap();
    }

    #[test]
    fn data_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let application = Name::new("nginx").unwrap();
        let workload = Workload::of_folder("suite").unwrap();
        for path in ["../evil", "/etc/passwd", "a/../../evil"] {
            let recipe = Recipe {
                application: &application,
                workload: &workload,
                dockerfile: None,
                command: "",
                data: &[(path.into(), Vec::new())],
            };
            let results = Results {
                dynamic: &table(),
                static_binary: None,
                static_sources: None,
                log: "",
                json: "",
            };
            let written = write(folder.path(), &recipe, &results, false);
            assert!(
                matches!(written, Err(DatabaseError::Outside { .. })),
                "{path}"
            );
        }
    }
}
