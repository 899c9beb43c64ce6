//! The stack as a program finds it at its entry.
//!
//! Source: "System V Application Binary Interface, AMD64 Architecture Processor Supplement",
//! section 3.4.1, "Initial Stack and Register State". From RSP upward: argc, the pointers of
//! argv, a zero, the pointers of the environment (none), a zero, the auxiliary vector, and
//! above it the data to which they point.

use crate::command_line::Word;
use crate::memory::PAGE_SIZE;
use crate::program::{PROGRAM_HEADER_SIZE, Program};
use core::fmt;

// Types of auxiliary vector entries (same section of the ABI; AT_RANDOM is Linux's).
const AT_NULL: u64 = 0;
const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;
const AT_PAGESZ: u64 = 6;
const AT_ENTRY: u64 = 9;
const AT_RANDOM: u64 = 25;

/// RSP at the entry is a multiple of this many bytes.
const STACK_ALIGNMENT: u64 = 16;

/// The arguments take up more than half the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgumentsTooLong;

impl fmt::Display for ArgumentsTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program's arguments take up more than half its stack: pass fewer")
    }
}

/// Writes what the program finds on its stack and returns its first RSP.
///
/// `stack` is the stack's memory, which begins at `address`; `base` is where
/// `program` was placed. `random` are the bytes that AT_RANDOM points to.
pub fn build<'l>(
    stack: &mut [u8],
    address: u64,
    program: &Program<'_>,
    base: u64,
    arguments: impl Iterator<Item = Word<'l>> + Clone,
    random: [u8; 16],
) -> Result<u64, ArgumentsTooLong> {
    let mut argument_count = 0u64;
    let mut string_bytes = 0u64;
    for argument in arguments.clone() {
        argument_count += 1;
        string_bytes += argument.bytes().count() as u64 + 1;
    }
    let auxiliary = [
        (AT_PHDR, program.program_headers.map(|at| base + at)),
        (
            AT_PHENT,
            program.program_headers.map(|_| PROGRAM_HEADER_SIZE),
        ),
        (
            AT_PHNUM,
            program
                .program_headers
                .map(|_| program.program_header_count),
        ),
        (AT_PAGESZ, Some(PAGE_SIZE)),
        (AT_ENTRY, Some(base + program.entry)),
    ];
    let auxiliary = auxiliary
        .iter()
        .filter_map(|(kind, value)| Some((*kind, (*value)?)));

    // Top down: random bytes, strings, then the table that points to them.
    let size = stack.len() as u64;
    let top = address.checked_add(size).ok_or(ArgumentsTooLong)?;
    let random_at = top
        .checked_sub(random.len() as u64)
        .ok_or(ArgumentsTooLong)?;
    let strings_at = random_at
        .checked_sub(string_bytes)
        .ok_or(ArgumentsTooLong)?;
    // argc, argv and its zero, the environment's zero; AT_RANDOM and AT_NULL.
    let words = 1 + argument_count + 1 + 1 + 2 * (auxiliary.clone().count() as u64 + 2);
    let table_at = strings_at.checked_sub(8 * words).ok_or(ArgumentsTooLong)?;
    let table_at = table_at - table_at % STACK_ALIGNMENT;
    if table_at < address + size / 2 {
        return Err(ArgumentsTooLong);
    }

    let mut strings = Writer::new(stack, address, strings_at);
    for argument in arguments.clone() {
        strings.bytes(argument.bytes().chain([0]));
    }
    strings.bytes(random.into_iter());

    let mut table = Writer::new(stack, address, table_at);
    table.word(argument_count);
    let mut string = strings_at;
    for argument in arguments {
        table.word(string);
        string += argument.bytes().count() as u64 + 1;
    }
    table.word(0);
    table.word(0);
    for (kind, value) in auxiliary.chain([(AT_RANDOM, random_at), (AT_NULL, 0)]) {
        table.word(kind);
        table.word(value);
    }
    Ok(table_at)
}

/// Writes upward into the stack's memory; anything outside is dropped.
struct Writer<'s> {
    rest: &'s mut [u8],
}

impl<'s> Writer<'s> {
    fn new(stack: &'s mut [u8], address: u64, at: u64) -> Self {
        let offset = usize::try_from(at - address).unwrap_or(usize::MAX);
        let rest = stack.get_mut(offset..).unwrap_or(&mut []);
        Self { rest }
    }

    fn bytes(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            if let Some((slot, rest)) = core::mem::take(&mut self.rest).split_first_mut() {
                *slot = byte;
                self.rest = rest;
            }
        }
    }

    fn word(&mut self, word: u64) {
        self.bytes(word.to_le_bytes().into_iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{program_arguments, program_name};
    use crate::program::tests::example;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    const ADDRESS: u64 = 0x7_0000;
    const BASE: u64 = 0x20_0000;
    const RANDOM: [u8; 16] = *b"0123456789abcdef";

    /// What a program reads from its stack.
    struct Reader {
        stack: Vec<u8>,
        rsp: u64,
    }

    impl Reader {
        fn build(size: usize, line: &[u8]) -> Result<Self, ArgumentsTooLong> {
            let file = example();
            let program = Program::check(&file).unwrap();
            let mut stack = vec![0xee; size];
            let arguments = core::iter::once(program_name(b"prog")).chain(program_arguments(line));
            let rsp = build(&mut stack, ADDRESS, &program, BASE, arguments, RANDOM)?;
            Ok(Self { stack, rsp })
        }

        fn from(&self, address: u64) -> &[u8] {
            &self.stack[usize::try_from(address - ADDRESS).unwrap()..]
        }

        fn word(&self, index: u64) -> u64 {
            let bytes = &self.from(self.rsp + 8 * index)[..8];
            u64::from_le_bytes(bytes.try_into().unwrap())
        }

        fn arguments(&self) -> Vec<String> {
            let argument = |index| {
                let bytes = self.from(self.word(1 + index));
                let end = bytes.iter().position(|byte| *byte == 0).unwrap();
                String::from_utf8(bytes[..end].to_vec()).unwrap()
            };
            (0..self.word(0)).map(argument).collect()
        }

        fn auxiliary(&self) -> Vec<(u64, u64)> {
            let first = 1 + self.word(0) + 2;
            let entry = |index| {
                (
                    self.word(first + 2 * index),
                    self.word(first + 2 * index + 1),
                )
            };
            (0u64..)
                .map(entry)
                .take_while(|(kind, _)| *kind != AT_NULL)
                .collect()
        }
    }

    #[test]
    fn holds_arguments_environment_and_auxiliary_vector() {
        let stack = Reader::build(4096, b"ring0 -- a \"b c\"").unwrap();
        assert_eq!(stack.rsp % 16, 0);
        assert_eq!(stack.arguments(), ["prog", "a", "b c"]);
        assert_eq!(stack.word(4), 0, "the end of argv");
        assert_eq!(stack.word(5), 0, "the end of the environment");
        let auxiliary = stack.auxiliary();
        let random = auxiliary.last().unwrap().1;
        let expected = [
            (AT_PHDR, BASE + 64),
            (AT_PHENT, 56),
            (AT_PHNUM, 2),
            (AT_PAGESZ, 4096),
            (AT_ENTRY, BASE + 0x100),
            (AT_RANDOM, random),
        ];
        assert_eq!(auxiliary, expected);
        assert_eq!(stack.from(random)[..16], RANDOM);
    }

    #[test]
    fn arguments_may_take_half_the_stack() {
        let line = [&b"-- "[..], &[b'x'; 1024]].concat();
        assert!(Reader::build(4096, &line).is_ok());
        let line = [&b"-- "[..], &[b'x'; 2048]].concat();
        assert_eq!(Reader::build(4096, &line).err(), Some(ArgumentsTooLong));
        assert_eq!(Reader::build(16, b"").err(), Some(ArgumentsTooLong));
        assert_eq!(Reader::build(0, b"").err(), Some(ArgumentsTooLong));
    }

    proptest! {
        #[test]
        fn every_word_arrives_and_the_stack_is_aligned(
            words in prop::collection::vec("[!#-~]{1,20}", 0..20),
        ) {
            let line = std::format!("-- {}", words.join(" "));
            let stack = Reader::build(4096, line.as_bytes()).unwrap();
            prop_assert_eq!(stack.rsp % 16, 0);
            prop_assert_eq!(&stack.arguments()[1..], words);
            prop_assert_eq!(stack.auxiliary().len(), 6);
        }

        #[test]
        fn hostile_lines_do_not_panic(
            line in prop::collection::vec(any::<u8>(), 0..300),
            size in 0usize..1024,
        ) {
            let line = [&b"-- "[..], &line].concat();
            let _ = Reader::build(size, &line);
        }
    }
}
