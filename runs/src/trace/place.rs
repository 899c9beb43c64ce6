//! The function of each instruction on a path.

use std::collections::BTreeSet;

use eval::crossing::{Function, Step};
use eval::units::Instructions;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter, Mnemonic,
};

use super::record::Operation;
use super::symbols::Symbols;

/// The name of the program's own instructions.
pub const PROGRAM: &str = "guest-bench";

/// Where SYSCALL enters Linux.
const LINUX_ENTRY: &str = "entry_SYSCALL_64";
/// The start of the kernel's half of the address space (Linux,
/// Documentation/arch/x86/x86_64/mm.rst).
const KERNEL_HALF: u64 = 1 << 63;
/// Linux moves itself by multiples of at least this (CONFIG_PHYSICAL_ALIGN).
const LINUX_STEP: u64 = 2 << 20;

/// The symbols are those of another kernel.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// The start of the guest's kernel does not match the symbols.
    #[error(
        "these symbols belong to a different kernel: the guest entered its kernel at {entered:#x}, \
         but {LINUX_ENTRY} is at {linked:#x} in the symbols"
    )]
    Entry {
        /// The first instruction in the kernel's half.
        entered: u64,
        /// Its address in the symbols.
        linked: u64,
    },
    /// A call in the guest's kernel does not lead to the start of a function in the symbols.
    #[error(
        "these symbols belong to a different kernel: the guest's kernel calls {address:#x}, which \
         is \
         {offset:#x} bytes into {function} in the symbols"
    )]
    Call {
        /// The call's target, as it was linked.
        address: u64,
        /// Its offset from the start of the function.
        offset: u64,
        /// The function by these symbols.
        function: String,
    },
}

/// Finds the function of each instruction of an operation.
///
/// Without symbols, the call targets on the path count as functions, named by their addresses.
///
/// # Errors
///
/// [`Foreign`].
pub fn steps(operation: &Operation, symbols: Option<&Symbols>) -> Result<Vec<Step>, Foreign> {
    let path = Decoded::of(operation);
    let moved = match symbols {
        Some(symbols) => moved_by(&path, symbols)?,
        None => 0,
    };
    let map = Map {
        symbols,
        moved,
        program: program(&path),
        called: called(&path),
    };
    map.check_calls()?;
    let mut formatter = formatter();
    let steps = operation.path.iter().zip(&path.0).map(|(raw, decoded)| {
        let (function, offset) = map.place(raw.address);
        let mut text = String::new();
        formatter.format(decoded, &mut text);
        Step {
            address: format!("{:x}", raw.address),
            function,
            offset,
            bytes: raw.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            text,
        }
    });
    Ok(steps.collect())
}

/// Numbers in the kernel's usual notation.
fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    formatter
}

/// How many instructions each function has, in the order of first entry.
pub fn functions(steps: &[Step]) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    for step in steps {
        match functions.iter_mut().find(|f| f.name == step.function) {
            Some(function) => function.instructions.0 += 1,
            None => functions.push(Function {
                name: step.function.clone(),
                instructions: Instructions(1),
            }),
        }
    }
    functions
}

struct Decoded(Vec<Instruction>);

impl Decoded {
    fn of(operation: &Operation) -> Self {
        let path = operation.path.iter().map(|instruction| {
            let bytes = &instruction.bytes;
            Decoder::with_ip(64, bytes, instruction.address, DecoderOptions::NONE).decode()
        });
        Self(path.collect())
    }

    fn addresses(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(Instruction::ip)
    }
}

/// The kernel's offset from the address for which it was linked: Linux chooses its place at
/// each start (KASLR).
fn moved_by(path: &Decoded, symbols: &Symbols) -> Result<u64, Foreign> {
    let entered = path.addresses().find(|address| *address >= KERNEL_HALF);
    let (Some(entered), Some(linked)) = (entered, symbols.address_of(LINUX_ENTRY)) else {
        return Ok(0);
    };
    let moved = entered.wrapping_sub(linked);
    match moved % LINUX_STEP {
        0 => Ok(moved),
        _ => Err(Foreign::Entry { entered, linked }),
    }
}

/// The program's own instructions: the first ones, up to the one that enters the kernel.
fn program(path: &Decoded) -> BTreeSet<u64> {
    let entry = path
        .0
        .iter()
        .position(|i| i.mnemonic() == Mnemonic::Syscall);
    let own = path.0.iter().take(entry.map_or(0, |entry| entry + 1));
    own.map(Instruction::ip).collect()
}

/// The call targets on the path, by CALL or SYSCALL.
fn called(path: &Decoded) -> BTreeSet<u64> {
    let pairs = path.0.array_windows();
    pairs
        .filter(|[from, _]| {
            use FlowControl::{Call, IndirectCall};
            matches!(from.flow_control(), Call | IndirectCall)
        })
        .map(|[_, to]| to.ip())
        .collect()
}

/// The address map.
struct Map<'a> {
    symbols: Option<&'a Symbols>,
    /// The kernel's offset from the addresses in its symbols.
    moved: u64,
    program: BTreeSet<u64>,
    called: BTreeSet<u64>,
}

impl Map<'_> {
    /// Call targets are starts of functions. Kernels with one configuration enter at the same
    /// offset from a boundary of 2 MiB, so the entry alone does not distinguish them. Assembly
    /// may call into the middle of a symbol (Linux, RETPOLINE), so most calls are enough.
    fn check_calls(&self) -> Result<(), Foreign> {
        let Some(symbols) = self.symbols else {
            return Ok(());
        };
        let called = self
            .called
            .iter()
            .filter(|address| **address >= KERNEL_HALF);
        let called: Vec<_> = called.map(|at| at.wrapping_sub(self.moved)).collect();
        let into = called.iter().filter_map(|&address| {
            let (function, offset) = symbols.find(address)?;
            (offset > 0).then(|| Foreign::Call {
                address,
                offset,
                function: function.to_owned(),
            })
        });
        let mut into: Vec<_> = into.collect();
        // The entry is one of the call targets, and proves nothing.
        if !into.is_empty() && 2 * into.len() >= called.len() {
            return Err(into.swap_remove(0));
        }
        Ok(())
    }

    fn place(&self, address: u64) -> (String, u64) {
        if let (true, Some(first)) = (self.program.contains(&address), self.program.first()) {
            return (PROGRAM.to_owned(), address - first);
        }
        let linked = address.wrapping_sub(self.moved);
        if let Some((name, offset)) = self.symbols.and_then(|s| s.find(linked)) {
            return (name.to_owned(), offset);
        }
        let function = self.called.range(..=address).next_back();
        let function = function.copied().unwrap_or(address);
        let name = format!("{:#x}", function.wrapping_sub(self.moved));
        (name, address - function)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::rc::Rc;

    use eval::Benchmark;

    use super::*;
    use crate::trace::record;

    const SYMBOLS: &str = "\
ffffffff81000000 T _text
ffffffff81000080 T entry_SYSCALL_64
ffffffff81000100 T do_syscall_64
ffffffff81000200 T _etext
";

    fn symbols() -> Symbols {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("System.map");
        fs::write(&path, SYMBOLS).unwrap();
        Symbols::read(&path).unwrap().unwrap()
    }

    const MOV: &[u8] = &[0xb8, 0xf4, 1, 0, 0];
    const SYSCALL: &[u8] = &[0x0f, 0x05];
    const SWAPGS: &[u8] = &[0x0f, 0x01, 0xf8];
    const CALL: &[u8] = &[0xe8, 0, 0, 0, 0];
    const RET: &[u8] = &[0xc3];
    const SYSRET: &[u8] = &[0x48, 0x0f, 0x07];

    /// A system call on a kernel with such an offset from the address for which it was linked.
    fn operation(moved: u64) -> Operation {
        let entry = 0xffff_ffff_8100_0080 + moved;
        let function = 0xffff_ffff_8100_0100 + moved;
        let path: [(u64, &[u8]); 6] = [
            (0x7000_0008, MOV),
            (0x7000_000d, SYSCALL),
            (entry, SWAPGS),
            (entry + 3, CALL),
            (function, RET),
            (entry + 8, SYSRET),
        ];
        let path = path.map(|(address, bytes)| {
            Rc::new(record::Instruction {
                address,
                bytes: bytes.to_owned(),
            })
        });
        Operation {
            benchmark: Benchmark::Scall,
            path: path.to_vec(),
        }
    }

    fn counted(operation: &Operation, symbols: Option<&Symbols>) -> Vec<(String, u64)> {
        let functions = functions(&steps(operation, symbols).unwrap());
        let functions = functions.into_iter();
        functions.map(|f| (f.name, f.instructions.0)).collect()
    }

    #[test]
    fn a_kernel_that_moved_has_the_same_functions() {
        let expected = [(PROGRAM, 2), ("entry_SYSCALL_64", 3), ("do_syscall_64", 1)];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        for moved in [0, 2 << 20, 0x31e0_0000] {
            assert_eq!(counted(&operation(moved), Some(&symbols())), expected);
        }
        let steps = steps(&operation(2 << 20), Some(&symbols())).unwrap();
        let last = steps.last().unwrap();
        assert_eq!((last.offset, last.text.as_str()), (8, "sysretq"));
        assert_eq!(
            (last.address.as_str(), last.bytes.as_str()),
            ("ffffffff81200088", "480f07")
        );
        let first = steps.first().unwrap();
        assert_eq!((first.offset, first.text.as_str()), (0, "mov eax,0x1f4"));
    }

    #[test]
    fn the_symbols_of_another_kernel_are_refused() {
        let error = steps(&operation(0x1000), Some(&symbols())).unwrap_err();
        assert!(error.to_string().contains("different kernel"), "{error}");
    }

    /// Its entry has the same offset from a boundary of 2 MiB.
    #[test]
    fn the_symbols_of_a_kernel_with_the_same_entry_are_refused_by_its_calls() {
        let mut operation = operation(0);
        for at in [3, 4, 5] {
            let step = &operation.path[at];
            operation.path[at] = Rc::new(record::Instruction {
                address: step.address + if at == 4 { 0x20 } else { 0 },
                bytes: step.bytes.clone(),
            });
        }
        let error = steps(&operation, Some(&symbols())).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("different kernel") && said.contains("0x20 bytes into do_syscall_64"),
            "{said}"
        );
    }

    #[test]
    fn without_symbols_what_is_called_counts_as_a_function() {
        let expected = [
            (PROGRAM, 2),
            ("0xffffffff81000080", 3),
            ("0xffffffff81000100", 1),
        ];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(counted(&operation(0), None), expected);
    }

    #[test]
    fn symbols_of_other_addresses_leave_addresses() {
        let symbols = Symbols::read(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(
            counted(&operation(0), symbols.as_ref()),
            counted(&operation(0), None)
        );
    }
}
