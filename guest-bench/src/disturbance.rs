//! What takes the processor from the program, as the kernel counts it. The counters are read
//! before and after each round, never during one.

use core::ffi::CStr;

use contract::{Disturbance, Disturbed};

use crate::store::{Entry, Store};
use crate::syscall::{self, File};
use crate::take_once::TakeOnce;

const CHUNK: usize = 4096;
static CHUNK_BUFFER: TakeOnce<[u8; CHUNK]> = TakeOnce::new([0; CHUNK]);

/// The counters of a kernel that has them.
pub struct Watch {
    buffer: &'static mut [u8; CHUNK],
}

/// A reading of every counter; `None` if the kernel does not provide it.
struct Counts([Option<u64>; Disturbance::ALL.len()]);

impl Watch {
    /// Does not read anything yet; `None` the second time.
    pub fn take() -> Option<Self> {
        CHUNK_BUFFER.take().map(|buffer| Self { buffer })
    }

    /// Runs a round, and records how much its counters grew.
    #[inline(always)]
    pub fn around(
        watch: &mut Option<Self>,
        round: u64,
        store: &mut Store,
        run: impl FnOnce(&mut Store),
    ) {
        let before = watch.as_mut().map(Self::read);
        run(store);
        let after = watch.as_mut().map(Self::read);
        let (Some(Counts(before)), Some(Counts(after))) = (before, after) else {
            return;
        };
        for (by, counts) in Disturbance::ALL
            .into_iter()
            .zip(before.into_iter().zip(after))
        {
            if let (Some(before), Some(after)) = counts {
                let amount = after.wrapping_sub(before);
                store.push(Entry::Disturbed(Disturbed { round, by, amount }));
            }
        }
    }

    fn read(&mut self) -> Counts {
        let cpu = syscall::current_cpu();
        Counts([
            syscall::involuntary_switches(self.buffer),
            self.run_delay(),
            cpu.and_then(|cpu| self.steal(cpu)),
            cpu.and_then(|cpu| self.interrupts(cpu)),
        ])
    }

    /// Linux, Documentation/scheduler/sched-stats.rst.
    fn run_delay(&mut self) -> Option<u64> {
        let mut delay = None;
        self.fields(c"/proc/self/schedstat", |line, field, text| {
            if (line, field) == (0, 1) {
                delay = number(text);
            }
        });
        delay
    }

    /// Linux, Documentation/filesystems/proc.rst, 1.7: `cpuN`, then ten times.
    fn steal(&mut self, cpu: u64) -> Option<u64> {
        const STEAL: u64 = 8;
        let mut steal = None;
        let mut ours = false;
        self.fields(c"/proc/stat", |_, field, text| {
            if field == 0 {
                ours = text.strip_prefix(b"cpu").and_then(number) == Some(cpu);
            } else if ours && field == STEAL {
                steal = number(text);
            }
        });
        steal
    }

    /// A header line that names the CPUs, then one line per interrupt: its name and how often
    /// each CPU took it.
    fn interrupts(&mut self, cpu: u64) -> Option<u64> {
        let mut column = None;
        let mut sum = None;
        self.fields(c"/proc/interrupts", |line, field, text| {
            if line == 0 {
                if text.strip_prefix(b"CPU").and_then(number) == Some(cpu) {
                    column = Some(field + 1);
                }
            } else if Some(field) == column
                && let Some(count) = number(text)
            {
                sum = Some(sum.unwrap_or(0u64).wrapping_add(count));
            }
        });
        sum
    }

    /// Every field of a file of lines and blanks, with its line and its index in the line. Long
    /// fields are cut off.
    fn fields(&mut self, path: &CStr, mut each: impl FnMut(u64, u64, &[u8])) {
        const LONGEST: usize = 24;
        let Some(file) = File::open(path) else { return };
        let (mut line, mut field) = (0, 0);
        let (mut text, mut length) = ([0; LONGEST], 0);
        loop {
            let chunk = file.read(&mut *self.buffer);
            if chunk.is_empty() {
                return;
            }
            for &byte in chunk {
                if !byte.is_ascii_whitespace() {
                    if let Some(slot) = text.get_mut(length) {
                        *slot = byte;
                        length += 1;
                    }
                    continue;
                }
                if length > 0 {
                    each(line, field, text.get(..length).unwrap_or_default());
                    field += 1;
                    length = 0;
                }
                if byte == b'\n' {
                    line += 1;
                    field = 0;
                }
            }
        }
    }
}

/// A whole number that consists only of decimal digits.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
