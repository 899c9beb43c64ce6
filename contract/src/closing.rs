use crc32fast::Hasher;

/// Count and CRC-32 (IEEE 802.3) of the lines so far, computed by both ends.
///
/// Each line is hashed without its line ending and then with one `\n`, so that a serial
/// console's `\r\n` makes no difference.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    lines: u64,
    hasher: Hasher,
}

impl Closing {
    /// Adds one line, given without its line ending.
    pub fn line(&mut self, line: &[u8]) {
        self.part(line);
        self.end_of_line();
    }

    /// Adds a part of a line.
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Ends the line whose parts were added.
    pub(crate) fn end_of_line(&mut self) {
        self.hasher.update(b"\n");
        self.lines += 1;
    }

    /// How many lines were added.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Their checksum.
    pub fn crc(&self) -> u32 {
        self.hasher.clone().finalize()
    }
}
