//! One line of `samples.csv`, taken byte by byte.

use contract::Benchmark;

use super::{Boot, Levels};
use crate::samples::{READING_COLUMNS, reading};

/// The values of a block, by what their lines begin with: `target,boot,benchmark,`.
#[derive(Default)]
pub(super) struct Groups<'a> {
    groups: Vec<(&'a [u8], Boot)>,
    /// Where the last line belonged, and most likely the next.
    last: usize,
}

impl<'a> Groups<'a> {
    /// The group of a line, and what follows on its beginning.
    fn of(&mut self, line: &'a [u8]) -> Option<(&mut Boot, &'a [u8])> {
        let known = |(start, _): &(&[u8], Boot)| line.starts_with(start);
        let at_last = self.groups.get(self.last).is_some_and(known);
        if !at_last {
            self.last = match self.groups.iter().position(known) {
                Some(place) => place,
                None => self.begin(line)?,
            };
        }
        let (start, boot) = self.groups.get_mut(self.last)?;
        Some((boot, line.get(start.len()..)?))
    }

    fn begin(&mut self, line: &'a [u8]) -> Option<usize> {
        let mut commas = line.iter().enumerate().filter(|(_, byte)| **byte == b',');
        let (end, _) = commas.nth(2)?;
        let start = line.get(..=end)?;
        // What is quoted, or ends the line, is for the reader of all CSV.
        if start
            .iter()
            .any(|byte| matches!(byte, b'"' | b'\n' | b'\r'))
        {
            return None;
        }
        self.groups.push((start, Boot::default()));
        Some(self.groups.len() - 1)
    }

    /// Everything, in order; `None` where the beginning of a line is no good.
    pub(super) fn into_levels(self) -> Option<Levels> {
        let mut levels = Levels::default();
        for (start, values) in self.groups {
            let start = std::str::from_utf8(start).ok()?;
            let mut fields = start.split(',');
            let (target, boot, benchmark) = (fields.next()?, fields.next()?, fields.next()?);
            let boot = boot.parse().ok()?;
            let benchmark = Benchmark::from_name(benchmark)?;
            levels.boot(&target.into(), boot, benchmark).append(values);
        }
        Some(levels)
    }
}

/// Takes the first line and gives what follows it back. `None` for a line that `Writer`
/// would not write.
pub(super) fn take<'a>(lines: &'a [u8], groups: &mut Groups<'a>) -> Option<&'a [u8]> {
    let (boot, rest) = groups.of(lines)?;
    let (round, mut rest) = number(rest)?;
    let round = u32::try_from(round?).ok()?;
    let mut fields = [None; READING_COLUMNS];
    for field in &mut fields {
        (*field, rest) = number(rest)?;
    }
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (value, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    let value: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    boot.add(round, reading(fields)?, value);
    Some(rest)
}

/// A whole number or nothing, up to the comma that ends it.
fn number(field: &[u8]) -> Option<(Option<u64>, &[u8])> {
    /// More digits might not fit.
    const MAX_DIGITS: usize = 19;
    let mut value = 0;
    for (place, byte) in field.iter().take(MAX_DIGITS + 1).enumerate() {
        match byte {
            b'0'..=b'9' if place < MAX_DIGITS => value = value * 10 + u64::from(byte - b'0'),
            b',' => return Some(((place > 0).then_some(value), field.get(place + 1..)?)),
            _ => return None,
        }
    }
    None
}
