//! `samples.csv` straight into levels, on all cores.
//!
//! One thread reads blocks of whole lines, the others parse them. A line as
//! `samples::Writer` writes it is taken byte by byte; a block that holds any other is read
//! again by `samples::Reader`, which knows all of CSV and every complaint.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Levels;
use super::line::{Groups, take};
use crate::parallel;
use crate::samples::{self, Reader, SamplesError};

/// Bytes of a block, as a rule: enough to be worth a thread's while, and small enough to
/// stay in its cache.
const BLOCK: usize = 1 << 20;

/// Whole lines, and which of the blocks they are.
type Block = (usize, Vec<u8>);

/// A block's levels and its number of lines; an error counts them after a header.
type Parsed = Result<(Levels, u64), SamplesError>;

impl Levels {
    /// Reads `samples.csv`.
    ///
    /// # Errors
    ///
    /// Those of [`Reader`], the first in the file.
    pub fn read<R: Read>(input: R) -> Result<Self, SamplesError> {
        let (send, receive) = sync_channel(2 * parallel::threads());
        let receive = Mutex::new(receive);
        let mut blocks: Vec<(usize, Parsed)> = thread::scope(|scope| {
            let parsers = (0..parallel::threads()).map(|_| scope.spawn(|| parse_all(&receive)));
            let parsers: Vec<_> = parsers.collect();
            send_blocks(input, send)?;
            Ok::<_, SamplesError>(parsers.into_iter().flat_map(parallel::join).collect())
        })?;
        blocks.sort_unstable_by_key(|(place, _)| *place);
        let mut levels = Self::default();
        let mut lines = 0;
        for (_, block) in blocks {
            let (block, more) = block.map_err(|error| error.after_lines(lines))?;
            levels.append(block);
            lines += more;
        }
        Ok(levels)
    }
}

fn send_blocks(mut input: impl Read, send: SyncSender<Block>) -> io::Result<()> {
    let mut begun = Vec::new();
    for place in 0.. {
        let mut block = std::mem::take(&mut begun);
        block.reserve(BLOCK);
        let read = input.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if read > 0 {
            let lines = block
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(block.len(), |end| end + 1);
            begun = block.split_off(lines);
        }
        // Nobody listens any more where a parser has panicked, which is passed on.
        let nobody = send.send((place, block)).is_err();
        if read == 0 || nobody {
            break;
        }
    }
    Ok(())
}

fn parse_all(blocks: &Mutex<Receiver<Block>>) -> Vec<(usize, Parsed)> {
    let next = || {
        blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    };
    let parsed = std::iter::from_fn(|| next().map(|(place, block)| (place, parse(place, &block))));
    parsed.collect()
}

fn parse(place: usize, block: &[u8]) -> Parsed {
    let lines = match place {
        // The first line names the columns.
        0 => return parse_first(block),
        _ => block,
    };
    fast(lines).map_or_else(|| slow(lines), Ok)
}

/// The first line names the columns; it is not counted.
fn parse_first(block: &[u8]) -> Parsed {
    Reader::new(block)?;
    let header = block.iter().position(|byte| *byte == b'\n');
    let (_, lines) = block.split_at(header.map_or(block.len(), |end| end + 1));
    fast(lines).map_or_else(|| slow(lines), Ok)
}

fn fast(block: &[u8]) -> Option<(Levels, u64)> {
    let mut groups = Groups::default();
    let mut rest = block;
    let mut lines = 0;
    while !rest.is_empty() {
        rest = take(rest, &mut groups)?;
        lines += 1;
    }
    Some((groups.into_levels()?, lines))
}

fn slow(block: &[u8]) -> Parsed {
    let header = samples::header();
    let mut levels = Levels::default();
    for sample in Reader::new(header.as_bytes().chain(block))? {
        levels.add(&sample?);
    }
    let lines = block.iter().filter(|byte| **byte == b'\n').count();
    Ok((levels, lines as u64))
}
