//! The tables of a measurement: the calls that were used, and those that can be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use thiserror::Error;

use crate::Call;
use crate::need::Need;

/// `dyn.csv`: one row for each call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(pub BTreeMap<Call, Need>);

/// `static_binary.csv` and `static_sources.csv`: the calls that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsedTable(pub BTreeSet<Call>);

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowError {
    /// Too few or too many fields.
    #[error("this row has {found} fields instead of {expected}")]
    Fields {
        /// The expected number.
        expected: usize,
        /// The actual number.
        found: usize,
    },
    /// The first field.
    #[error("{0:?} is not the number of a system call")]
    Number(String),
    /// Another field.
    #[error("{0:?} is neither Y nor N")]
    Mark(String),
    /// A second row for a call.
    #[error("system call {0} already has a row, which contradicts this one")]
    Twice(u32),
    /// It is not valid UTF-8.
    #[error("it is not valid UTF-8")]
    NotText,
}

/// A row's line, from 1, and what is wrong with it.
pub(super) type LineError = (usize, RowError);

/// The tables have a row for each number at least up to this one, used or not, as the
/// published ones do.
const LAST_ROW: u32 = 335;

const DYNAMIC_HEADER: &str = "# syscall, used, works faked, works stubbed, works both";
const STATIC_HEADER: &str = "# syscall, used";

impl Table {
    /// Reads a table, with or without its header. If the columns overlap, the call works
    /// both ways; marks in the row of an unused call are ignored.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, LineError> {
        let mut table = BTreeMap::new();
        for row in rows::<4>(bytes) {
            let (line, call, [used, fake, stub, both]) = row?;
            let need = match (used, fake || both, stub || both) {
                (false, _, _) => continue,
                (true, false, false) => Need::Required,
                (true, true, false) => Need::Fake,
                (true, false, true) => Need::Stub,
                (true, true, true) => Need::Both,
            };
            if table
                .insert(call, need)
                .is_some_and(|before| before != need)
            {
                return Err((line, RowError::Twice(call.0)));
            }
        }
        Ok(Self(table))
    }

    /// What an application needs of a call; `None` if it does not use it.
    pub fn get(&self, call: Call) -> Option<Need> {
        self.0.get(&call).copied()
    }

    /// The table in the database's format. A call for which neither a stub nor a fake is
    /// known to work is marked only as used.
    pub fn csv(&self) -> String {
        csv(DYNAMIC_HEADER, self.0.keys().last(), |call| {
            match self.get(call) {
                None => "N,N,N,N",
                Some(Need::Required | Need::Conflict) => "Y,N,N,N",
                Some(Need::Fake) => "Y,Y,N,N",
                Some(Need::Stub) => "Y,N,Y,N",
                Some(Need::Both) => "Y,N,N,Y",
            }
        })
    }
}

impl UsedTable {
    /// Reads a table, with or without its header.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, LineError> {
        let mut used = BTreeMap::new();
        for row in rows::<1>(bytes) {
            let (line, call, [is_used]) = row?;
            if used
                .insert(call, is_used)
                .is_some_and(|before| before != is_used)
            {
                return Err((line, RowError::Twice(call.0)));
            }
        }
        let used = used.into_iter().filter(|(_, is_used)| *is_used);
        Ok(Self(used.map(|(call, _)| call).collect()))
    }

    /// The table in the database's format.
    pub fn csv(&self) -> String {
        csv(STATIC_HEADER, self.0.last(), |call| {
            if self.0.contains(&call) { "Y" } else { "N" }
        })
    }
}

fn csv(header: &str, last: Option<&Call>, marks: impl Fn(Call) -> &'static str) -> String {
    let mut csv = format!("{header}\n");
    let last = last.map_or(LAST_ROW, |call| call.0.max(LAST_ROW));
    for number in 0..=last {
        let _ = writeln!(csv, "{number},{}", marks(Call(number)));
    }
    csv
}

type Row<const MARKS: usize> = (usize, Call, [bool; MARKS]);

/// The rows, each with its line, from 1. Blank lines and comments are skipped.
fn rows<const MARKS: usize>(
    bytes: &[u8],
) -> impl Iterator<Item = Result<Row<MARKS>, LineError>> + '_ {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    lines.filter_map(|(line, bytes)| {
        let Ok(text) = str::from_utf8(bytes) else {
            return Some(Err((line, RowError::NotText)));
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        Some(match row(text) {
            Ok((call, marks)) => Ok((line, call, marks)),
            Err(error) => Err((line, error)),
        })
    })
}

fn row<const MARKS: usize>(text: &str) -> Result<(Call, [bool; MARKS]), RowError> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let wrong = || RowError::Fields {
        expected: MARKS + 1,
        found: fields.len(),
    };
    let (number, marks) = fields.split_first().ok_or_else(wrong)?;
    let marks: &[&str; MARKS] = marks.try_into().map_err(|_| wrong())?;
    let call = number.parse().ok().filter(|number| *number <= MOST);
    let call = call.ok_or_else(|| RowError::Number((*number).to_owned()))?;
    let mut used = [false; MARKS];
    for (used, mark) in used.iter_mut().zip(marks) {
        *used = match *mark {
            "Y" => true,
            "N" => false,
            _ => return Err(RowError::Mark((*mark).to_owned())),
        };
    }
    Ok((Call(call), used))
}

/// No table of Linux has so many calls; x32's begin at 2^30.
const MOST: u32 = 9999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn need(row: &str) -> Option<Need> {
        Table::parse(row.as_bytes()).unwrap().get(Call(3))
    }

    #[test]
    fn a_row_says_what_a_call_needs() {
        assert_eq!(need("3,N,N,N,N"), None);
        assert_eq!(need("3,Y,N,N,N"), Some(Need::Required));
        assert_eq!(need("3,Y,Y,N,N"), Some(Need::Fake));
        assert_eq!(need("3,Y,N,Y,N"), Some(Need::Stub));
        assert_eq!(need("3,Y,N,N,Y"), Some(Need::Both));
    }

    #[test]
    fn columns_that_overlap_mean_both() {
        for row in ["3,Y,Y,Y,N", "3,Y,Y,Y,Y", "3,Y,Y,N,Y", "3,Y,N,Y,Y"] {
            assert_eq!(need(row), Some(Need::Both), "{row}");
        }
    }

    #[test]
    fn marks_of_an_unused_call_say_nothing() {
        assert_eq!(need("3,N,Y,Y,Y"), None);
        assert_eq!(need("3,N,Y,N,N"), None);
    }

    #[test]
    fn header_blanks_and_line_ends_may_be_there_or_not() {
        let clean = Table::parse(b"# syscall, used\n3,Y,N,Y,N\n4,Y,N,N,N\n").unwrap();
        let odd = Table::parse(b"\xef\xbb\xbf3, Y ,N,Y,N \r\n\r\n \t\n4,Y,N,N,N").unwrap();
        assert_eq!(clean, odd);
        assert_eq!(clean.0.len(), 2);
    }

    #[test]
    fn a_written_table_has_a_header_and_336_rows() {
        let csv = Table::parse(b"3,Y,Y,Y,Y\n0,N,Y,N,N").unwrap().csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 337);
        assert_eq!(lines[0], DYNAMIC_HEADER);
        assert_eq!((lines[1], lines[4]), ("0,N,N,N,N", "3,Y,N,N,Y"));
        assert_eq!(lines[336], "335,N,N,N,N");
    }

    #[test]
    fn calls_above_335_have_rows_as_well() {
        let table = Table::parse(b"435,Y,N,Y,N").unwrap();
        assert_eq!(table.csv().lines().last(), Some("435,Y,N,Y,N"));
        let table = UsedTable::parse(b"439,Y").unwrap();
        assert_eq!(table.csv().lines().last(), Some("439,Y"));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let wrong = |csv: &[u8]| Table::parse(csv).unwrap_err();
        let fields = |found| RowError::Fields { expected: 5, found };
        assert_eq!(wrong(b"# h\n0,Y,N,N,N\n1,Y\n"), (3, fields(2)));
        assert_eq!(wrong(b"0,Y,N,N,N,N"), (1, fields(6)));
        assert_eq!(
            wrong(b"\nread,Y,N,N,N"),
            (2, RowError::Number("read".into()))
        );
        assert_eq!(wrong(b"-1,Y,N,N,N").1, RowError::Number("-1".into()));
        assert_eq!(
            wrong(b"4294967295,Y,N,N,N").1,
            RowError::Number("4294967295".into())
        );
        assert_eq!(wrong(b"0,y,N,N,N").1, RowError::Mark("y".into()));
        assert_eq!(wrong(b"0,Y,N,N,N\n0,Y,N,Y,N"), (2, RowError::Twice(0)));
        assert_eq!(wrong(b"0,Y,N,N,N\n\xff\n"), (2, RowError::NotText));
        assert_eq!(
            UsedTable::parse(b"0,Y\n0,N").unwrap_err(),
            (2, RowError::Twice(0))
        );
    }

    fn needs() -> impl Strategy<Value = Table> {
        let need = prop::sample::select(vec![Need::Required, Need::Stub, Need::Fake, Need::Both]);
        prop::collection::btree_map((0..500u32).prop_map(Call), need, 0..60).prop_map(Table)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(table in needs()) {
            prop_assert_eq!(Table::parse(table.csv().as_bytes()), Ok(table));
        }

        #[test]
        fn what_is_found_is_read(calls in prop::collection::btree_set((0..500u32).prop_map(Call), 0..60)) {
            let table = UsedTable(calls);
            prop_assert_eq!(UsedTable::parse(table.csv().as_bytes()), Ok(table));
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Table::parse(&bytes);
            let _ = UsedTable::parse(&bytes);
        }
    }
}
