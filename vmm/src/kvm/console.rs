//! The guest's console on its way from the vCPUs to the caller: bounded, and a guest that
//! writes little never waits for it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::wake::Wake;

/// A guest waits while this many bytes wait for the caller.
const HIGH_WATER: usize = 64 << 10;
/// The caller is woken for lines, and for long parts of one.
const WAKE_AT: usize = 4 << 10;
const PATIENCE: Duration = Duration::from_millis(50);

/// Bytes on their way to the caller.
#[derive(Debug)]
pub struct Console {
    queue: Mutex<Queue>,
    room: Condvar,
    wake: Wake,
    first_byte: OnceLock<Instant>,
}

#[derive(Debug)]
struct Queue {
    bytes: Vec<u8>,
    /// How many more bytes the guest may write.
    left: usize,
    refused: bool,
    woken: bool,
}

impl Console {
    /// A console that accepts `limit` bytes in total, and signals `wake` when there are some.
    pub fn new(limit: usize, wake: Wake) -> Self {
        Self {
            queue: Mutex::new(Queue {
                bytes: Vec::new(),
                left: limit,
                refused: false,
                woken: false,
            }),
            room: Condvar::new(),
            wake,
            first_byte: OnceLock::new(),
        }
    }

    /// When the guest wrote its first byte.
    pub fn first_byte(&self) -> Option<Instant> {
        self.first_byte.get().copied()
    }

    /// Whether the guest wrote more than its limit; the excess was discarded.
    pub fn is_flooded(&self) -> bool {
        self.lock().refused
    }

    /// Takes what has arrived since the last call.
    pub fn take(&self) -> Vec<u8> {
        let mut queue = self.lock();
        queue.woken = false;
        self.room.notify_all();
        std::mem::take(&mut queue.bytes)
    }

    /// Waits, but not for long, while the caller has too much to process.
    pub fn wait_for_room(&self) {
        let queue = self.lock();
        if queue.bytes.len() >= HIGH_WATER {
            // The result only says whether the wait timed out.
            let _ = self.room.wait_timeout(queue, PATIENCE);
        }
    }

    fn push(&self, bytes: &[u8]) {
        self.first_byte.get_or_init(Instant::now);
        let mut queue = self.lock();
        let taken = bytes.len().min(queue.left);
        queue.bytes.extend_from_slice(&bytes[..taken]);
        queue.left -= taken;
        queue.refused |= taken < bytes.len();
        let worth_it = bytes.contains(&b'\n') || queue.bytes.len() >= WAKE_AT || queue.refused;
        if worth_it && !queue.woken {
            queue.woken = true;
            self.wake.signal();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No holder of the lock leaves the queue half-changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The serial port's end of the console.
#[derive(Debug)]
pub struct ConsoleWriter(pub Arc<Console>);

impl Write for ConsoleWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(limit: usize) -> Console {
        Console::new(limit, Wake::new().unwrap())
    }

    #[test]
    fn a_line_wakes_the_caller_once() {
        let console = console(100);
        console.push(b"tollgate");
        assert!(!console.wake.clear());
        console.push(b"\nmore\n");
        assert!(console.wake.clear());
        assert_eq!(console.take(), b"tollgate\nmore\n");
        console.push(b"\n");
        assert!(console.wake.clear());
    }

    #[test]
    fn a_flood_is_cut_and_named() {
        let console = console(4);
        console.push(b"1234");
        assert!(!console.is_flooded());
        console.push(b"5");
        assert!(console.is_flooded());
        assert_eq!(console.take(), b"1234");
    }

    #[test]
    fn a_full_console_does_not_block_forever() {
        let console = console(usize::MAX);
        console.push(&[b'x'; HIGH_WATER]);
        let begin = Instant::now();
        console.wait_for_room();
        assert!(begin.elapsed() < PATIENCE * 20);
    }
}
