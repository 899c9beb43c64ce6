use std::str::FromStr;
use std::sync::Arc;

use contract::Benchmark;

use super::{Sample, SamplesError, columns};
use crate::units::Ticks;

const COLUMNS: usize = columns::HEADER.len();
const COUNT: &str = "a whole number from 0";
const BENCHMARK: &str = "a benchmark's name";

/// The fields of one row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Line in the file, from 1.
    line: u64,
    fields: [&'a [u8]; COLUMNS],
}

impl<'a> Row<'a> {
    pub(super) fn new(
        line: u64,
        fields: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, SamplesError> {
        let mut row = Self {
            line,
            fields: [&[]; COLUMNS],
        };
        let mut found = 0;
        for field in fields {
            if let Some(place) = row.fields.get_mut(found) {
                *place = field;
            }
            found += 1;
        }
        if found == COLUMNS {
            return Ok(row);
        }
        Err(SamplesError::Row {
            line,
            problem: format!("it has {found} columns instead of {COLUMNS}: is the file cut off?"),
        })
    }

    /// What it says. `targets` has the only copy of each target's name.
    pub(super) fn sample(&self, targets: &mut Vec<Arc<str>>) -> Result<Sample, SamplesError> {
        let target = intern(targets, self.text(0, "UTF-8")?);
        let benchmark = self.text(2, BENCHMARK)?;
        let mut reading = [None; columns::READING_COLUMNS];
        for (i, field) in reading.iter_mut().enumerate() {
            *field = self.optional(columns::READING + i)?;
        }
        let value: f64 = self.number(columns::VALUE, "a number")?;
        if !value.is_finite() {
            return Err(self.bad(columns::VALUE, "a finite number"));
        }
        Ok(Sample {
            target,
            boot: self.count(1)?,
            benchmark: Benchmark::from_name(benchmark).ok_or_else(|| self.bad(2, BENCHMARK))?,
            round: self.count(3)?,
            reading: columns::reading(reading).ok_or_else(|| SamplesError::Row {
                line: self.line,
                problem: "this combination of empty and filled columns does not belong to any \
                    method"
                    .into(),
            })?,
            value: Ticks(value),
        })
    }

    fn field(&self, column: usize) -> &'a [u8] {
        self.fields.get(column).copied().unwrap_or_default()
    }

    fn text(&self, column: usize, expected: &'static str) -> Result<&'a str, SamplesError> {
        std::str::from_utf8(self.field(column)).map_err(|_| self.bad(column, expected))
    }

    fn number<T: FromStr>(&self, column: usize, expected: &'static str) -> Result<T, SamplesError> {
        let number = self.text(column, expected)?.parse();
        number.map_err(|_| self.bad(column, expected))
    }

    fn count(&self, column: usize) -> Result<u32, SamplesError> {
        match digits(self.field(column)).map(u32::try_from) {
            Some(Ok(count)) => Ok(count),
            _ => self.number(column, COUNT),
        }
    }

    fn optional(&self, column: usize) -> Result<Option<u64>, SamplesError> {
        let field = self.field(column);
        if field.is_empty() {
            return Ok(None);
        }
        if let Some(number) = digits(field) {
            return Ok(Some(number));
        }
        self.number(column, "a whole number from 0, or nothing")
            .map(Some)
    }

    fn bad(&self, column: usize, expected: &'static str) -> SamplesError {
        SamplesError::Field {
            line: self.line,
            column: columns::HEADER.get(column).copied().unwrap_or_default(),
            text: String::from_utf8_lossy(self.field(column)).into_owned(),
            expected,
        }
    }
}

/// The number that a few digits are, which nearly every field is. Everything else is for
/// `parse`, which is slower, because it expects more.
fn digits(field: &[u8]) -> Option<u64> {
    /// Fewer than in the largest number.
    const MOST: usize = 19;
    if field.is_empty() || field.len() > MOST {
        return None;
    }
    field.iter().try_fold(0, |number: u64, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

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
