//! What happens between markers, as lines of text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use contract::Benchmark;

use crate::marker::Marker;

/// The longest operation of interest; longer ones are cut off.
const LONGEST: usize = 1 << 16;
/// The number of operations that are recorded; together with [`LONGEST`] this bounds the file.
const MOST_OPERATIONS: usize = 1 << 12;

/// One translated instruction: its address and its bytes.
pub type Instruction = (u64, Vec<u8>);

/// Records operations. Instructions are numbered in the order in which they are translated; the
/// file defines each where it is first used.
pub struct Recorder<W> {
    out: W,
    numbers: HashMap<Instruction, usize>,
    instructions: Vec<Instruction>,
    /// By number: whether the file defines it.
    defined: Vec<bool>,
    /// The current operation: its benchmark, and what was executed.
    operation: Option<(Benchmark, Vec<usize>)>,
    operations: usize,
}

impl<W: Write> Recorder<W> {
    /// Begins the file.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "tollgate-path\t2")?;
        out.flush()?;
        Ok(Self {
            out,
            numbers: HashMap::new(),
            instructions: Vec::new(),
            defined: Vec::new(),
            operation: None,
            operations: 0,
        })
    }

    /// The number of an instruction, the same whenever it is translated again.
    pub fn number(&mut self, address: u64, bytes: &[u8]) -> usize {
        let new = self.instructions.len();
        let number = *self
            .numbers
            .entry((address, bytes.to_owned()))
            .or_insert(new);
        if number == new {
            self.instructions.push((address, bytes.to_owned()));
            self.defined.push(false);
        }
        number
    }

    /// The marker with this number was executed. Returns whether an operation continues from
    /// here.
    pub fn mark(&mut self, number: usize) -> io::Result<bool> {
        let begun = self.operation.take();
        let marker = self.instructions.get(number);
        match (marker.and_then(|(_, bytes)| Marker::of(bytes)), begun) {
            (Some(Marker::Begin(benchmark)), _) if self.operations < MOST_OPERATIONS => {
                self.operation = Some((benchmark, Vec::new()));
                Ok(true)
            }
            (Some(Marker::End(benchmark)), Some((of, path))) if of == benchmark => {
                self.write(benchmark, &path)?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// The instruction with this number was executed. Returns whether the operation continues.
    pub fn execute(&mut self, number: usize) -> bool {
        match &mut self.operation {
            Some((_, path)) if path.len() < LONGEST => {
                path.push(number);
                true
            }
            _ => {
                self.operation = None;
                false
            }
        }
    }

    fn write(&mut self, benchmark: Benchmark, path: &[usize]) -> io::Result<()> {
        let mut line = format!("op\t{}", benchmark.name());
        for &number in path {
            self.define(number)?;
            let _ = write!(line, "\t{number}");
        }
        writeln!(self.out, "{line}")?;
        self.operations += 1;
        self.out.flush()
    }

    fn define(&mut self, number: usize) -> io::Result<()> {
        let (Some(defined), Some((address, bytes))) =
            (self.defined.get_mut(number), self.instructions.get(number))
        else {
            return Ok(());
        };
        if !*defined {
            *defined = true;
            let bytes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(self.out, "insn\t{number}\t{address:x}\t{bytes}")?;
        }
        Ok(())
    }

    /// Ends the file, so that a reader can check that it is complete.
    pub fn finish(&mut self) -> io::Result<()> {
        writeln!(self.out, "end\t{}", self.operations)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &[u8] = b"\x0f\x1f\x84\0\0\x03lt";
    const END: &[u8] = b"\x0f\x1f\x84\0\x01\x03lt";
    const END_OF_ANOTHER: &[u8] = b"\x0f\x1f\x84\0\x01\x04lt";
    const NOP: &[u8] = &[0x90];

    fn written(record: impl FnOnce(&mut Recorder<&mut Vec<u8>>)) -> String {
        let mut file = Vec::new();
        let mut recorder = Recorder::new(&mut file).unwrap();
        record(&mut recorder);
        recorder.finish().unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn instructions_between_markers_are_recorded_and_defined_once() {
        let file = written(|recorder| {
            let unused = recorder.number(0x1000, NOP);
            let begin = recorder.number(0x2000, BEGIN);
            let nop = recorder.number(0x2008, NOP);
            let end = recorder.number(0x2009, END);
            assert_eq!(recorder.number(0x2008, NOP), nop);
            // Self-modifying code: another instruction at the same place.
            let patched = recorder.number(0x2008, &[0x0f, 0x05]);
            assert!(!recorder.execute(unused), "no operation has begun");
            for executed in [nop, patched] {
                assert!(recorder.mark(begin).unwrap());
                assert!(recorder.execute(nop));
                assert!(recorder.execute(executed));
                assert!(!recorder.mark(end).unwrap());
            }
        });
        let expected = "tollgate-path\t2\n\
             insn\t2\t2008\t90\n\
             op\tscall\t2\t2\n\
             insn\t4\t2008\t0f05\n\
             op\tscall\t2\t4\n\
             end\t2\n";
        assert_eq!(file, expected);
    }

    #[test]
    fn an_operation_needs_both_its_markers() {
        let file = written(|recorder| {
            let begin = recorder.number(0, BEGIN);
            let end = recorder.number(0, END);
            let end_of_another = recorder.number(0, END_OF_ANOTHER);
            assert!(!recorder.mark(end).unwrap());
            assert!(recorder.mark(begin).unwrap());
            assert!(!recorder.mark(end_of_another).unwrap());
            assert!(!recorder.mark(end).unwrap());
        });
        assert_eq!(file, "tollgate-path\t2\nend\t0\n");
    }

    #[test]
    fn the_file_is_bounded() {
        let file = written(|recorder| {
            let begin = recorder.number(0, BEGIN);
            let end = recorder.number(0, END);
            let nop = recorder.number(0, NOP);
            assert!(recorder.mark(begin).unwrap());
            let executed = (0..).take_while(|_| recorder.execute(nop)).count();
            assert_eq!(executed, LONGEST);
            assert!(!recorder.mark(end).unwrap());
            for operation in 0..=MOST_OPERATIONS {
                let begun = recorder.mark(begin).unwrap();
                assert_eq!(begun, operation < MOST_OPERATIONS);
                recorder.mark(end).unwrap();
            }
        });
        assert!(file.ends_with(&format!("\nend\t{MOST_OPERATIONS}\n")));
    }
}
