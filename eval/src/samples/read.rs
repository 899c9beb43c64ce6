use std::io::Read;
use std::sync::Arc;

use contract::Benchmark;
use csv::ByteRecord;

use super::{Sample, SamplesError, columns};
use crate::units::Ticks;

/// Reads `samples.csv` sample by sample.
pub struct Reader<R> {
    csv: csv::Reader<R>,
    record: ByteRecord,
    targets: Vec<Arc<str>>,
}

impl<R: Read> Reader<R> {
    /// Reads and checks the header row.
    ///
    /// # Errors
    ///
    /// [`SamplesError`] if `input` fails or has other columns.
    pub fn new(input: R) -> Result<Self, SamplesError> {
        let mut csv = csv::ReaderBuilder::new()
            .buffer_capacity(1 << 16)
            .from_reader(input);
        let header = csv.byte_headers().map_err(SamplesError::from_csv)?;
        if header != columns::HEADER.as_slice() {
            let found: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            return Err(SamplesError::Header {
                found: found.join(","),
                expected: columns::HEADER.join(","),
            });
        }
        Ok(Self {
            csv,
            record: ByteRecord::new(),
            targets: Vec::new(),
        })
    }

    fn sample(&mut self) -> Result<Sample, SamplesError> {
        let row = Row(&self.record);
        let target = intern(&mut self.targets, row.text(0, "UTF-8")?);
        let benchmark = row.text(2, BENCHMARK)?;
        let mut reading = [None; columns::VALUE - columns::READING];
        for (i, field) in reading.iter_mut().enumerate() {
            *field = row.optional(columns::READING + i)?;
        }
        let value: f64 = row.number(columns::VALUE, "a number")?;
        if !value.is_finite() {
            return Err(row.bad(columns::VALUE, "a finite number"));
        }
        Ok(Sample {
            target,
            boot: row.number(1, COUNT)?,
            benchmark: Benchmark::from_name(benchmark).ok_or_else(|| row.bad(2, BENCHMARK))?,
            round: row.number(3, COUNT)?,
            reading: columns::reading(reading).ok_or_else(|| SamplesError::Row {
                line: row.line(),
                problem: "this combination of empty and filled columns does not belong to any \
                    method"
                    .into(),
            })?,
            value: Ticks(value),
        })
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Sample, SamplesError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.csv.read_byte_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => Some(self.sample()),
            Err(error) => Some(Err(SamplesError::from_csv(error))),
        }
    }
}

const COUNT: &str = "a whole number from 0";
const BENCHMARK: &str = "a benchmark's name";

/// The only copy of a target's name. Rows of a target are next to each other, so the last name
/// is tried first.
fn intern(targets: &mut Vec<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = targets.iter().rev().find(|t| &***t == name) {
        return known.clone();
    }
    let new: Arc<str> = name.into();
    targets.push(new.clone());
    new
}

struct Row<'a>(&'a ByteRecord);

impl<'a> Row<'a> {
    fn field(&self, column: usize) -> &'a [u8] {
        self.0.get(column).unwrap_or_default()
    }

    fn text(&self, column: usize, expected: &'static str) -> Result<&'a str, SamplesError> {
        std::str::from_utf8(self.field(column)).map_err(|_| self.bad(column, expected))
    }

    fn number<T: std::str::FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<T, SamplesError> {
        self.text(column, expected)?
            .parse()
            .map_err(|_| self.bad(column, expected))
    }

    fn optional(&self, column: usize) -> Result<Option<u64>, SamplesError> {
        if self.field(column).is_empty() {
            return Ok(None);
        }
        self.number(column, "a whole number from 0, or nothing")
            .map(Some)
    }

    fn line(&self) -> u64 {
        self.0.position().map_or(0, csv::Position::line)
    }

    fn bad(&self, column: usize, expected: &'static str) -> SamplesError {
        SamplesError::Field {
            line: self.line(),
            column: columns::HEADER.get(column).copied().unwrap_or_default(),
            text: String::from_utf8_lossy(self.field(column)).into_owned(),
            expected,
        }
    }
}
