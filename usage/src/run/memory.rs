//! The memory of a process that waits for its answer.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The kernel takes no longer path (path_resolution(7)).
const LONGEST_TEXT: usize = 4096;
/// A vector of writev(2) may have so many parts.
const MOST_VECTORS: u64 = 1024;

/// A process's memory, for reading.
pub struct Memory(File);

impl Memory {
    /// Of a thread's process.
    pub fn of(thread: u32) -> Option<Self> {
        File::open(format!("/proc/{thread}/mem")).ok().map(Self)
    }

    /// The text that ends with a zero byte.
    pub fn text(&self, address: u64) -> Option<Vec<u8>> {
        const PAGE: u64 = 4096;
        let (mut text, mut at) = (Vec::new(), address);
        while text.len() < LONGEST_TEXT {
            // The next page may not be there.
            let mut part = vec![0; (PAGE - at % PAGE) as usize];
            let read = self.0.read_at(&mut part, at).ok()?;
            part.truncate(read);
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend(part.get(..end)?);
                return Some(text);
            }
            if read == 0 {
                return None;
            }
            text.extend(part);
            at = at.checked_add(read as u64)?;
        }
        None
    }

    /// The length of all that a vector of writev(2) points to.
    pub fn vectors(&self, address: u64, number: u64) -> Option<u64> {
        let mut bytes = vec![0; 16 * usize::try_from(number.min(MOST_VECTORS)).ok()?];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        let lengths = bytes.chunks_exact(16).filter_map(|vector| word(vector, 8));
        Some(lengths.fold(0, u64::saturating_add))
    }

    /// The length of a message of sendmsg(2).
    pub fn message(&self, address: u64) -> Option<u64> {
        // struct msghdr: the vectors and their number follow the name and its length.
        let mut header = [0; 32];
        self.0.read_exact_at(&mut header, address).ok()?;
        self.vectors(word(&header, 16)?, word(&header, 24)?)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_ne_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_read() {
        let memory = Memory::of(std::process::id()).unwrap();
        let mut text = vec![b'x'; 3000];
        text.push(0);
        let long = text.as_ptr() as u64;
        assert_eq!(memory.text(long).unwrap().len(), 3000);
        assert_eq!(memory.text(1), None);
        let vectors = [long, 7, long, 5];
        let place = vectors.as_ptr() as u64;
        assert_eq!(memory.vectors(place, 2), Some(12));
        let header = [0, 0, place, 2];
        assert_eq!(memory.message(header.as_ptr() as u64), Some(12));
        assert_eq!(memory.vectors(1, 1), None);
    }
}
