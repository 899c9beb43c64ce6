//! `watches.csv`: a line for each slope, then one for the end of each watch.

use std::io::{Read, Write};

use contract::{
    TimedOperation, Watch, WatchKind, WatchProgram, WatchRuns, WatchSite, WatchState, WatchedSlope,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{RunWatch, words};
use crate::log::LogWatch;

/// Why `watches.csv` cannot be read or written.
#[derive(Debug, Error)]
pub enum WatchesError {
    /// The file itself.
    #[error("watches.csv: {0}")]
    Csv(#[from] csv::Error),
    /// A word that this version does not have.
    #[error("watches.csv, line {line}: {text:?} is not a {what}")]
    Word {
        /// Line in the file, from 1.
        line: usize,
        /// The column.
        what: &'static str,
        /// The word.
        text: String,
    },
    /// A watch without its last line, or a line with parts of two kinds.
    #[error("watches.csv, line {line}: {problem}")]
    Line {
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct Line {
    target: String,
    boot: u32,
    watch: u64,
    kind: String,
    site: String,
    program: String,
    operation: String,
    state: Option<String>,
    ops: Option<u64>,
    ticks_n: Option<u64>,
    ticks_2n: Option<u64>,
    expected: Option<u64>,
    runs: Option<u64>,
    missed: Option<u64>,
    lost: Option<u64>,
    refused: Option<String>,
}

/// Writes the file.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv(out: impl Write, watches: &[RunWatch]) -> Result<(), WatchesError> {
    let mut writer = csv::Writer::from_writer(out);
    for (number, run) in (0..).zip(watches) {
        for slope in &run.watch.slopes {
            writer.serialize(Line {
                state: Some(slope.state.name().into()),
                ops: Some(slope.ops),
                ticks_n: Some(slope.ticks_n),
                ticks_2n: Some(slope.ticks_2n),
                ..line(number, run)
            })?;
        }
        writer.serialize(match &run.watch.outcome {
            Ok(runs) => Line {
                expected: Some(runs.expected),
                runs: Some(runs.runs),
                missed: Some(runs.missed),
                lost: Some(runs.lost),
                ..line(number, run)
            },
            Err(reason) => Line {
                refused: Some(reason.clone()),
                ..line(number, run)
            },
        })?;
    }
    writer.flush().map_err(csv::Error::from)?;
    Ok(())
}

fn line(watch: u64, run: &RunWatch) -> Line {
    let [kind, site, program, operation] = words(&run.watch.watch).map(str::to_owned);
    Line {
        target: run.target.clone(),
        boot: run.boot,
        watch,
        kind,
        site,
        program,
        operation,
        ..Line::default()
    }
}

/// Reads the file.
///
/// # Errors
///
/// [`WatchesError`] names the line and what is wrong with it.
pub fn read_csv(input: impl Read) -> Result<Vec<RunWatch>, WatchesError> {
    let mut watches = Vec::new();
    let mut slopes = Vec::new();
    let mut begun = None;
    let mut reader = csv::Reader::from_reader(input);
    // The first line names the columns.
    let mut last = 1;
    for (row, number) in reader.deserialize().zip(2..) {
        let row: Line = row?;
        last = number;
        let bad = |problem| WatchesError::Line {
            line: number,
            problem,
        };
        let watch = watch(number, &row)?;
        if *begun.get_or_insert((row.watch, watch)) != (row.watch, watch) {
            return Err(bad("the end of the watch before it is missing"));
        }
        match (&row.state, row.ops, row.ticks_n, row.ticks_2n) {
            (Some(state), Some(ops @ 1..), Some(ticks_n), Some(ticks_2n)) => {
                slopes.push(WatchedSlope {
                    watch: row.watch,
                    state: word(number, "state", state, WatchState::from_name)?,
                    ops,
                    ticks_n,
                    ticks_2n,
                });
            }
            (None, None, None, None) => {
                let outcome = outcome(&row).ok_or_else(|| {
                    bad("it says neither how often the program ran nor why it was refused")
                })?;
                begun = None;
                watches.push(RunWatch {
                    watch: LogWatch {
                        watch,
                        slopes: std::mem::take(&mut slopes),
                        outcome,
                    },
                    target: row.target,
                    boot: row.boot,
                });
            }
            _ => return Err(bad("a part of its slope is missing or zero")),
        }
    }
    match slopes.is_empty() {
        true => Ok(watches),
        false => Err(WatchesError::Line {
            line: last,
            problem: "the end of this watch is missing",
        }),
    }
}

fn watch(line: usize, row: &Line) -> Result<Watch, WatchesError> {
    Ok(Watch {
        kind: word(line, "kind", &row.kind, WatchKind::from_name)?,
        site: word(line, "site", &row.site, WatchSite::from_name)?,
        program: word(line, "program", &row.program, WatchProgram::from_name)?,
        operation: word(line, "operation", &row.operation, TimedOperation::from_name)?,
    })
}

fn outcome(row: &Line) -> Option<Result<WatchRuns, String>> {
    match (&row.refused, row.expected) {
        (Some(reason), None) => Some(Err(reason.clone())),
        (None, Some(expected)) => Some(Ok(WatchRuns {
            watch: row.watch,
            expected,
            runs: row.runs?,
            missed: row.missed?,
            lost: row.lost?,
        })),
        _ => None,
    }
}

fn word<T>(
    line: usize,
    what: &'static str,
    text: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T, WatchesError> {
    from_name(text).ok_or_else(|| WatchesError::Word {
        line,
        what,
        text: text.to_owned(),
    })
}
