//! The five programs, and the maps that they use.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use contract::WatchProgram;

use crate::assembler::Helper::{CurrentPidTgid, MapLookup, RingbufOutput};
use crate::assembler::Op::{
    Add, And, AtomicAdd, Call, Copy, Exit, Map, Set, ShiftRight, SkipIfEqual, SkipUnless, Store,
    StoreLow, StoreWord,
};
use crate::assembler::Reg::{R0, R1, R2, R3, R4, R10};
use crate::assembler::{Op, assemble};
use crate::ring::Ring;
use crate::sys::{self, Attributes, Command};

/// A process that cannot exist: Linux numbers them up to 2^22. In a guest the measuring process
/// is 1, and a filter for another one has to miss.
const NO_PROCESS: i32 = 0x3fff_ffff;

/// Values in a map.
const SLOTS: u32 = 64;

/// A program as instructions, and what it holds.
pub struct Assembled {
    /// For the kernel.
    pub instructions: Vec<u64>,
    /// Its map, if it has one.
    pub map: Option<OwnedFd>,
    /// Its ring buffer's memory, if it has one.
    pub ring: Option<Ring>,
}

/// Assembles a program, and makes its map.
///
/// # Errors
///
/// As bpf(2).
pub fn assembled(program: WatchProgram) -> io::Result<Assembled> {
    // enum bpf_map_type.
    const HASH: u32 = 1;
    const PERCPU_ARRAY: u32 = 6;
    let map = match program {
        WatchProgram::Null | WatchProgram::Filter => None,
        WatchProgram::PerCpu => Some(map(PERCPU_ARRAY, 4, 8, SLOTS)?),
        WatchProgram::Hash => {
            let map = map(HASH, 8, 8, SLOTS)?;
            fill(&map)?;
            Some(map)
        }
        WatchProgram::Ringbuf => Some(Ring::map()?),
    };
    let ring = match (program, &map) {
        (WatchProgram::Ringbuf, Some(map)) => Some(Ring::new(map)?),
        _ => None,
    };
    let fd = map.as_ref().map_or(0, AsRawFd::as_raw_fd);
    Ok(Assembled {
        instructions: assemble(&ops(program, fd)),
        map,
        ring,
    })
}

/// The instructions of a program with the map of that descriptor.
pub fn ops(program: WatchProgram, map: i32) -> Vec<Op> {
    match program {
        WatchProgram::Null => vec![Set(R0, 0), Exit],
        WatchProgram::PerCpu => {
            // The key is the number of the process's thread, modulo the slots.
            let key = [And(R0, SLOTS as i32 - 1), StoreLow(R10, -8, R0)];
            counting(map, &key)
        }
        WatchProgram::Hash => counting(map, &[Store(R10, -8, R0)]),
        WatchProgram::Filter => vec![
            Call(CurrentPidTgid),
            // The upper half is the process, as users know it.
            ShiftRight(R0, 32),
            SkipUnless(R0, NO_PROCESS, 2),
            // Here it would count.
            Set(R0, 0),
            Exit,
            Set(R0, 0),
            Exit,
        ],
        WatchProgram::Ringbuf => vec![
            StoreWord(R10, -8, 1),
            StoreWord(R10, -4, 0),
            Map(R1, map),
            Copy(R2, R10),
            Add(R2, -8),
            Set(R3, 8),
            // BPF_RB_NO_WAKEUP: nobody waits on the measured CPU.
            Set(R4, 1),
            Call(RingbufOutput),
            Set(R0, 0),
            Exit,
        ],
    }
}

/// Adds one to the value of the key that `key` puts on the stack, from the caller's number.
fn counting(map: i32, key: &[Op]) -> Vec<Op> {
    let count = [
        Copy(R2, R10),
        Add(R2, -8),
        Map(R1, map),
        Call(MapLookup),
        SkipIfEqual(R0, 0, 2),
        Set(R1, 1),
        AtomicAdd(R0, 0, R1),
        Set(R0, 0),
        Exit,
    ];
    [&[Call(CurrentPidTgid)], key, &count].concat()
}

fn map(kind: u32, key: u32, value: u32, entries: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes::new()
        .u32(0, kind)
        .u32(4, key)
        .u32(8, value)
        .u32(12, entries);
    // SAFETY: these attributes do not contain an address.
    unsafe { sys::bpf_fd(Command::MapCreate, &attributes) }
}

/// Puts this process into a hash map, so that every lookup finds it.
fn fill(map: &OwnedFd) -> io::Result<()> {
    let process = u64::from(std::process::id());
    // SAFETY: it has no arguments, and cannot fail.
    let thread = unsafe { libc::gettid() } as u64;
    let (key, value) = (process << 32 | thread, 0_u64);
    let attributes = Attributes::new()
        .fd(0, map)
        .address(8, &key)
        .address(16, &value);
    // SAFETY: key and value have the map's sizes, and outlive the call.
    unsafe { sys::bpf(Command::MapUpdate, &attributes) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembler::Disassembly;

    #[test]
    fn programs_are_short_and_read_as_they_were_written() {
        for program in WatchProgram::ALL {
            let code = assemble(&ops(program, 5));
            assert!(code.len() < 40, "{}", program.name());
            insta::assert_snapshot!(program.name(), Disassembly(&code));
        }
    }
}
