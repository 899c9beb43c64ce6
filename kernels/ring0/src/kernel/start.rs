//! From long mode to the program's first instruction, which is the same in both kernels.

use crate::fault::refuse;
use crate::places::{self, STACK_SIZE, kernel_range};
use crate::{cpu, exceptions, paging, serial, system_calls};
use core::arch::asm;
use core::arch::x86_64::_rdtsc;
use core::fmt;
use ring0::boot_info::{BootInfo, BootInfoError};
use ring0::command_line::{Handler, UnknownHandler, Words, program_name};
use ring0::initial_stack::{self, ArgumentsTooLong};
use ring0::memory::{AddressRange, MAPPED_END, PAGE_SIZE, PhysicalMemory};
use ring0::program::{Program, ProgramError};

/// The whole kernel. `magic` and `info` are EAX and EBX as the boot loader set them,
/// `limit_memory` unmaps what this kernel does not map, and `understand` reads the loader's
/// information.
pub fn run(
    magic: u32,
    info: u32,
    limit_memory: impl FnOnce(),
    understand: impl FnOnce(&BootInfo<'static>) -> Result<Wanted, UnknownHandler<'static>>,
) -> ! {
    serial::initialise();
    exceptions::initialise();
    cpu::enable_features();
    paging::protect_kernel();
    limit_memory();
    match prepare(magic, info.into(), understand) {
        Ok(prepared) => prepared.run(),
        Err(refusal) => refuse(&refusal),
    }
}

/// A program that is ready to run.
struct Prepared {
    entry: u64,
    stack_pointer: u64,
    handler: Handler,
}

/// What the boot loader's information requests.
pub struct Wanted {
    /// How system calls are handled.
    pub handler: Handler,
    /// The program's arguments after its name.
    pub arguments: Words<'static>,
}

/// Checks, places and loads the program; `understand` reads the loader's information.
fn prepare(
    magic: u32,
    info: u64,
    understand: impl FnOnce(&BootInfo<'static>) -> Result<Wanted, UnknownHandler<'static>>,
) -> Result<Prepared, Refusal> {
    let boot = BootInfo::read(&Identity, magic, info).map_err(Refusal::BootInfo)?;
    let Wanted { handler, arguments } = understand(&boot).map_err(Refusal::Handler)?;
    let program = Program::check(boot.module).map_err(Refusal::Program)?;

    // Room for the program and its stack above a guard page.
    let taken = [
        kernel_range(),
        range_of(boot.module),
        range_of(boot.module_name),
        range_of(boot.command_line),
    ];
    let find = |size, alignment, reserved: &[_]| {
        let room = boot.memory_map.find_room(size, alignment, reserved);
        room.ok_or(Refusal::Memory {
            needed: size,
            usable: boot.memory_map.usable_bytes(),
        })
    };
    let base = find(program.size, program.alignment, &taken)?;
    let program_range = AddressRange::sized(base, program.size);
    let [kernel, module, name, line] = taken;
    let taken = [kernel, module, name, line, program_range];
    let guard = find(PAGE_SIZE + STACK_SIZE, PAGE_SIZE, &taken)?;
    let stack_range = AddressRange::sized(guard + PAGE_SIZE, STACK_SIZE);

    // SAFETY: both ranges are usable memory, are mapped, and do not overlap each other, the
    // kernel or anything to which `boot` refers.
    let (memory, stack) = unsafe { (bytes_mut(program_range), bytes_mut(stack_range)) };
    program.load(memory).ok_or(Refusal::Load)?;
    stack.fill(0);
    let arguments = core::iter::once(program_name(boot.module_name)).chain(arguments);
    let stack_pointer = initial_stack::build(
        stack,
        stack_range.start,
        &program,
        base,
        arguments,
        unpredictable_bytes(),
    )
    .map_err(Refusal::Arguments)?;

    // Page 0 only now: QEMU's PVH firmware puts the memory map there.
    paging::remove_page(guard);
    paging::remove_page(0);
    places::remember(program_range, AddressRange::sized(guard, PAGE_SIZE));
    Ok(Prepared {
        entry: base + program.entry,
        stack_pointer,
        handler,
    })
}

impl Prepared {
    /// Runs the program, with every register zero except RSP (including RDX: no function has to
    /// be called at exit).
    fn run(self) -> ! {
        system_calls::initialise(self.handler);
        // SAFETY: the entry is in the program's code, and the stack is its own. The contents of
        // the kernel's stack are given up: system calls run on the program's stack, or from the
        // top of the kernel's.
        unsafe {
            asm!(
                "mov rsp, rsi",
                "push rdi",
                "xor eax, eax",
                "xor ebx, ebx",
                "xor ecx, ecx",
                "xor edx, edx",
                "xor esi, esi",
                "xor edi, edi",
                "xor ebp, ebp",
                "xor r8d, r8d",
                "xor r9d, r9d",
                "xor r10d, r10d",
                "xor r11d, r11d",
                "xor r12d, r12d",
                "xor r13d, r13d",
                "xor r14d, r14d",
                "xor r15d, r15d",
                "ret",
                in("rdi") self.entry,
                in("rsi") self.stack_pointer,
                options(noreturn),
            )
        }
    }
}

/// Why no program runs.
enum Refusal {
    BootInfo(BootInfoError),
    Handler(UnknownHandler<'static>),
    Program(ProgramError),
    Memory { needed: u64, usable: u64 },
    Arguments(ArgumentsTooLong),
    Load,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BootInfo(error) => error.fmt(f),
            Self::Handler(error) => error.fmt(f),
            Self::Program(error) => write!(f, "the program cannot run: {error}"),
            Self::Memory { needed, usable } => write!(
                f,
                "no room for {} KiB in one piece in {} KiB of usable memory, \
                 which also holds the kernel and the program's file: \
                 give the machine more memory",
                needed.div_ceil(1 << 10),
                usable >> 10
            ),
            Self::Arguments(error) => error.fmt(f),
            Self::Load => f.write_str("the program does not fit into the memory that it requested"),
        }
    }
}

/// Physical memory according to the page tables.
struct Identity;

impl PhysicalMemory for Identity {
    fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
        let end = address.checked_add(length)?;
        let mapped = address != 0 && end <= MAPPED_END;
        // SAFETY: the addresses are mapped, and what the loader put there is only read while
        // the slice lives: the program's memory does not overlap it.
        mapped
            .then(|| unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) })
    }
}

fn range_of(bytes: &[u8]) -> AddressRange {
    AddressRange::sized(bytes.as_ptr() as u64, bytes.len() as u64)
}

/// # Safety
///
/// The range must be mapped memory that nothing else refers to.
unsafe fn bytes_mut(range: AddressRange) -> &'static mut [u8] {
    // SAFETY: guaranteed by the caller.
    unsafe { core::slice::from_raw_parts_mut(range.start as *mut u8, range.size() as usize) }
}

/// Sixteen bytes for AT_RANDOM, which seed stack protectors and hash tables. They come from the
/// time stamp counter and are not secret: there is nobody to keep a secret from.
fn unpredictable_bytes() -> [u8; 16] {
    let word = || {
        // SAFETY: every x86-64 CPU has RDTSC, and nothing forbids it in ring 0.
        let ticks = unsafe { _rdtsc() };
        // The multiplier of Knuth's MMIX generator spreads the low bits upward.
        ticks
            .wrapping_mul(6_364_136_223_846_793_005)
            .swap_bytes()
            .to_le_bytes()
    };
    let mut bytes = [0; 16];
    let (low, high) = bytes.split_at_mut(8);
    low.copy_from_slice(&word());
    high.copy_from_slice(&word());
    bytes
}
