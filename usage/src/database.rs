//! A results database in the layout that the Loupe project published
//! (<https://github.com/unikraft/loupedb>): a folder for each application, which contains
//! a folder for each workload, which contains a folder for each measurement.
//!
//! ```text
//! APP/benchmark-WORKLOAD|suite[-WORKLOAD]/ID/Dockerfile.APP
//!                                            cmd.txt
//!                                            explore.logs
//!                                            dockerfile_data/…
//!                                            data/dyn.csv
//!                                            data/static_binary.csv
//!                                            data/static_sources.csv
//!                                            usage.json          (ours: every run)
//! ```
//!
//! ID is the MD5 of the Dockerfile, or `imported`.

mod choice;
mod folder;
mod name;
mod table;
mod workload;
mod write;

use std::path::PathBuf;

use thiserror::Error;

pub use choice::Choice;
pub use folder::{Application, Database, Measurement};
pub use name::{Name, NameError};
pub use table::{RowError, Table, UsedTable};
pub use workload::{Kind, Workload};
pub use write::{Recipe, Results, adopt, recipe_id, write};

/// Why a database cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A folder that does not belong to a workload.
    #[error(
        "{}: a workload's folder is called benchmark-NAME, suite or suite-NAME; rename it or move it away",
        path.display()
    )]
    Workload {
        /// The folder.
        path: PathBuf,
    },
    /// A line of a table.
    #[error("{}:{line}: {error}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: RowError,
    },
    /// A name that is not that of a single folder.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A file of a recipe that is outside its folder.
    #[error("{} is not below dockerfile_data", path.display())]
    Outside {
        /// As it was given.
        path: PathBuf,
    },
    /// It has no measurement of the requested applications and workloads.
    #[error(
        "{}: the database has no measurement of these applications and workloads (fix: name another \
         folder, or other applications and workloads)",
        path.display()
    )]
    Empty {
        /// The database.
        path: PathBuf,
    },
    /// A choice that does not name a measurement.
    #[error("--measurement {choice}: {} does not have this measurement", path.display())]
    NoSuchChoice {
        /// As it was given.
        choice: Choice,
        /// The database.
        path: PathBuf,
    },
    /// `usage.json` of a measurement is not JSON or has no date.
    #[error("{} is not a result of `tollgate usage explore`: {error}", path.display())]
    Result {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The measurement already exists with other files.
    #[error("{} already exists; --allow-dirty replaces it", path.display())]
    Exists {
        /// Its folder.
        path: PathBuf,
    },
}

impl DatabaseError {
    fn reading(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Read { path, error }
    }

    fn writing(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Write { path, error }
    }
}
