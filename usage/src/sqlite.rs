//! Exports a database as one SQLite file, for queries that no command offers.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};
use thiserror::Error;

use crate::database::{Database, DatabaseError, Measurement};
use crate::{Call, Need};

const SCHEMA: &str = "
CREATE TABLE call (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE measurement (
    id INTEGER PRIMARY KEY,
    application TEXT NOT NULL,
    workload TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('bench', 'suite')),
    recipe TEXT NOT NULL,
    recorded TEXT,
    newest INTEGER NOT NULL CHECK (newest IN (0, 1)),
    UNIQUE (application, workload, recipe)
);
CREATE TABLE dynamic (
    measurement INTEGER NOT NULL REFERENCES measurement,
    call INTEGER NOT NULL REFERENCES call,
    need TEXT NOT NULL CHECK (need IN ('required', 'stub', 'fake', 'both')),
    PRIMARY KEY (measurement, call)
) WITHOUT ROWID;
CREATE TABLE static (
    measurement INTEGER NOT NULL REFERENCES measurement,
    call INTEGER NOT NULL REFERENCES call,
    source TEXT NOT NULL CHECK (source IN ('binary', 'sources')),
    PRIMARY KEY (measurement, call, source)
) WITHOUT ROWID;
";

/// Why the SQLite file could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The database cannot be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The file already exists.
    #[error("{} already exists; remove it or name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// SQLite.
    #[error("{}: {error}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The finished file cannot be moved into place.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What failed, before the file's name is known.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Writes all measurements of a database into a new SQLite file, which appears complete or
/// not at all.
///
/// # Errors
///
/// [`SqliteError`].
pub fn export(database: &Database, path: &Path) -> Result<(), SqliteError> {
    if path.exists() {
        return Err(SqliteError::Exists { path: path.into() });
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let io = |error| SqliteError::Io {
        path: path.into(),
        error,
    };
    let beside = tempfile::Builder::new()
        .prefix(".tollgate-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(io)?;
    fill(database, beside.path()).map_err(|failure| match failure {
        Failure::Database(error) => SqliteError::Database(error),
        Failure::Sqlite(error) => SqliteError::Sqlite {
            path: path.into(),
            error,
        },
    })?;
    let persisted = beside.persist_noclobber(path);
    persisted.map(drop).map_err(|error| io(error.error))
}

fn fill(database: &Database, path: &Path) -> Result<(), Failure> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    for call in Call::all() {
        add_call(&transaction, call)?;
    }
    for application in database.applications.values() {
        let newest: Vec<_> = application.newest().collect();
        for measurement in application.0.values().flatten() {
            add(&transaction, measurement, newest.contains(&measurement))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn add(to: &Transaction<'_>, measurement: &Measurement, newest: bool) -> Result<(), Failure> {
    to.execute(
        "INSERT INTO measurement (application, workload, kind, recipe, recorded, newest)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            measurement.application.as_str(),
            measurement.workload.to_string(),
            measurement.workload.kind.name(),
            measurement.id.as_str(),
            measurement.recorded.map(|date| date.to_string()),
            newest,
        ],
    )?;
    let id = to.last_insert_rowid();
    for (call, need) in measurement.dynamic()?.0 {
        add_call(to, call)?;
        to.prepare_cached("INSERT INTO dynamic VALUES (?, ?, ?)")?
            .execute(params![id, call.0, name(need)])?;
    }
    let found = [
        ("binary", measurement.static_binary()?),
        ("sources", measurement.static_sources()?),
    ];
    for (source, table) in found {
        for call in table.into_iter().flat_map(|table| table.0) {
            add_call(to, call)?;
            to.prepare_cached("INSERT INTO static VALUES (?, ?, ?)")?
                .execute(params![id, call.0, source])?;
        }
    }
    Ok(())
}

fn add_call(to: &Transaction<'_>, call: Call) -> rusqlite::Result<()> {
    to.prepare_cached("INSERT OR IGNORE INTO call VALUES (?, ?)")?
        .execute(params![call.0, call.name()])?;
    Ok(())
}

fn name(need: Need) -> &'static str {
    match need {
        Need::Required | Need::Conflict => "required",
        Need::Stub => "stub",
        Need::Fake => "fake",
        Need::Both => "both",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_tables_can_be_asked() {
        let folder = tempfile::tempdir().unwrap();
        for (id, table) in [
            ("imported", "0,Y,N,N,N\n500,Y,N,Y,N\n"),
            ("abc", "1,Y,Y,N,N\n"),
        ] {
            let data = folder.path().join("nginx/suite").join(id).join("data");
            fs::create_dir_all(&data).unwrap();
            fs::write(data.join("dyn.csv"), table).unwrap();
            fs::write(data.join("static_binary.csv"), "2,Y\n").unwrap();
        }
        let database = Database::open(folder.path()).unwrap();
        let file = folder.path().join("all.sqlite");
        export(&database, &file).unwrap();
        let connection = Connection::open(&file).unwrap();
        let question = "SELECT coalesce(name, number), need FROM dynamic
            JOIN call ON call = number JOIN measurement ON measurement = id
            WHERE recipe = 'imported' ORDER BY number";
        let mut statement = connection.prepare(question).unwrap();
        let rows = statement.query_map([], |row| {
            Ok((
                row.get::<_, rusqlite::types::Value>(0)?,
                row.get::<_, String>(1)?,
            ))
        });
        let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[0], ("read".to_owned().into(), "required".to_owned()));
        assert_eq!(rows[1], (500.into(), "stub".to_owned()));
        let newest: String = connection
            .query_row("SELECT recipe FROM measurement WHERE newest", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(newest, "abc");
        assert!(matches!(
            export(&database, &file),
            Err(SqliteError::Exists { .. })
        ));
    }

    #[test]
    fn a_wrong_table_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("nginx/suite/imported/data");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("dyn.csv"), "0,Y\n").unwrap();
        let database = Database::open(folder.path()).unwrap();
        let file = folder.path().join("all.sqlite");
        let error = export(&database, &file).unwrap_err().to_string();
        assert!(error.contains("dyn.csv:1:"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
