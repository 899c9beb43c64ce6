//! A measurement for a database: the recipe is explored, its files are read, and both are
//! written in the public layout.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use host::files::{self, FileError};
use thiserror::Error;

use crate::database::{self, DatabaseError, Name, Table, UsedTable, Workload};
use crate::explore::{ExploreError, Progress, Request, explore};
use crate::packages;
use crate::recipe::{Recipe, RecipeError};
use crate::result::Usage;
use crate::static_binary::{self, Share, StaticBinary, StaticError};
use crate::{Mode, Phase, text};

/// What to measure, and where it goes.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The database's folder.
    pub database: &'a Path,
    /// The application.
    pub application: &'a Name,
    /// Its workload.
    pub workload: &'a Workload,
    /// How it is explored.
    pub recipe: &'a Recipe,
    /// What this root was built from.
    pub dockerfile: Option<&'a [u8]>,
    /// The command that asked for it.
    pub command: &'a str,
    /// Whether it takes the place of one that is there.
    pub replace: bool,
    /// Runs of each rule that have to agree.
    pub replicas: NonZeroU32,
    /// Runs at a time.
    pub jobs: NonZeroU32,
    /// Who writes the result.
    pub tool: String,
    /// The command that reads the program's files for the exploration.
    pub analyser: Vec<OsString>,
}

/// A measurement that was made.
#[derive(Debug)]
pub struct Generated {
    /// Its folder.
    pub folder: PathBuf,
    /// What was found.
    pub usage: Usage,
    /// What the program's files show of that.
    pub share: Share,
}

/// Why a measurement could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The exploration.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// It was interrupted; the database has only whole measurements.
    #[error("interrupted, so that nothing was written")]
    Interrupted,
    /// The program's files.
    #[error(transparent)]
    Static(#[from] StaticError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The result.
    #[error(transparent)]
    File(#[from] FileError),
    /// A temporary file.
    #[error("cannot make a temporary file: {0}")]
    Temporary(io::Error),
}

/// Measures in the root of this process, and writes what was found.
///
/// # Errors
///
/// [`GenerateError`]; then nothing is written.
pub fn generate(
    order: &Order<'_>,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Generated, GenerateError> {
    let usage = explore(&request(order), stop, progress)?;
    if !usage.complete {
        return Err(GenerateError::Interrupted);
    }
    let found = static_binary::analyse(Path::new(&usage.program.path))?;
    let folder = write(order, &usage, &found)?;
    let share = Share::new(&usage, &found);
    Ok(Generated {
        folder,
        usage,
        share,
    })
}

fn request(order: &Order<'_>) -> Request {
    let recipe = order.recipe;
    Request {
        command: recipe.command.clone(),
        folder: recipe.folder.clone(),
        input: recipe.stdin.clone(),
        test: recipe.test.clone(),
        ready: recipe.ready.clone(),
        phase: Phase::All,
        // What the public layout has columns for.
        modes: vec![Mode::Stub, Mode::Fake],
        partial: false,
        paths: false,
        only: None,
        discovery: true,
        analyser: Some(order.analyser.clone()),
        replicas: order.replicas,
        jobs: order.jobs,
        limit: None,
        tool: order.tool.clone(),
        earlier: None,
    }
}

fn write(order: &Order<'_>, usage: &Usage, found: &StaticBinary) -> Result<PathBuf, GenerateError> {
    let mut data = order.recipe.files()?;
    let packages = packages::installed(Path::new("/"));
    data.push(("packages.txt".into(), packages.into_bytes()));
    let recipe = database::Recipe {
        application: order.application,
        workload: order.workload,
        dockerfile: order.dockerfile,
        command: order.command,
        data: &data,
    };
    let held = found.calls.iter().map(|held| held.call).collect();
    let results = database::Results {
        dynamic: &Table::from(usage),
        static_binary: Some(&UsedTable(held)),
        static_sources: None,
        log: &format!("{}\n{}", text(usage), Share::new(usage, found)),
        json: &sealed(usage)?,
    };
    Ok(database::write(
        order.database,
        &recipe,
        &results,
        order.replace,
    )?)
}

fn sealed(usage: &Usage) -> Result<String, GenerateError> {
    let folder = tempfile::tempdir().map_err(GenerateError::Temporary)?;
    let path = folder.path().join("usage.json");
    files::write_json(&path, usage)?;
    fs::read_to_string(&path).map_err(GenerateError::Temporary)
}
