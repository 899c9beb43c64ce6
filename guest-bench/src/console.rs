//! Standard output, buffered.

use core::fmt;

use contract::Encoder;

use crate::machine::Status;
use crate::syscall;
use crate::take_once::TakeOnce;

const SIZE: usize = 4096;
static BUFFER: TakeOnce<[u8; SIZE]> = TakeOnce::new([0; SIZE]);

/// The log, written to standard output.
pub type Log<'c> = Encoder<&'c mut Console>;

/// Standard output. Remembers whether any write failed.
pub struct Console {
    buffer: &'static mut [u8; SIZE],
    used: usize,
    failed: bool,
}

impl Console {
    /// The console, on the first call; `None` afterwards.
    pub fn take() -> Option<Self> {
        Some(Self {
            buffer: BUFFER.take()?,
            used: 0,
            failed: false,
        })
    }

    pub fn text(&mut self, text: &str) {
        for &byte in text.as_bytes() {
            if let Some(slot) = self.buffer.get_mut(self.used) {
                *slot = byte;
                self.used += 1;
            }
            if self.used == SIZE {
                self.flush();
            }
        }
    }

    /// Writes the rest; returns the status unchanged unless that fails.
    pub fn close(mut self, status: Status) -> Status {
        self.flush();
        if self.failed {
            Status::OutputFailed
        } else {
            status
        }
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) {
        let text = self.buffer.get(..self.used).unwrap_or_default();
        self.failed |= !syscall::write_all(text);
        self.used = 0;
    }
}

impl fmt::Write for &mut Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}
