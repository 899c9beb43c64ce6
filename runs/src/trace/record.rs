//! Reads the plugin's output. `docs/FORMATS.md` describes the file.

use std::collections::HashMap;
use std::rc::Rc;

use eval::Benchmark;

/// The first line of a file of the supported version.
const HEADER: &str = "tollgate-path\t2";

/// An instruction that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Its address in the guest.
    pub address: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What was executed between two markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The benchmark of the operation.
    pub benchmark: Benchmark,
    /// The instructions, in the order of their execution.
    pub path: Vec<Rc<Instruction>>,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file has an unsupported version.
    #[error("the trace plugin has another version: build both with `make trace-plugin tools`")]
    Version,
    /// QEMU loaded the plugin, but the record is missing.
    #[error(
        "the trace plugin did not write a record: is it tollgate's? Build it with `make \
         trace-plugin`, or name it with --plugin"
    )]
    Missing,
    /// QEMU was killed, or the disk is full.
    #[error("the trace plugin's record is cut off: its last line is missing")]
    Cut,
    /// A line is impossible.
    #[error("the trace plugin's record is damaged in line {0}")]
    Line(usize),
}

/// Reads a whole record.
///
/// # Errors
///
/// [`RecordError`], also for a record that was cut off at the end of a line.
pub fn parse(text: &str) -> Result<Vec<Operation>, RecordError> {
    let mut lines = text.lines().enumerate();
    if lines.next().map(|(_, line)| line) != Some(HEADER) {
        return Err(RecordError::Version);
    }
    let mut instructions = HashMap::new();
    let mut operations = Vec::new();
    for (index, line) in lines {
        let fields: Vec<_> = line.split('\t').collect();
        let read = match fields.as_slice() {
            ["insn", number, address, bytes] => instruction(address, bytes).map(|instruction| {
                instructions.insert(*number, Rc::new(instruction));
            }),
            ["op", benchmark, path @ ..] => {
                let operation = operation(&instructions, benchmark, path);
                operation.map(|operation| operations.push(operation))
            }
            ["end", count] if count.parse() == Ok(operations.len()) => return Ok(operations),
            _ => None,
        };
        read.ok_or(RecordError::Line(index + 1))?;
    }
    Err(RecordError::Cut)
}

fn instruction(address: &str, bytes: &str) -> Option<Instruction> {
    let bytes = bytes.as_bytes().chunks(2).map(|digits| {
        let digits = str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, 16).ok()
    });
    Some(Instruction {
        address: u64::from_str_radix(address, 16).ok()?,
        bytes: bytes.collect::<Option<_>>()?,
    })
}

fn operation(
    instructions: &HashMap<&str, Rc<Instruction>>,
    benchmark: &str,
    path: &[&str],
) -> Option<Operation> {
    let path = path.iter().map(|number| instructions.get(number).cloned());
    Some(Operation {
        benchmark: Benchmark::from_name(benchmark)?,
        path: path.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "tollgate-path\t2\n\
        insn\t7\t2000\tb8f4010000\n\
        insn\t9\t2005\t0f05\n\
        op\tscall\t7\t9\n\
        op\tfcall\n\
        end\t2\n";

    #[test]
    fn operations_hold_their_instructions() {
        let operations = parse(FILE).unwrap();
        let mov = Rc::new(Instruction {
            address: 0x2000,
            bytes: vec![0xb8, 0xf4, 1, 0, 0],
        });
        let syscall = Rc::new(Instruction {
            address: 0x2005,
            bytes: vec![0x0f, 0x05],
        });
        let scall = Operation {
            benchmark: Benchmark::Scall,
            path: vec![mov, syscall],
        };
        let fcall = Operation {
            benchmark: Benchmark::Fcall,
            path: vec![],
        };
        assert_eq!(operations, [scall, fcall]);
    }

    #[test]
    fn what_is_cut_or_damaged_is_refused() {
        let lines: Vec<_> = FILE.lines().collect();
        for kept in 1..lines.len() {
            let cut = lines.get(..kept).unwrap().join("\n");
            assert!(matches!(parse(&cut), Err(RecordError::Cut)), "{cut}");
        }
        let error = |from, to| parse(&FILE.replace(from, to)).unwrap_err().to_string();
        assert!(error("path\t2", "path\t1").contains("another version"));
        assert!(error("end\t2", "end\t3").contains("line 6"));
        assert!(error("scall\t7\t9", "scall\t7\t8").contains("line 4"));
        assert!(error("scall", "call").contains("line 4"));
        assert!(error("0f05", "0f0x").contains("line 3"));
        assert!(error("0f05", "é").contains("line 3"));
        assert!(error("2005", "-1").contains("line 3"));
    }
}
