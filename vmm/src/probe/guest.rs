//! The probe's two guests, in 64-bit machine code.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::image::{Image, Protocol, Segment};
use crate::kvm::{Io, KvmOptions, NewVm, ReadyVm, Report, boot_image};
use crate::{BootSpec, End, layout};

const CODE: u64 = layout::HIGH_MEMORY;
const MEMORY_MIB: u32 = 2;

/// Turns of a loop of two instructions.
const TURNS: u32 = 20_000;
const INSTRUCTIONS: f64 = 2.0 * TURNS as f64;

/// Reads the TSC around a loop, and writes the difference to the serial port.
const SPEED: &[u8] = &[
    0xb9, 0x20, 0x4e, 0x00, 0x00, //       mov ecx, 20000
    0x0f, 0x31, //                         rdtsc
    0x89, 0xc6, //                         mov esi, eax
    0xff, 0xc9, //                 turn:   dec ecx
    0x75, 0xfc, //                         jnz turn
    0x0f, 0x31, //                         rdtsc
    0x29, 0xf0, //                         sub eax, esi
    0x89, 0xc7, //                         mov edi, eax
    0x66, 0xba, 0xf8, 0x03, //             mov dx, 0x3f8
    0xb9, 0x04, 0x00, 0x00, 0x00, //       mov ecx, 4
    0x89, 0xf8, //                 byte:   mov eax, edi
    0xee, //                               out dx, al
    0xc1, 0xef, 0x08, //                   shr edi, 8
    0xff, 0xc9, //                         dec ecx
    0x75, 0xf6, //                         jnz byte
    0xb0, 0x00, //                         mov al, 0
    0xe6, 0xf4, //                         out 0xf4, al
    0xf4, //                               hlt
];

/// Loads SSE's control register, uses an SSE register, and raises a breakpoint.
const INSTRUCTION_TEST: &[u8] = &[
    0xbc, 0x00, 0x80, 0x10, 0x00, //                   mov esp, 0x108000
    0x0f, 0x01, 0x1c, 0x25, 0x00, 0x09, 0x10, 0x00, // lidt [IDT_POINTER]
    0x0f, 0x20, 0xe0, //                               mov rax, cr4
    0x0d, 0x00, 0x02, 0x00, 0x00, //                   or eax, OSFXSR
    0x0f, 0x22, 0xe0, //                               mov cr4, rax
    0x0f, 0xae, 0x14, 0x25, 0x10, 0x09, 0x10, 0x00, // ldmxcsr [MXCSR]
    0x66, 0x0f, 0xef, 0xc0, //                         pxor xmm0, xmm0
    0xcc, //                                           int3
];

/// Offsets of the test's tables from [`CODE`].
const HANDLERS: usize = 0x400;
const IDT: usize = 0x600;
const IDT_POINTER: usize = 0x900;
const MXCSR: usize = 0x910;
const HANDLER_SIZE: usize = 8;
const GATE_SIZE: usize = 16;
const VECTORS: usize = 32;
const BREAKPOINT: u32 = 3;

/// Guest instructions per TSC tick: the best of a few tries, because an interrupt of the host
/// may disturb any of them.
///
/// # Errors
/// The guest did not finish; how it ended.
pub(super) fn speed(patience: Duration) -> Result<f64, String> {
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        best = best.max(speed_once(patience)?);
        if best > super::SLOWEST_HARDWARE {
            break;
        }
    }
    Ok(best)
}

fn speed_once(patience: Duration) -> Result<f64, String> {
    let report = run(SPEED, patience)?;
    match report.outcome.console.first_chunk() {
        Some(&ticks) if report.outcome.end == (End::Exited { status: 0 }) => {
            Ok(INSTRUCTIONS / f64::from(u32::from_le_bytes(ticks).max(1)))
        }
        _ => Err(format!("a loop did not end: {}", report.outcome.end)),
    }
}

/// Whether SSE and an exception work.
///
/// # Errors
/// What happened instead.
pub(super) fn executes_everything(patience: Duration) -> Result<(), String> {
    let report = run(&instruction_test(), patience)?;
    match report.outcome.end {
        End::Exited { status: BREAKPOINT } => Ok(()),
        End::Exited { status } => Err(format!(
            "SSE and INT3 raise exception {status} instead of a breakpoint"
        )),
        end => Err(format!("SSE or INT3 is not executed: {end}")),
    }
}

/// The code, an interrupt table, and a handler for each vector that exits with the vector's
/// number.
fn instruction_test() -> Vec<u8> {
    let mut image = vec![0; 0x1000];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, INSTRUCTION_TEST);
    for vector in 0..VECTORS {
        let handler = HANDLERS + vector * HANDLER_SIZE;
        put(handler, &[0xb0, vector as u8, 0xe6, 0xf4, 0xf4]); // mov al, vector; out 0xf4, al; hlt
        put(
            IDT + vector * GATE_SIZE,
            &interrupt_gate(CODE + handler as u64),
        );
    }
    put(
        IDT_POINTER,
        &((VECTORS * GATE_SIZE - 1) as u16).to_le_bytes(),
    );
    put(IDT_POINTER + 2, &(CODE + IDT as u64).to_le_bytes());
    put(MXCSR, &0x1f80u32.to_le_bytes());
    image
}

/// A 64-bit interrupt gate (Intel SDM vol. 3, 7.14.1) to the code segment 0x10.
fn interrupt_gate(handler: u64) -> [u8; GATE_SIZE] {
    const CODE_SEGMENT: u64 = 0x10;
    const PRESENT_INTERRUPT_GATE: u64 = 0x8e00;
    let low = handler & 0xffff
        | CODE_SEGMENT << 16
        | PRESENT_INTERRUPT_GATE << 32
        | (handler >> 16 & 0xffff) << 48;
    (u128::from(handler >> 32) << 64 | u128::from(low)).to_le_bytes()
}

fn run(code: &[u8], patience: Duration) -> Result<Report, String> {
    let file =
        memory_file(code).map_err(|error| format!("cannot create a memory file: {error}"))?;
    let image = Image {
        protocol: Protocol::Linux64,
        segments: vec![Segment {
            address: CODE,
            size: 0x8000,
            file_offset: 0,
            file_size: code.len() as u64,
        }],
        entry: CODE,
        setup: None,
    };
    let spec = BootSpec {
        kernel: PathBuf::new(),
        initrd: None,
        cmdline: String::new(),
        memory_mib: MEMORY_MIB,
        cpus: 1,
        pin: Vec::new(),
        timeout: patience,
    };
    let io = Io {
        console: &mut |_| {},
        input: None,
        stop: &AtomicBool::new(false),
    };
    let options = KvmOptions::default();
    let ready = ReadyVm::new(NewVm::begin(), &spec, &options, Instant::now())
        .map_err(|error| error.to_string())?;
    Ok(boot_image(ready, io, (file, image)))
}

fn memory_file(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("probe", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_holds_the_numbers_that_it_is_described_by() {
        assert_eq!(SPEED[1..5], TURNS.to_le_bytes());
        let pointer = (CODE + IDT_POINTER as u64) as u32;
        assert_eq!(INSTRUCTION_TEST[9..13], pointer.to_le_bytes());
        let mxcsr = (CODE + MXCSR as u64) as u32;
        assert_eq!(INSTRUCTION_TEST[28..32], mxcsr.to_le_bytes());
    }

    #[test]
    fn gates_have_the_manuals_form() {
        let gate = interrupt_gate(0x1122_3344_5566_7788);
        assert_eq!(
            gate,
            [
                0x88, 0x77, 0x10, 0, 0, 0x8e, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0
            ]
        );
    }
}
