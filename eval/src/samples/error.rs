use thiserror::Error;

/// Why `samples.csv` cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// The file itself.
    #[error("samples.csv: {0}")]
    Io(#[from] std::io::Error),
    /// The columns are not those of this version.
    #[error("samples.csv: its first line is {found:?}, but this version reads {expected:?}")]
    Header {
        /// The columns found.
        found: String,
        /// The columns expected.
        expected: String,
    },
    /// A row is invalid.
    #[error("samples.csv, line {line}: {problem}")]
    Row {
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A column has an invalid value.
    #[error("samples.csv, line {line}, column `{column}`: {text:?} is not {expected}")]
    Field {
        /// Line in the file, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// Its value.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl SamplesError {
    /// Distinguishes the file's errors from the content's.
    pub(super) fn from_csv(error: csv::Error) -> Self {
        let line = error.position().map_or(0, csv::Position::line);
        let problem = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Io(error),
            _ => Self::Row { line, problem },
        }
    }
}
