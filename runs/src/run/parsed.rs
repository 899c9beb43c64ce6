//! Reads the results of `tollgate parse`.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use contract::Fact;
use csv::StringRecord;
use eval::levels::Levels;
use eval::quads::{self, RunQuad, Unit};
use eval::rounds::{self, Round};
use eval::watches::{self, RunWatch};
use host::files::{self, Damaged, FileError, Hashing};

use super::{BootRow, BootState, Guests, RunFolder};
use crate::schedule::PlannedBoot;

/// What to do if one of its files is damaged.
const AGAIN: &str = "recreate it with `tollgate parse`";

/// Refuses samples that were parsed with a manifest other than the run's.
pub fn check_manifest(run: &RunFolder) -> Result<(), FileError> {
    const SINCE: &str = "if it has changed since then, run `tollgate parse` again";
    files::check_sum(&run.parse_sums(), &run.manifest(), SINCE)
}

/// Reads `guests.json`.
pub fn read_guests(run: &RunFolder) -> Result<Guests, FileError> {
    let path = run.guests();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    files::read_json(&path, AGAIN)
}

/// Reads `boots.csv`.
pub fn read_rows(run: &RunFolder) -> Result<Vec<BootRow>, FileError> {
    let path = run.boots();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    let mut reader = csv::Reader::from_reader(files::open(&path)?);
    let rows = reader.headers().cloned().and_then(|columns| {
        let records = reader.records();
        records.map(|row| read_row(&columns, &row?)).collect()
    });
    let rows: Vec<BootRow> = rows.map_err(|error: csv::Error| damaged(path.clone(), &error))?;
    let finished_since = |row: &BootRow| {
        let boot = PlannedBoot {
            target: row.target.clone(),
            boot: row.boot,
        };
        row.state == BootState::NotRun && run.is_finished(&boot)
    };
    if rows.iter().any(finished_since) {
        return Err(damaged(path, &"the run has continued since then"));
    }
    Ok(rows)
}

fn read_row(columns: &StringRecord, record: &StringRecord) -> Result<BootRow, csv::Error> {
    let mut row: BootRow = record.deserialize(Some(columns))?;
    let fact = |(fact, column)| {
        let place = columns.iter().position(|name| name == column)?;
        let text = record.get(place).filter(|text| !text.is_empty())?;
        let value = text.parse().map_err(|_| {
            let reason = format!("column `{column}`: {text:?} is not a whole number");
            csv::Error::from(io::Error::new(io::ErrorKind::InvalidData, reason))
        });
        Some(value.map(|value| (fact, value)))
    };
    row.facts = Fact::columns().filter_map(fact).collect::<Result<_, _>>()?;
    Ok(row)
}

/// Reads `counts.csv` or `quads.csv`; empty if an earlier version parsed the run.
pub fn read_quads(run: &RunFolder, unit: Unit) -> Result<Vec<RunQuad>, FileError> {
    let path = match unit {
        Unit::Instructions => run.counts(),
        Unit::Ticks => run.quads(),
    };
    if !files::has_sum(&run.parse_sums(), &path)? {
        return Ok(Vec::new());
    }
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    quads::read_csv(files::open(&path)?, unit).map_err(|error| damaged(path, &error))
}

/// Reads `watches.csv`; empty if an earlier version parsed the run.
pub fn read_watches(run: &RunFolder) -> Result<Vec<RunWatch>, FileError> {
    let path = run.watches();
    if !files::has_sum(&run.parse_sums(), &path)? {
        return Ok(Vec::new());
    }
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    watches::read_csv(files::open(&path)?).map_err(|error| damaged(path, &error))
}

/// Reads `rounds.csv`.
pub fn read_rounds(run: &RunFolder) -> Result<Vec<Round>, FileError> {
    let path = run.rounds();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    rounds::read_csv(files::open(&path)?).map_err(|error| damaged(path, &error))
}

/// All values of a run.
pub fn read_samples(run: &RunFolder) -> Result<Levels, FileError> {
    let path = run.samples();
    let mut file = Hashing::new(files::open(&path)?.into_inner());
    match Levels::read(&mut file) {
        Ok(levels) => {
            files::check_hash(&run.parse_sums(), &path, &file.finish(), AGAIN)?;
            Ok(levels)
        }
        Err(error) => {
            // If the file has changed, that is the reason.
            files::check_sum(&run.parse_sums(), &path, AGAIN)?;
            Err(damaged(path, &error))
        }
    }
}

fn damaged(path: PathBuf, reason: &dyn Display) -> FileError {
    Damaged {
        path,
        reason: reason.to_string(),
        remedy: AGAIN,
    }
    .into()
}
