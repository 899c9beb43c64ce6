use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::table::LineError;
use super::{Choice, DatabaseError, Name, Table, UsedTable, Workload};

/// The contents of a database's folder. Tables are read on demand.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its folder.
    pub path: PathBuf,
    /// By name.
    pub applications: BTreeMap<Name, Application>,
}

/// An application's measurements, by workload, each with at least one.
#[derive(Clone, Debug, Default)]
pub struct Application(pub BTreeMap<Workload, Vec<Measurement>>);

/// One measurement of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The application.
    pub application: Name,
    /// Its workload.
    pub workload: Workload,
    /// The Dockerfile's hash, or `imported`.
    pub id: Name,
    /// The date in its `usage.json`.
    pub recorded: Option<Timestamp>,
    /// Its folder.
    pub path: PathBuf,
}

/// The only part of `usage.json` that choosing a measurement needs.
#[derive(Deserialize)]
struct Recorded {
    began: Timestamp,
}

impl Database {
    /// Reads a database's folder. Files at its top level, hidden folders, and folders
    /// without a table of results are ignored.
    ///
    /// # Errors
    ///
    /// A folder cannot be read, or its name is not that of a workload.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut applications = BTreeMap::new();
        for (name, path) in folders(path)? {
            let mut workloads = BTreeMap::new();
            for (folder, path) in folders(&path)? {
                let Some(workload) = Workload::of_folder(folder.as_str()) else {
                    return Err(DatabaseError::Workload { path });
                };
                let measurements = measurements(&name, &workload, &path)?;
                if !measurements.is_empty() {
                    workloads.insert(workload, measurements);
                }
            }
            if !workloads.is_empty() {
                applications.insert(name, Application(workloads));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            applications,
        })
    }

    /// Keeps only the chosen measurement of each workload for which the user chose one.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::NoSuchChoice`].
    pub fn choose(&mut self, choices: &[Choice]) -> Result<(), DatabaseError> {
        for choice in choices {
            let application = self.applications.get_mut(&choice.application);
            let found = application
                .and_then(|application| application.0.get_mut(&choice.workload))
                .filter(|found| found.iter().any(|m| m.id == choice.id));
            let Some(found) = found else {
                return Err(DatabaseError::NoSuchChoice {
                    choice: choice.clone(),
                    path: self.path.clone(),
                });
            };
            found.retain(|measurement| measurement.id == choice.id);
        }
        Ok(())
    }
}

impl Application {
    /// The measurement to use for each workload: the newest by its recorded date.
    pub fn newest(&self) -> impl Iterator<Item = &Measurement> {
        let workloads = self.0.values();
        workloads.filter_map(|all| all.iter().max_by(|a, b| preference(a, b)))
    }
}

impl Measurement {
    /// The calls that were used, and those that the application can do without:
    /// `dyn.csv`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line of it.
    pub fn dynamic(&self) -> Result<Table, DatabaseError> {
        let path = self.data("dyn.csv");
        let bytes = fs::read(&path).map_err(DatabaseError::reading(&path))?;
        Table::parse(&bytes).map_err(in_file(&path))
    }

    /// The calls in the program's files: `static_binary.csv`, if it exists.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line of it.
    pub fn static_binary(&self) -> Result<Option<UsedTable>, DatabaseError> {
        self.found("static_binary.csv")
    }

    /// The calls in the program's source: `static_sources.csv`, if it exists.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line of it.
    pub fn static_sources(&self) -> Result<Option<UsedTable>, DatabaseError> {
        self.found("static_sources.csv")
    }

    fn found(&self, file: &str) -> Result<Option<UsedTable>, DatabaseError> {
        let path = self.data(file);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(DatabaseError::reading(&path))?;
        UsedTable::parse(&bytes).map(Some).map_err(in_file(&path))
    }

    fn data(&self, file: &str) -> PathBuf {
        self.path.join("data").join(file)
    }

    /// As the user names it.
    pub fn choice(&self) -> Choice {
        Choice {
            application: self.application.clone(),
            workload: self.workload.clone(),
            id: self.id.clone(),
        }
    }
}

fn in_file(path: &Path) -> impl FnOnce(LineError) -> DatabaseError {
    let path = path.to_owned();
    move |(line, error)| DatabaseError::Row { path, line, error }
}

fn measurements(
    application: &Name,
    workload: &Workload,
    path: &Path,
) -> Result<Vec<Measurement>, DatabaseError> {
    let mut found = Vec::new();
    for (id, path) in folders(path)? {
        if path.join("data/dyn.csv").exists() {
            found.push(Measurement {
                application: application.clone(),
                workload: workload.clone(),
                id,
                recorded: recorded(&path.join("usage.json"))?,
                path,
            });
        }
    }
    Ok(found)
}

fn recorded(path: &Path) -> Result<Option<Timestamp>, DatabaseError> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(DatabaseError::reading(path))?;
    let result: Result<Recorded, _> = serde_json::from_slice(&bytes);
    let result = result.map_err(|error| DatabaseError::Result {
        path: path.to_owned(),
        error,
    })?;
    Ok(Some(result.began))
}

/// The folders in a folder, by name, without hidden ones and those with invalid names.
fn folders(path: &Path) -> Result<BTreeMap<Name, PathBuf>, DatabaseError> {
    let mut folders = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(DatabaseError::reading(path))? {
        let entry = entry.map_err(DatabaseError::reading(path))?;
        let name = entry.file_name().to_str().and_then(|n| Name::new(n).ok());
        if let Some(name) = name.filter(|_| entry.path().is_dir()) {
            folders.insert(name, entry.path());
        }
    }
    Ok(folders)
}

/// Which of two measurements of one workload takes precedence: the one with the newer
/// recorded date; one with a date before one without; one with a recipe before an
/// imported one; then by name. The file system's dates are those of the copy.
fn preference(a: &Measurement, b: &Measurement) -> Ordering {
    let recipe = |m: &Measurement| m.id.as_str() != IMPORTED;
    a.recorded
        .cmp(&b.recorded)
        .then_with(|| recipe(a).cmp(&recipe(b)))
        .then_with(|| b.id.cmp(&a.id))
}

/// A measurement without a recipe.
const IMPORTED: &str = "imported";

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(id: &str, recorded: Option<&str>) -> Measurement {
        Measurement {
            application: Name::new("app").unwrap(),
            workload: Workload::of_folder("suite").unwrap(),
            id: Name::new(id).unwrap(),
            recorded: recorded.map(|date| date.parse().unwrap()),
            path: "app/suite".into(),
        }
    }

    fn chosen(of: [(&str, Option<&str>); 2]) -> String {
        let of = of.map(|(id, date)| measurement(id, date));
        let chosen = of.iter().max_by(|a, b| preference(a, b)).unwrap();
        chosen.id.to_string()
    }

    #[test]
    fn the_newest_recorded_date_counts() {
        let (old, new) = (Some("2024-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
        assert_eq!(chosen([("aaaa", old), ("bbbb", new)]), "bbbb");
        assert_eq!(chosen([("aaaa", new), ("bbbb", old)]), "aaaa");
        assert_eq!(chosen([("aaaa", None), ("imported", old)]), "imported");
    }

    #[test]
    fn without_dates_a_recipe_counts_and_then_the_name() {
        assert_eq!(chosen([("imported", None), ("zzzz", None)]), "zzzz");
        assert_eq!(chosen([("bbbb", None), ("aaaa", None)]), "aaaa");
    }
}
