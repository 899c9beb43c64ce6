//! The number in RAX at a `syscall` instruction, tracked backwards.

use std::collections::{BTreeSet, HashSet};

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

use super::code::{Image, full, goes_on, immediate};
use super::reach::Reach;

/// An instruction of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) image: usize,
    pub(super) address: u64,
}

/// What a register can hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) numbers: BTreeSet<u32>,
    /// Why it can also hold other numbers.
    pub(super) unknown: BTreeSet<String>,
}

pub(super) struct Tracker<'i> {
    images: &'i [Image],
    reach: &'i Reach,
}

/// A register before an instruction.
type Question = (Place, Register);

/// What is known about a register after an instruction.
enum Answer {
    /// The number.
    Number(u64),
    /// What these held before it.
    Before(Vec<Register>),
    /// Nothing that can be followed.
    Unknown(String),
}

/// The largest number of paths that are followed.
const MOST_STEPS: usize = 20_000;

impl<'i> Tracker<'i> {
    pub(super) fn new(images: &'i [Image], reach: &'i Reach) -> Self {
        Self { images, reach }
    }

    /// The numbers that the `syscall` instruction there can be given.
    pub(super) fn number(&self, syscall: Place) -> Found {
        let mut found = Found::default();
        let mut seen = HashSet::new();
        let mut waiting: Vec<Question> = vec![(syscall, Register::RAX)];
        while let Some(question) = waiting.pop() {
            if !seen.insert(question) {
                continue;
            }
            if seen.len() > MOST_STEPS {
                found.unknown.insert("too many paths lead to it".into());
                break;
            }
            let (place, register) = question;
            match self.sources(place) {
                Ok(sources) => {
                    for (source, instruction) in sources {
                        match answer(&instruction, register, self.before(source)) {
                            Answer::Number(number) => add(&mut found, number),
                            Answer::Before(registers) => {
                                waiting.extend(registers.into_iter().map(|r| (source, r)));
                            }
                            Answer::Unknown(why) => {
                                let at = self.name(source);
                                found.unknown.insert(format!("{why} in {at}"));
                            }
                        }
                    }
                }
                Err(why) => {
                    found.unknown.insert(why);
                }
            }
        }
        found
    }

    fn name(&self, place: Place) -> String {
        let image = self.images.get(place.image);
        image.map_or_else(String::new, |image| image.name(place.address))
    }

    fn before(&self, place: Place) -> Option<Instruction> {
        self.images.get(place.image)?.before(place.address)
    }

    /// The instructions after which the one there can be executed, calls of its function
    /// among them. A call's registers are those of its function's begin.
    fn sources(&self, place: Place) -> Result<Vec<(Place, Instruction)>, String> {
        let Some(image) = self.images.get(place.image) else {
            return Ok(Vec::new());
        };
        let start = self.start(place);
        let mut sources = Vec::new();
        // Padding before a function is not executed.
        let before = image.before(place.address).filter(|before| {
            goes_on(before) && !(start && matches!(before.mnemonic(), Mnemonic::Nop))
        });
        sources.extend(before.map(|b| (at(place.image, b.ip()), b)));
        for from in image.incoming(place.address) {
            self.enter(&mut sources, at(place.image, *from));
        }
        if let (true, Some(name)) = (start, image.elf.names.get(&place.address)) {
            let exported = image.elf.exports.iter();
            let names = exported.filter(|(_, at)| **at == place.address);
            let names: BTreeSet<&String> = names.map(|(name, _)| name).chain([name]).collect();
            for (other, place) in self.images.iter().zip(0..) {
                for from in names.iter().flat_map(|name| other.by_name(name)) {
                    self.enter(&mut sources, at(place, *from));
                }
            }
        }
        if !sources.is_empty() {
            return Ok(sources);
        }
        let here = image.instruction(place.address);
        match (
            start,
            here.is_some_and(|here| here.mnemonic() == Mnemonic::Nop),
        ) {
            (false, true) => Ok(sources),
            (true, _) => Err(format!(
                "{} receives the number as an argument, and is called through a pointer",
                self.name(place)
            )),
            (false, false) => Err(format!(
                "an indirect jump leads to it in {}",
                self.name(place)
            )),
        }
    }

    /// Whether a function begins there.
    fn start(&self, place: Place) -> bool {
        let image = self.images.get(place.image);
        image.is_some_and(|image| image.elf.starts.contains(&place.address))
    }

    /// Adds a call or a jump, if its function is reached.
    fn enter(&self, sources: &mut Vec<(Place, Instruction)>, from: Place) {
        let Some(image) = self.images.get(from.image) else {
            return;
        };
        let function = image.function(from.address);
        if function.is_some_and(|function| self.reach.has(from.image, function))
            && let Some(instruction) = image.instruction(from.address)
        {
            // Registers have the same values before a call or a jump as at it.
            let mut arrives = instruction;
            arrives.set_code(iced_x86::Code::Nopd);
            arrives.set_ip(instruction.ip());
            sources.push((from, arrives));
        }
    }
}

fn at(image: usize, address: u64) -> Place {
    Place { image, address }
}

fn add(found: &mut Found, number: u64) {
    match u32::try_from(number) {
        Ok(number) => {
            found.numbers.insert(number);
        }
        Err(_) => {
            found.unknown.insert(format!(
                "it is {number:#x}, which is not the number of a call"
            ));
        }
    }
}

/// What an instruction leaves in a register.
fn answer(instruction: &Instruction, register: Register, before: Option<Instruction>) -> Answer {
    const OF_CALLEE: [Register; 6] = [
        Register::RBX,
        Register::RBP,
        Register::R12,
        Register::R13,
        Register::R14,
        Register::R15,
    ];
    let same = || Answer::Before(vec![register]);
    match instruction.mnemonic() {
        Mnemonic::Call if OF_CALLEE.contains(&register) => return same(),
        Mnemonic::Call => return Answer::Unknown("a function returns it".into()),
        Mnemonic::Syscall => {
            return match register {
                Register::RAX => Answer::Unknown("a system call returns it".into()),
                _ => same(),
            };
        }
        _ => {}
    }
    if !writes(instruction, register) {
        return same();
    }
    let destination = instruction.op0_register();
    let whole = full(destination) == register && destination.size() >= 4;
    let source =
        (instruction.op1_kind() == OpKind::Register).then(|| full(instruction.op1_register()));
    match (instruction.mnemonic(), source) {
        (Mnemonic::Mov, Some(source)) if whole && source.is_gpr64() => Answer::Before(vec![source]),
        (Mnemonic::Mov, None) if whole && instruction.op1_kind() != OpKind::Memory => {
            let number = immediate(instruction);
            number.map_or_else(|| Answer::Unknown("it is computed".into()), Answer::Number)
        }
        (Mnemonic::Mov, None) => Answer::Unknown("it is read from memory".into()),
        (Mnemonic::Xor | Mnemonic::Sub, Some(source)) if whole && source == register => {
            Answer::Number(0)
        }
        (Mnemonic::Pop, _) => match before {
            Some(push) if push.mnemonic() == Mnemonic::Push => pushed(&push),
            _ => Answer::Unknown("it is read from memory".into()),
        },
        (mnemonic, Some(source)) if whole && is_conditional_move(mnemonic) => {
            Answer::Before(vec![source, register])
        }
        _ => Answer::Unknown("it is computed".into()),
    }
}

fn pushed(push: &Instruction) -> Answer {
    match push.op0_kind() {
        OpKind::Register => Answer::Before(vec![full(push.op0_register())]),
        OpKind::Memory => Answer::Unknown("it is read from memory".into()),
        _ => {
            immediate(push).map_or_else(|| Answer::Unknown("it is computed".into()), Answer::Number)
        }
    }
}

fn writes(instruction: &Instruction, register: Register) -> bool {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let written = info.used_registers().iter().filter(|used| {
        matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        )
    });
    { written }.any(|used| full(used.register()) == register)
}

/// By number: the names of all mnemonics would be eight pages of pointers, which every start of
/// the program would have to relocate.
fn is_conditional_move(mnemonic: Mnemonic) -> bool {
    matches!(
        mnemonic,
        Mnemonic::Cmova
            | Mnemonic::Cmovae
            | Mnemonic::Cmovb
            | Mnemonic::Cmovbe
            | Mnemonic::Cmove
            | Mnemonic::Cmovg
            | Mnemonic::Cmovge
            | Mnemonic::Cmovl
            | Mnemonic::Cmovle
            | Mnemonic::Cmovne
            | Mnemonic::Cmovno
            | Mnemonic::Cmovnp
            | Mnemonic::Cmovns
            | Mnemonic::Cmovo
            | Mnemonic::Cmovp
            | Mnemonic::Cmovs
    )
}
