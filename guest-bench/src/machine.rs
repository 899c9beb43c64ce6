//! How the program ends, and the machine with it if the program is Linux's init.

use core::arch::asm;
use core::arch::x86_64::__cpuid;

use contract::Leaf;
use contract::ports::{BENCHMARK_START, DEBUG_EXIT, PM1_CONTROL, PM1_OFF};

use crate::args::Args;
use crate::syscall;

/// The program's exit status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Done = 0,
    BadWord = 2,
    UnexpectedAnswer = 3,
    OutputFailed = 4,
    Broken = 101,
}

/// Whether this is the init process of its own Linux.
pub fn is_init(args: &Args) -> bool {
    // The name is checked first: kernels other than Linux never see the call.
    args.program() == "/init" && syscall::process_id() == 1
}

/// Whether a kernel counts what disturbs the program: one that runs it in ring 3. Mounts procfs
/// if nobody else can have done so.
pub fn kernel_counts(is_init: bool) -> bool {
    if is_init {
        syscall::mount_procfs();
    }
    !is_ring0()
}

/// Marks the start of the benchmark for the hypervisor, if the program may write to ports: as
/// init of a Linux guest, and in ring 0.
pub fn mark_start(is_init: bool) {
    let granted = is_ring0() || is_init && syscall::allow_ports(BENCHMARK_START, 1);
    if granted && in_virtual_machine() {
        write_port_u8(BENCHMARK_START, 1);
    }
    if granted && !is_ring0() {
        // A task with a port takes a longer way out of every system call, in which Linux loads
        // the task's I/O bitmap (exit_to_user_mode_loop, tss_update_io_bitmap).
        syscall::return_ports(BENCHMARK_START, 1);
    }
}

/// The two lowest bits of CS are the ring in which the program runs.
fn is_ring0() -> bool {
    let selector: u16;
    // SAFETY: reading CS changes nothing.
    unsafe { asm!("mov {0:x}, cs", out(reg) selector, options(nomem, nostack, preserves_flags)) };
    selector & 3 == 0
}

/// Ends the program; as init, ends the machine.
pub fn end(status: Status, is_init: bool) -> ! {
    if is_init {
        end_machine(status);
    }
    syscall::exit(status as u64)
}

/// Tries every way to end the machine with the status, the most informative first. If none
/// works, it returns, and Linux panics because its init exits: that is the original's end, with
/// the status in `exitcode=`.
fn end_machine(status: Status) {
    syscall::drain_output();
    if in_virtual_machine() && syscall::allow_ports(DEBUG_EXIT, 1) {
        write_port_u8(DEBUG_EXIT, status as u8);
    }
    if status != Status::Done {
        return;
    }
    // Without ACPI, Linux would halt for ever instead of powering off.
    if syscall::exists(c"/sys/firmware/acpi") {
        syscall::power_off();
    }
    if in_virtual_machine() && syscall::allow_ports(PM1_CONTROL, 2) {
        write_port_u16(PM1_CONTROL, PM1_OFF);
    }
}

/// On real hardware these ports may be something else.
fn in_virtual_machine() -> bool {
    contract::in_virtual_machine(cpuid)
}

/// A leaf of CPUID.
pub fn cpuid(leaf: u32) -> Leaf {
    let registers = __cpuid(leaf);
    [registers.eax, registers.ebx, registers.ecx, registers.edx]
}

fn write_port_u8(port: u16, value: u8) {
    // SAFETY: Linux has granted the port, or this is ring 0, and in a virtual machine the port
    // belongs to the intended device, or to none.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value) };
}

fn write_port_u16(port: u16, value: u16) {
    // SAFETY: Linux has granted the ports, and in a virtual machine they are the ACPI control
    // register, or belong to no device.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value) };
}
