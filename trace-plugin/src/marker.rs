//! How the program marks one operation: with instructions that do nothing.

use contract::{Benchmark, MARK_OPCODE, mark_begin, mark_end};

/// One end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// An operation of this benchmark follows.
    Begin(Benchmark),
    /// The operation has ended.
    End(Benchmark),
}

impl Marker {
    /// The marker that an instruction is, if it is one.
    pub fn of(instruction: &[u8]) -> Option<Self> {
        let displacement = instruction.strip_prefix(&MARK_OPCODE)?;
        let displacement = u32::from_le_bytes(displacement.try_into().ok()?);
        Benchmark::ALL.into_iter().find_map(|benchmark| {
            if displacement == mark_begin(benchmark) {
                Some(Self::Begin(benchmark))
            } else if displacement == mark_end(benchmark) {
                Some(Self::End(benchmark))
            } else {
                None
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(displacement: u32) -> Option<Marker> {
        Marker::of(&[&MARK_OPCODE[..], &displacement.to_le_bytes()].concat())
    }

    #[test]
    fn markers_are_found_by_their_bytes() {
        for benchmark in Benchmark::ALL {
            let begin = of(mark_begin(benchmark));
            assert_eq!(begin, Some(Marker::Begin(benchmark)));
            assert_eq!(of(mark_end(benchmark)), Some(Marker::End(benchmark)));
        }
    }

    #[test]
    fn other_instructions_are_not_markers() {
        assert_eq!(of(0), None, "what assemblers fill gaps with");
        assert_eq!(of(mark_end(Benchmark::Scall) + 1), None);
        let begin = mark_begin(Benchmark::Scall).to_le_bytes();
        let longer = [&MARK_OPCODE[..], &begin, &[0]].concat();
        assert_eq!(Marker::of(&longer), None);
        assert_eq!(Marker::of(&[0x90]), None);
    }
}
