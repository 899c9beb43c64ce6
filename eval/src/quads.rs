//! Quads of a whole run: `counts.csv`, if they count instructions, and `quads.csv`, if they
//! check the precise method's slope.

use std::fmt::Display;
use std::io::{Read, Write};
use std::str::FromStr;

use contract::{Benchmark, Method, Quad};
use csv::StringRecord;
use thiserror::Error;

use crate::log::Log;
use crate::units::Instructions;

/// One quad of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunQuad {
    /// The target's name.
    pub target: String,
    /// Which boot of the target.
    pub boot: u32,
    /// The quad.
    pub quad: Quad,
}

/// What a quad's counter counted, which determines the quad's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions, by the exact method: `counts.csv`.
    Instructions,
    /// TSC ticks, by the precise method: `quads.csv`.
    Ticks,
}

/// A boot's quads, from its log, and what they count.
pub fn of_log(target: &str, boot: u32, log: &Log) -> (Unit, impl Iterator<Item = RunQuad>) {
    let unit = match log.method {
        Some(Method::Exact) => Unit::Instructions,
        _ => Unit::Ticks,
    };
    let quads = log.quads.iter().map(move |quad| RunQuad {
        target: target.to_owned(),
        boot,
        quad: *quad,
    });
    (unit, quads)
}

/// Instructions for one operation, if the counter advances by one per instruction: `[T(2n,2t) −
/// T(2n,t) − T(n,2t) + T(n,t)] ÷ (t·n)`. `None` if that leaves a remainder or is below zero: an
/// interrupt disturbed a batch.
pub fn instructions(quad: &Quad) -> Option<Instructions> {
    let [n_t, n_2t, twice_t, twice_2t] = [
        quad.ticks_n_t,
        quad.ticks_n_2t,
        quad.ticks_2n_t,
        quad.ticks_2n_2t,
    ]
    .map(i128::from);
    let all = twice_2t - twice_t - n_2t + n_t;
    let operations = i128::from(quad.copies).checked_mul(i128::from(quad.turns))?;
    let whole = all >= 0 && all.checked_rem(operations) == Some(0);
    let each = whole.then(|| all.checked_div(operations))??;
    u64::try_from(each).ok().map(Instructions)
}

/// Why `counts.csv` or `quads.csv` cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QuadsError {
    /// The file itself.
    #[error("{file}: {error}")]
    Csv {
        /// The file's usual name.
        file: &'static str,
        /// Why.
        error: csv::Error,
    },
    /// The columns are not those of this version.
    #[error("{file}: its first line is {found:?}, but this version reads {expected:?}")]
    Header {
        /// The file's usual name.
        file: &'static str,
        /// The columns found.
        found: String,
        /// The columns expected.
        expected: String,
    },
    /// A column has an invalid value.
    #[error("{file}, line {line}, column `{column}`: {text:?} is not a valid value")]
    Field {
        /// The file's usual name.
        file: &'static str,
        /// Line in the file, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// Its value.
        text: String,
    },
}

/// The columns of both files; the last four are the batches.
const COLUMNS: [&str; 7] = [
    "target",
    "boot",
    "benchmark",
    "round",
    "align",
    "copies",
    "turns",
];
const INSTRUCTIONS: [&str; 5] = [
    "instructions_n_t",
    "instructions_n_2t",
    "instructions_2n_t",
    "instructions_2n_2t",
    "instructions_per_op",
];
const TICKS: [&str; 4] = ["ticks_n_t", "ticks_n_2t", "ticks_2n_t", "ticks_2n_2t"];

impl Unit {
    /// The file's usual name.
    pub fn file(self) -> &'static str {
        match self {
            Self::Instructions => "counts.csv",
            Self::Ticks => "quads.csv",
        }
    }

    fn columns(self) -> Vec<&'static str> {
        let batches: &[_] = match self {
            Self::Instructions => &INSTRUCTIONS,
            Self::Ticks => &TICKS,
        };
        [&COLUMNS, batches].concat()
    }

    fn failed(self) -> impl Fn(csv::Error) -> QuadsError {
        move |error| QuadsError::Csv {
            file: self.file(),
            error,
        }
    }
}

/// Writes the file. The first line names the columns, even if no quad follows.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv<'q>(
    out: impl Write,
    unit: Unit,
    quads: impl IntoIterator<Item = &'q RunQuad>,
) -> Result<(), QuadsError> {
    let mut writer = csv::Writer::from_writer(out);
    let write = || {
        writer.write_record(unit.columns())?;
        for quad in quads {
            writer.write_record(fields(unit, quad))?;
        }
        Ok(writer.flush()?)
    };
    write().map_err(unit.failed())
}

fn fields(unit: Unit, RunQuad { target, boot, quad }: &RunQuad) -> Vec<String> {
    let mut fields = vec![
        target.clone(),
        boot.to_string(),
        quad.benchmark.name().to_owned(),
    ];
    let numbers = [
        quad.round,
        quad.align,
        quad.copies,
        quad.turns,
        quad.ticks_n_t,
        quad.ticks_n_2t,
        quad.ticks_2n_t,
        quad.ticks_2n_2t,
    ];
    fields.extend(numbers.iter().map(ToString::to_string));
    if unit == Unit::Instructions {
        let each = instructions(quad).map(|Instructions(each)| each.to_string());
        fields.push(each.unwrap_or_default());
    }
    fields
}

/// Reads the file. The value of each operation is computed again from the batches.
///
/// # Errors
///
/// [`QuadsError`] names the line and what is wrong with it.
pub fn read_csv(input: impl Read, unit: Unit) -> Result<Vec<RunQuad>, QuadsError> {
    let mut reader = csv::Reader::from_reader(input);
    let expected = unit.columns();
    let found = reader.headers().map_err(unit.failed())?;
    if found != expected {
        return Err(QuadsError::Header {
            file: unit.file(),
            found: found.iter().collect::<Vec<_>>().join(","),
            expected: expected.join(","),
        });
    }
    let rows = reader.records();
    rows.map(|record| row(unit, &record.map_err(unit.failed())?))
        .collect()
}

fn row(unit: Unit, record: &StringRecord) -> Result<RunQuad, QuadsError> {
    let columns = unit.columns();
    let mut fields = columns.iter().zip(record);
    let mut field = || fields.next().unwrap_or((&"", ""));
    let bad = |(column, text): (&&'static str, &str)| QuadsError::Field {
        file: unit.file(),
        line: record.position().map_or(0, csv::Position::line),
        column,
        text: text.to_owned(),
    };
    let (_, target) = field();
    let boot = field();
    let benchmark = field();
    let mut number = || number(field()).map_err(bad);
    let (round, align, copies, turns) = (number()?, number()?, number()?, number()?);
    let batches = [number()?, number()?, number()?, number()?];
    let [ticks_n_t, ticks_n_2t, ticks_2n_t, ticks_2n_2t] = batches;
    Ok(RunQuad {
        target: target.to_owned(),
        boot: self::number(boot).map_err(bad)?,
        quad: Quad {
            benchmark: Benchmark::from_name(benchmark.1).ok_or_else(|| bad(benchmark))?,
            round,
            align,
            copies,
            turns,
            ticks_n_t,
            ticks_n_2t,
            ticks_2n_t,
            ticks_2n_2t,
        },
    })
}

type Field<'a> = (&'a &'static str, &'a str);

fn number<T: FromStr + Display>(field: Field<'_>) -> Result<T, Field<'_>> {
    field.1.parse().map_err(|_| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quad(batches: [u64; 4]) -> Quad {
        let [ticks_n_t, ticks_n_2t, ticks_2n_t, ticks_2n_2t] = batches;
        Quad {
            benchmark: Benchmark::Scall,
            round: 0,
            align: 16,
            copies: 16,
            turns: 2,
            ticks_n_t,
            ticks_n_2t,
            ticks_2n_t,
            ticks_2n_2t,
        }
    }

    /// Batches of an operation of so many instructions, in a loop that takes its own.
    fn batches(
        each: u64,
        (start_n, turn_n): (u64, u64),
        (start_2n, turn_2n): (u64, u64),
    ) -> [u64; 4] {
        let batch = |copies, turns, start, turn| start + turns * (turn + copies * each);
        [
            batch(16, 2, start_n, turn_n),
            batch(16, 4, start_n, turn_n),
            batch(32, 2, start_2n, turn_2n),
            batch(32, 4, start_2n, turn_2n),
        ]
    }

    #[test]
    fn everything_but_the_operation_cancels() {
        let counted = quad(batches(238, (57, 2), (61, 2)));
        assert_eq!(instructions(&counted), Some(Instructions(238)));
        // Padding before the loops differs, and a loop of one turn does not have any.
        let counted = quad(batches(3, (1000, 2), (17, 2)));
        assert_eq!(instructions(&counted), Some(Instructions(3)));
    }

    #[test]
    fn a_remainder_gives_no_count() {
        let whole = batches(238, (57, 2), (61, 2));
        for batch in 0..4 {
            let mut disturbed = whole;
            disturbed[batch] += 7;
            assert_eq!(instructions(&quad(disturbed)), None, "{batch}");
        }
        assert_eq!(instructions(&quad([0, 32, 0, 0])), None);
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let mut great = quad([u64::MAX, 0, 0, u64::MAX]);
        assert_eq!(instructions(&great), None);
        great.copies = 1;
        great.turns = 2;
        assert_eq!(instructions(&great), Some(Instructions(u64::MAX)));
        great.turns = 1;
        assert_eq!(instructions(&great), None);
        great.turns = 0;
        assert_eq!(instructions(&great), None);
    }

    #[test]
    fn a_written_file_reads_the_same() {
        let quads = [[0, 0, 0, 32], [4, 8, 15, 16]].map(|batches| RunQuad {
            target: "a, \"b\"".into(),
            boot: 1,
            quad: quad(batches),
        });
        for unit in [Unit::Instructions, Unit::Ticks] {
            let mut file = Vec::new();
            write_csv(&mut file, unit, &quads).unwrap();
            assert_eq!(read_csv(&file[..], unit).unwrap(), quads);
            let text = String::from_utf8(file).unwrap();
            let other = match unit {
                Unit::Instructions => Unit::Ticks,
                Unit::Ticks => Unit::Instructions,
            };
            let error = read_csv(text.as_bytes(), other).unwrap_err().to_string();
            assert!(error.contains("first line"), "{error}");
            let error = read_csv(text.replace("scall", "call").as_bytes(), unit);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("line 2, column `benchmark`"), "{error}");
            let error = read_csv(text.replace(",32", ",-1").as_bytes(), unit);
            assert!(error.is_err());
            let cut = text.trim_end().rsplit_once(',').unwrap().0;
            assert!(read_csv(cut.as_bytes(), unit).is_err());
        }
    }

    #[test]
    fn a_count_that_is_not_whole_is_empty() {
        let quads = [[0, 0, 0, 64], [0, 0, 0, 65]].map(|batches| RunQuad {
            target: "linux".into(),
            boot: 0,
            quad: quad(batches),
        });
        let mut file = Vec::new();
        write_csv(&mut file, Unit::Instructions, &quads).unwrap();
        let expected = "\
target,boot,benchmark,round,align,copies,turns,instructions_n_t,instructions_n_2t,instructions_2n_t,instructions_2n_2t,instructions_per_op
linux,0,scall,0,16,16,2,0,0,0,64,2
linux,0,scall,0,16,16,2,0,0,0,65,
";
        assert_eq!(String::from_utf8(file).unwrap(), expected);
    }
}
