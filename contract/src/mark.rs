use crate::Benchmark;

/// The common part of both marks: the upper half of the displacement of an 8-byte NOP, `0f 1f
/// 84 00 DISP32` (Intel SDM 2B, NOP). No compiler or assembler generates it.
const MARK: u32 = 0x746c_0000;

/// The first bytes of the NOP of a mark; its displacement follows, little-endian.
pub const MARK_OPCODE: [u8; 4] = [0x0f, 0x1f, 0x84, 0x00];

/// Displacement of the NOP right before one operation.
pub const fn mark_begin(benchmark: Benchmark) -> u32 {
    MARK | (benchmark as u32) << 8
}

/// Displacement of the NOP right after it.
pub const fn mark_end(benchmark: Benchmark) -> u32 {
    mark_begin(benchmark) | 1
}
