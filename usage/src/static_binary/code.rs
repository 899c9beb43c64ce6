//! A file's functions, decoded once.

use std::collections::HashMap;

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register,
};

use super::elf::{Elf, Slot};

/// A file and its functions.
pub(super) struct Image {
    pub(super) elf: Elf,
    /// In ascending order.
    pub(super) functions: Vec<Function>,
    /// Where instructions begin, in ascending order.
    instructions: Vec<u64>,
    /// By target, the direct calls and jumps.
    incoming: HashMap<u64, Vec<u64>>,
    /// By name, the calls and jumps to symbols that another file may define.
    by_name: HashMap<String, Vec<u64>>,
}

/// A function, up to where the next one begins.
pub(super) struct Function {
    pub(super) start: u64,
    end: u64,
    /// The addresses that it calls, jumps to, or takes.
    pub(super) goes: Vec<Slot>,
    /// Its `syscall` instructions.
    pub(super) syscalls: Vec<u64>,
}

impl Image {
    pub(super) fn new(elf: Elf) -> Self {
        let mut image = Self {
            functions: Vec::new(),
            instructions: Vec::new(),
            incoming: HashMap::new(),
            by_name: HashMap::new(),
            elf,
        };
        let mut sections: Vec<(u64, u64)> = Vec::new();
        for (start, bytes) in &image.elf.code {
            sections.push((*start, start + bytes.len() as u64));
        }
        sections.sort_unstable();
        for (begin, end) in sections {
            let starts = image.elf.starts.range(begin + 1..end).copied();
            let starts: Vec<u64> = [begin].into_iter().chain(starts).chain([end]).collect();
            for bounds in starts.windows(2) {
                if let &[start, end] = bounds {
                    image.decode(start, end);
                }
            }
        }
        image
    }

    fn decode(&mut self, start: u64, end: u64) {
        let mut function = Function {
            start,
            end,
            goes: Vec::new(),
            syscalls: Vec::new(),
        };
        for instruction in self.instructions(start, end) {
            let at = instruction.ip();
            self.instructions.push(at);
            if instruction.code() == Code::Syscall {
                function.syscalls.push(at);
            }
            if let Some(target) = direct(&instruction) {
                self.incoming.entry(target).or_default().push(at);
                function.goes.push(Slot::Address(target));
            }
            if let Some(slot) = self.slot(&instruction) {
                if let Slot::Symbol(name) = &slot
                    && is_branch(&instruction)
                {
                    self.by_name.entry(name.clone()).or_default().push(at);
                }
                function.goes.push(slot);
            }
            function
                .goes
                .extend(self.taken(&instruction).map(Slot::Address));
        }
        self.functions.push(function);
    }

    /// The relocation of the word that an instruction reads.
    fn slot(&self, instruction: &Instruction) -> Option<Slot> {
        let relative = instruction.is_ip_rel_memory_operand();
        let place = relative.then(|| instruction.ip_rel_memory_address())?;
        self.elf.slots.get(&place).cloned()
    }

    /// The code address that an instruction computes or holds.
    fn taken(&self, instruction: &Instruction) -> Option<u64> {
        let address = match instruction.mnemonic() {
            Mnemonic::Lea if instruction.is_ip_rel_memory_operand() => {
                instruction.ip_rel_memory_address()
            }
            Mnemonic::Mov | Mnemonic::Push => immediate(instruction)?,
            _ => return None,
        };
        // A word that points into code, but not to the start of a function, is a number.
        self.elf.starts.contains(&address).then_some(address)
    }

    fn instructions(&self, start: u64, end: u64) -> Vec<Instruction> {
        let section = self
            .elf
            .code
            .iter()
            .find(|(begin, bytes)| (*begin..begin + bytes.len() as u64).contains(&start));
        let Some((begin, bytes)) = section else {
            return Vec::new();
        };
        let range = (start - begin) as usize..(end - begin) as usize;
        let bytes = bytes.get(range).unwrap_or_default();
        Decoder::with_ip(64, bytes, start, DecoderOptions::NONE)
            .into_iter()
            .collect()
    }

    /// The instruction there.
    pub(super) fn instruction(&self, address: u64) -> Option<Instruction> {
        const LONGEST: u64 = 15;
        let function = self.functions.get(self.function(address)?)?;
        let end = function.end.min(address + LONGEST);
        self.instructions(address, end).into_iter().next()
    }

    /// The instruction before the one there.
    pub(super) fn before(&self, address: u64) -> Option<Instruction> {
        let place = self.instructions.partition_point(|at| *at < address);
        let before = self.instruction(*self.instructions.get(place.checked_sub(1)?)?)?;
        (before.next_ip() == address).then_some(before)
    }

    /// The calls and jumps to an address, in this file.
    pub(super) fn incoming(&self, address: u64) -> &[u64] {
        self.incoming.get(&address).map_or(&[], Vec::as_slice)
    }

    /// The calls and jumps to a name, whichever file has it.
    pub(super) fn by_name(&self, name: &str) -> &[u64] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The function that holds an address.
    pub(super) fn function(&self, address: u64) -> Option<usize> {
        let next = self.functions.partition_point(|f| f.start <= address);
        let place = next.checked_sub(1)?;
        (address < self.functions.get(place)?.end).then_some(place)
    }

    /// The name of the function that holds an address, or the function's address.
    pub(super) fn name(&self, address: u64) -> String {
        let function = self.function(address).and_then(|f| self.functions.get(f));
        let start = function.map_or(address, |function| function.start);
        let name = self.elf.names.get(&start);
        name.map_or_else(|| format!("{start:#x}"), Clone::clone)
    }
}

fn direct(instruction: &Instruction) -> Option<u64> {
    matches!(instruction.op0_kind(), OpKind::NearBranch64).then(|| instruction.near_branch64())
}

fn is_branch(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::IndirectCall | FlowControl::IndirectBranch
    )
}

/// The number that an instruction holds as its last operand.
pub(super) fn immediate(instruction: &Instruction) -> Option<u64> {
    let last = instruction.op_count().checked_sub(1)?;
    instruction.try_immediate(last).ok()
}

/// Whether execution continues after an instruction.
pub(super) fn goes_on(instruction: &Instruction) -> bool {
    // Programs that execute HLT end: it is privileged.
    let ends = instruction.mnemonic() == Mnemonic::Hlt;
    !ends
        && !matches!(
            instruction.flow_control(),
            FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::Exception
                | FlowControl::Interrupt
        )
}

/// The 64-bit register that holds a general register.
pub(super) fn full(register: Register) -> Register {
    register.full_register()
}
