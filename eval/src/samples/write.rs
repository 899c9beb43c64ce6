use std::fmt::{Display, Write as _};
use std::io::Write;

use super::{Sample, SamplesError, columns};

/// Writes `samples.csv` sample by sample.
pub struct Writer<W: Write> {
    csv: csv::Writer<W>,
    text: String,
}

impl<W: Write> Writer<W> {
    /// Writes the header row.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W) -> Result<Self, SamplesError> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(columns::HEADER)
            .map_err(SamplesError::from_csv)?;
        Ok(Self {
            csv,
            text: String::new(),
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write(&mut self, sample: &Sample) -> Result<(), SamplesError> {
        self.row(sample).map_err(SamplesError::from_csv)
    }

    fn row(&mut self, sample: &Sample) -> Result<(), csv::Error> {
        self.csv.write_field(&*sample.target)?;
        self.number(sample.boot)?;
        self.csv.write_field(sample.benchmark.name())?;
        self.number(sample.round)?;
        for field in columns::fields(sample.reading) {
            match field {
                Some(number) => self.number(number)?,
                None => self.csv.write_field("")?,
            }
        }
        // The shortest decimal that reads back as the same number.
        self.number(sample.value.0)?;
        self.csv.write_record(None::<&[u8]>)
    }

    fn number(&mut self, number: impl Display) -> Result<(), csv::Error> {
        self.text.clear();
        // Writing into a `String` cannot fail.
        let _ = write!(self.text, "{number}");
        self.csv.write_field(&self.text)
    }

    /// Flushes, and returns the output.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(self) -> Result<W, SamplesError> {
        self.csv
            .into_inner()
            .map_err(|error| SamplesError::Io(error.into_error()))
    }
}
