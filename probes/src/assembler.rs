//! Assembles BPF programs (Linux, Documentation/bpf/standardization/instruction-set.rst), and
//! disassembles them for tests.

#[cfg(test)]
use std::fmt;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reg {
    /// The result.
    R0,
    /// The first argument, and so on.
    R1,
    R2,
    R3,
    R4,
    /// The end of the stack.
    R10 = 10,
}

/// Functions of the kernel (include/uapi/linux/bpf.h, `___BPF_FUNC_MAPPER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Helper {
    MapLookup = 1,
    CurrentPidTgid = 14,
    RingbufOutput = 130,
}

/// One instruction; the address of a map takes two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `r = number`
    Set(Reg, i32),
    /// `r = other`
    Copy(Reg, Reg),
    /// `r += number`
    Add(Reg, i32),
    /// `r >>= number`
    ShiftRight(Reg, i32),
    /// `*(u32 *)(r + offset) = number`
    StoreWord(Reg, i16, i32),
    /// `r &= number`
    And(Reg, i32),
    /// `*(u32 *)(r + offset) = other`
    StoreLow(Reg, i16, Reg),
    /// `lock *(u64 *)(r + offset) += other`
    AtomicAdd(Reg, i16, Reg),
    /// `*(u64 *)(r + offset) = other`
    Store(Reg, i16, Reg),
    /// `r = map`, by its descriptor.
    Map(Reg, i32),
    /// `r0 = helper(r1, …)`
    Call(Helper),
    /// Skips so many places if the register has that value.
    SkipIfEqual(Reg, i32, i16),
    /// Skips so many places if it does not.
    SkipUnless(Reg, i32, i16),
    /// `return r0`
    Exit,
}

/// As the kernel takes them: eight bytes each.
pub fn assemble(ops: &[Op]) -> Vec<u64> {
    ops.iter().flat_map(|op| op.places()).collect()
}

impl Op {
    fn places(self) -> Vec<u64> {
        let one = |code: u8, dst: Reg, src: u8, offset: i16, number: i32| {
            let registers = src << 4 | dst as u8;
            u64::from(code)
                | u64::from(registers) << 8
                | u64::from(offset as u16) << 16
                | u64::from(number as u32) << 32
        };
        match self {
            Self::Set(r, n) => vec![one(0xb7, r, 0, 0, n)],
            Self::Copy(r, other) => vec![one(0xbf, r, other as u8, 0, 0)],
            Self::Add(r, n) => vec![one(0x07, r, 0, 0, n)],
            Self::ShiftRight(r, n) => vec![one(0x77, r, 0, 0, n)],
            Self::StoreWord(r, at, n) => vec![one(0x62, r, 0, at, n)],
            Self::And(r, n) => vec![one(0x57, r, 0, 0, n)],
            Self::StoreLow(r, at, other) => vec![one(0x63, r, other as u8, at, 0)],
            // BPF_ADD is 0.
            Self::AtomicAdd(r, at, other) => vec![one(0xdb, r, other as u8, at, 0)],
            Self::Store(r, at, other) => vec![one(0x7b, r, other as u8, at, 0)],
            // BPF_PSEUDO_MAP_FD is 1.
            Self::Map(r, fd) => vec![one(0x18, r, 1, 0, fd), 0],
            Self::Call(helper) => vec![one(0x85, Reg::R0, 0, 0, helper as i32)],
            Self::SkipIfEqual(r, n, skip) => vec![one(0x15, r, 0, skip, n)],
            Self::SkipUnless(r, n, skip) => vec![one(0x55, r, 0, skip, n)],
            Self::Exit => vec![one(0x95, Reg::R0, 0, 0, 0)],
        }
    }
}

/// Reads an assembled program; what it cannot read remains a number.
#[cfg(test)]
pub struct Disassembly<'a>(pub &'a [u64]);

#[cfg(test)]
impl fmt::Display for Disassembly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = self.0.iter().enumerate();
        while let Some((place, word)) = places.next() {
            let (dst, src) = (word >> 8 & 0xf, word >> 12 & 0xf);
            let (offset, number) = ((word >> 16) as i16, (word >> 32) as i32);
            write!(f, "{place:2}: ")?;
            match word & 0xff {
                0xb7 => writeln!(f, "r{dst} = {number}")?,
                0xbf => writeln!(f, "r{dst} = r{src}")?,
                0x07 => writeln!(f, "r{dst} += {number}")?,
                0x77 => writeln!(f, "r{dst} >>= {number}")?,
                0x62 => writeln!(f, "*(u32 *)(r{dst} {offset:+}) = {number}")?,
                0x57 => writeln!(f, "r{dst} &= {number}")?,
                0x63 => writeln!(f, "*(u32 *)(r{dst} {offset:+}) = r{src}")?,
                0xdb => writeln!(f, "lock *(u64 *)(r{dst} {offset:+}) += r{src}")?,
                0x7b => writeln!(f, "*(u64 *)(r{dst} {offset:+}) = r{src}")?,
                0x18 => {
                    places.next();
                    writeln!(f, "r{dst} = map {number}")?;
                }
                0x85 => writeln!(f, "call {number}")?,
                0x15 => writeln!(f, "if r{dst} == {number} goto {offset:+}")?,
                0x55 => writeln!(f, "if r{dst} != {number} goto {offset:+}")?,
                0x95 => writeln!(f, "exit")?,
                _ => writeln!(f, "{word:#018x}")?,
            }
        }
        Ok(())
    }
}
