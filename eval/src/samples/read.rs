use std::io::Read;
use std::sync::Arc;

use csv::ByteRecord;

use super::row::Row;
use super::{Sample, SamplesError, columns};

/// Reads `samples.csv` sample by sample.
pub struct Reader<R> {
    csv: csv::Reader<R>,
    /// Lines of the file before those that `csv` reads.
    lines_before: u64,
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
        let mut reader = Self::after(0, input);
        let header = &mut reader.record;
        let csv = &mut reader.csv;
        csv.read_byte_record(header)
            .map_err(SamplesError::from_csv)?;
        if header != columns::HEADER.as_slice() {
            let found: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            return Err(SamplesError::Header {
                found: found.join(","),
                expected: columns::HEADER.join(","),
            });
        }
        Ok(reader)
    }

    /// Reads the rest of a file, which follows so many lines.
    pub(super) fn after(lines_before: u64, input: R) -> Self {
        Self {
            csv: csv::ReaderBuilder::new()
                .buffer_capacity(1 << 16)
                .has_headers(false)
                // A row counts its columns itself.
                .flexible(true)
                .from_reader(input),
            lines_before,
            record: ByteRecord::new(),
            targets: Vec::new(),
        }
    }

    fn sample(&mut self) -> Result<Sample, SamplesError> {
        let line = self.record.position().map_or(0, csv::Position::line);
        let row = Row::new(self.lines_before + line, &self.record)?;
        row.sample(&mut self.targets)
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
