//! The file in blocks of whole lines, which several threads can read at the same time.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::row::Row;
use super::{Reader, Sample, SamplesError, columns};

/// Some lines of the file.
pub(crate) struct Block {
    /// Lines of the file before these.
    lines_before: u64,
    bytes: Vec<u8>,
}

/// Cuts the file into blocks.
pub(crate) struct Blocks<R> {
    input: R,
    /// About how long a block is, in bytes.
    size: usize,
    /// Lines in the blocks that were taken.
    lines: u64,
    /// The beginning of the next block's first line.
    rest: Vec<u8>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(input: R, size: usize) -> Self {
        Self {
            input,
            size,
            lines: 0,
            rest: Vec::new(),
            ended: false,
        }
    }

    /// The next block; `None` at the end of the file.
    pub(crate) fn take(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.reserve(self.size);
        while !self.ended {
            let before = bytes.len();
            let limit = self.size.max(1) as u64;
            let read = (&mut self.input).take(limit).read_to_end(&mut bytes)?;
            self.ended = read == 0;
            let new = bytes.get(before..).unwrap_or_default();
            if let Some(last) = new.iter().rposition(|byte| *byte == b'\n') {
                self.rest = bytes.split_off(before + last + 1);
                break;
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let lines_before = self.lines;
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Some(Block {
            lines_before,
            bytes,
        }))
    }

    /// Reads on one sample after the other, from these blocks, which are the last ones that were
    /// taken.
    pub(crate) fn one_by_one(
        self,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Result<Reader<impl Read>, SamplesError> {
        let mut blocks = blocks.into_iter().peekable();
        let lines_before = blocks.peek().map_or(0, |block| block.lines_before);
        let mut bytes: Vec<u8> = blocks.flat_map(|block| block.bytes).collect();
        bytes.extend(self.rest);
        let input = Cursor::new(bytes).chain(self.input);
        match lines_before {
            0 => Reader::new(input),
            before => Ok(Reader::after(before, input)),
        }
    }
}

impl Block {
    /// Passes each of its samples to `add`. False: a field is quoted, or a line ends otherwise
    /// than ours do, so that only a [`Reader`] can find the rows.
    pub(crate) fn samples(&self, mut add: impl FnMut(&Sample)) -> Result<bool, SamplesError> {
        let mut rest = &*self.bytes;
        let mut line = self.lines_before;
        if line == 0 {
            let header = columns::HEADER.join(",") + "\n";
            let Some(rows) = rest.strip_prefix(header.as_bytes()) else {
                return Ok(false);
            };
            (rest, line) = (rows, 1);
        }
        let mut targets: Vec<Arc<str>> = Vec::new();
        let mut commas = Vec::new();
        while !rest.is_empty() {
            commas.clear();
            let mut end = rest.len();
            for (place, byte) in rest.iter().enumerate() {
                match byte {
                    b',' => commas.push(place),
                    b'\n' => {
                        end = place;
                        break;
                    }
                    b'"' | b'\r' => return Ok(false),
                    _ => {}
                }
            }
            let (row, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = after.get(1..).unwrap_or_default();
            line += 1;
            if row.is_empty() {
                continue;
            }
            let starts = commas.iter().map(|comma| comma + 1);
            let ends = commas.iter().copied().chain([row.len()]);
            let fields = [0].into_iter().chain(starts).zip(ends);
            let fields = fields.map(|(start, end)| row.get(start..end).unwrap_or_default());
            add(&Row::new(line, fields)?.sample(&mut targets)?);
        }
        Ok(true)
    }
}
