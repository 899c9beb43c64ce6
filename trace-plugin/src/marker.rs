//! How a program marks one operation: by instructions that do nothing.

/// NOP with a ModRM, a SIB and a displacement of 32 bits (Intel SDM 2B, NOP). Compilers
/// leave the displacement zero. In a marker it is 0x746c0000, the benchmark's number in
/// bits 8 to 15, and 1 in bit 0 at the end of an operation.
const NOP: [u8; 4] = [0x0f, 0x1f, 0x84, 0x00];

/// One end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// What comes next is an operation of this benchmark.
    Begin(u8),
    /// The operation has ended.
    End(u8),
}

impl Marker {
    /// The marker that an instruction is, if it is one.
    pub fn of(instruction: &[u8]) -> Option<Self> {
        match *instruction.strip_prefix(&NOP)? {
            [0, benchmark, b'l', b't'] => Some(Self::Begin(benchmark)),
            [1, benchmark, b'l', b't'] => Some(Self::End(benchmark)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_by_their_bytes() {
        let of = |displacement: u32| Marker::of(&[&NOP[..], &displacement.to_le_bytes()].concat());
        assert_eq!(of(0x746c_0300), Some(Marker::Begin(3)));
        assert_eq!(of(0x746c_0301), Some(Marker::End(3)));
        assert_eq!(of(0x746c_0302), None);
        assert_eq!(of(0), None, "what assemblers fill gaps with");
        assert_eq!(Marker::of(&[0x0f, 0x1f, 0x84, 0x00, 0, 3, 0x6c]), None);
        assert_eq!(Marker::of(&[0x90]), None);
    }
}
