//! Exceptions: each of them ends the machine, with the CPU's description of it.

use crate::fault::STATUS_EXCEPTION;
use crate::machine_end;
use crate::places::{self, Place};
use crate::serial::say;
use crate::single_core::SingleCore;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicBool, Ordering};
use x86_64::VirtAddr;
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::registers::control::Cr2;
use x86_64::registers::segmentation::{CS, SS, Segment};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;

/// A gate of the interrupt descriptor table (Intel SDM volume 3, "64-Bit IDT Gate
/// Descriptors"). The `x86_64` crate has a table as well, but it gives each vector its own
/// type, and here all 256 are alike.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    stack: u8,
    kind: u8,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

impl Gate {
    const ABSENT: Self = Self::new(0, 0).without_kind();
    /// Present, ring 0, 64-bit interrupt gate.
    const INTERRUPT_GATE: u8 = 0x8e;
    /// Index of the only stack in the TSS, from 1. The program's own stack may be the cause of
    /// the exception.
    const EXCEPTION_STACK: u8 = 1;

    const fn new(handler: u64, selector: u16) -> Self {
        Self {
            offset_low: handler as u16,
            selector,
            stack: Self::EXCEPTION_STACK,
            kind: Self::INTERRUPT_GATE,
            offset_middle: (handler >> 16) as u16,
            offset_high: (handler >> 32) as u32,
            reserved: 0,
        }
    }

    const fn without_kind(mut self) -> Self {
        self.kind = 0;
        self
    }
}

static GATES: SingleCore<[Gate; 256]> = SingleCore::new([Gate::ABSENT; 256]);
static SEGMENTS: SingleCore<GlobalDescriptorTable> = SingleCore::new(GlobalDescriptorTable::new());
static TASK_STATE: SingleCore<TaskStateSegment> = SingleCore::new(TaskStateSegment::new());

/// Selectors in the final GDT. SYSCALL takes its code selector from STAR, and the
/// one after it for the stack.
pub const CODE_SELECTOR: u16 = 1 << 3;
/// See [`CODE_SELECTOR`].
pub const STACK_SELECTOR: u16 = 2 << 3;

/// Loads the GDT, the TSS with the exceptions' stack, and the IDT.
pub fn initialise() {
    // SAFETY: runs once, before anything that could raise an exception; the tables
    // are statics, are complete when they are loaded, and are not changed later.
    unsafe {
        TASK_STATE.with(|tss| {
            let index = usize::from(Gate::EXCEPTION_STACK - 1);
            tss.interrupt_stack_table[index] = VirtAddr::new(crate::boot32::exception_stack());
        });
        let segments = &mut *SEGMENTS.pointer();
        let code = segments.append(Descriptor::kernel_code_segment());
        let data = segments.append(Descriptor::kernel_data_segment());
        let tss = segments.append(Descriptor::tss_segment_unchecked(TASK_STATE.pointer()));
        segments.load_unsafe();
        CS::set_reg(code);
        SS::set_reg(data);
        load_tss(tss);

        GATES.with(|gates| {
            let first = stubs as *const () as u64;
            for (vector, gate) in gates.iter_mut().enumerate() {
                *gate = Gate::new(first + vector as u64 * STUB_SIZE, CODE_SELECTOR);
            }
        });
        lidt(&DescriptorTablePointer {
            base: VirtAddr::from_ptr(GATES.pointer()),
            limit: (size_of::<[Gate; 256]>() - 1) as u16,
        });
    }
}

/// Distance between two stubs, in bytes.
const STUB_SIZE: u64 = 16;

/// One stub a vector, [`STUB_SIZE`] bytes apart: each makes the stack look like a
/// [`Frame`]. Vectors 8, 10 to 14, 17, 21, 29 and 30 come with an error code.
#[unsafe(naked)]
extern "C" fn stubs() {
    naked_asm!(
        ".set vector, 0",
        ".rept 256",
        "  .set stub, .",
        "  .if vector > 31 || ((1 << vector) & {with_error_code}) == 0",
        "    push 0",
        "  .endif",
        "  push vector",
        "  jmp 2f",
        "  .fill {size} - (. - stub), 1, 0xcc",
        "  .set vector, vector + 1",
        ".endr",
        "2:",
        "cld",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {report}",
        "ud2",
        with_error_code = const WITH_ERROR_CODE,
        size = const STUB_SIZE,
        report = sym report,
    )
}

const WITH_ERROR_CODE: u32 = 1 << 8
    | 1 << 10
    | 1 << 11
    | 1 << 12
    | 1 << 13
    | 1 << 14
    | 1 << 17
    | 1 << 21
    | 1 << 29
    | 1 << 30;

/// What the CPU and the stub pushed.
#[repr(C)]
struct Frame {
    vector: u64,
    error_code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

const PAGE_FAULT: u64 = 14;

extern "sysv64" fn report(frame: &Frame) -> ! {
    static REPORTING: AtomicBool = AtomicBool::new(false);
    if REPORTING.swap(true, Ordering::Relaxed) {
        machine_end::end(STATUS_EXCEPTION); // The report itself went wrong.
    }
    let &Frame {
        vector,
        error_code,
        rip,
        rsp,
        rflags,
        ..
    } = frame;
    let name = name(vector);
    let cr2 = Cr2::read_raw();
    say!(
        "exception {vector} ({name}): RIP={rip:#018x} error code={error_code:#x} \
         CR2={cr2:#018x} RSP={rsp:#018x} RFLAGS={rflags:#x}"
    );
    match places::place_of(rip) {
        Place::Program(offset) => say!("the exception is the program's, at its offset {offset:#x}"),
        Place::Kernel => say!("the exception is the kernel's own"),
        _ => say!("RIP is neither in the program nor in the kernel"),
    }
    if vector == PAGE_FAULT && places::place_of(cr2) == Place::StackGuard {
        let kib = places::STACK_SIZE >> 10;
        say!("the program's stack is full: it has {kib} KiB");
    }
    machine_end::end(STATUS_EXCEPTION)
}

/// The vector's mnemonic and name, from the Intel SDM volume 3, table 6-1.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "#DE divide error",
        1 => "#DB debug",
        2 => "NMI",
        3 => "#BP breakpoint",
        4 => "#OF overflow",
        5 => "#BR bound range exceeded",
        6 => "#UD invalid opcode",
        7 => "#NM device not available",
        8 => "#DF double fault",
        9 => "coprocessor segment overrun",
        10 => "#TS invalid TSS",
        11 => "#NP segment not present",
        12 => "#SS stack segment fault",
        13 => "#GP general protection",
        14 => "#PF page fault",
        16 => "#MF x87 floating point",
        17 => "#AC alignment check",
        18 => "#MC machine check",
        19 => "#XM SIMD floating point",
        20 => "#VE virtualization",
        21 => "#CP control protection",
        28 => "#HV hypervisor injection",
        29 => "#VC VMM communication",
        30 => "#SX security",
        15 | 22..=27 | 31 => "reserved",
        0x80 => "INT 0x80: only SYSCALL makes system calls here",
        _ => "interrupt",
    }
}
