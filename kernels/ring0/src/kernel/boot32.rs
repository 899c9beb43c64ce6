//! From the boot loader's entry, in 32-bit protected mode, to [`crate::kernel_main`].
//!
//! PVH and Multiboot 1 enter alike: flat segments, no paging, interrupts off, EBX with the
//! address of the loader's information. EAX distinguishes them.

use crate::fault::STATUS_REFUSED;
use contract::ports::{DEBUG_EXIT, DEBUG_EXIT_UNIKRAFT, SERIAL};
use core::arch::global_asm;
use ring0::boot_info::multiboot::{HEADER_FLAGS, HEADER_MAGIC};
use ring0::memory::PAGE_SIZE;

/// The kernel's own stack, until the program runs on its own stack; bytes.
const STACK_SIZE: u64 = 32 << 10;
/// The stack on which exceptions are handled; bytes.
const EXCEPTION_STACK_SIZE: u64 = 16 << 10;

// Multiboot's header, with the address fields, so that a loader can copy the image
// without reading ELF.
global_asm!(
    ".pushsection .multiboot, \"a\"",
    ".balign 4",
    "multiboot_header:",
    "  .long {magic}",
    "  .long {flags}",
    "  .long -({magic} + {flags})",
    "  .long multiboot_header",
    "  .long image_start",
    "  .long data_end",
    "  .long image_end",
    "  .long start32",
    ".popsection",
    magic = const HEADER_MAGIC,
    flags = const HEADER_FLAGS,
);

// Each stack is above a page that `paging` unmaps.
global_asm!(
    ".pushsection .bss.stacks, \"aw\", @nobits",
    ".balign 4096",
    ".global stack_guard, stack_top",
    "stack_guard: .skip {page}",
    "  .skip {stack}",
    "stack_top:",
    ".global exception_stack_guard, exception_stack_top",
    "exception_stack_guard: .skip {page}",
    "  .skip {exception_stack}",
    "exception_stack_top:",
    ".popsection",
    page = const PAGE_SIZE,
    stack = const STACK_SIZE,
    exception_stack = const EXCEPTION_STACK_SIZE,
);

global_asm!(
    ".pushsection .text.start32, \"ax\"",
    ".code32",
    ".global start32",
    "start32:",
    "  cli",
    "  cld",
    "  movl %eax, %edi", // kernel_main's arguments, which nothing below touches
    "  movl %ebx, %esi",
    // A CPU without long mode cannot continue.
    "  movl $0x80000000, %eax",
    "  cpuid",
    "  cmpl $0x80000001, %eax",
    "  jb 2f",
    "  movl $0x80000001, %eax",
    "  cpuid",
    "  btl $29, %edx",
    "  jnc 2f",
    // Long mode: PAE, page tables, EFER.LME (and SCE, for SYSCALL), paging.
    "  movl %cr4, %eax",
    "  orl $(1 << 5), %eax",
    "  movl %eax, %cr4",
    "  movl $page_map_level_4, %eax",
    "  movl %eax, %cr3",
    "  movl $0xc0000080, %ecx",
    "  rdmsr",
    "  orl $(1 << 8 | 1 << 0), %eax",
    "  wrmsr",
    "  movl %cr0, %eax",
    "  orl $(1 << 31 | 1 << 0), %eax",
    "  movl %eax, %cr0",
    "  lgdt boot_gdt_pointer",
    "  ljmp $8, $start64",
    // Prints that to COM1 as it is, and ends with STATUS_REFUSED.
    "2:",
    "  movl $no_long_mode, %esi",
    "  movw ${serial}, %dx",
    "3:",
    "  lodsb",
    "  testb %al, %al",
    "  jz 4f",
    "  outb %al, %dx",
    "  jmp 3b",
    "4:",
    "  movb ${refused}, %al",
    "  outb %al, ${exit}",
    "  movw ${exit_unikraft}, %dx",
    "  outb %al, %dx",
    "5:",
    "  hlt",
    "  jmp 5b",
    ".code64",
    "start64:",
    "  movl $16, %eax",
    "  movl %eax, %ds",
    "  movl %eax, %es",
    "  movl %eax, %ss",
    "  xorl %eax, %eax",
    "  movl %eax, %fs",
    "  movl %eax, %gs",
    "  movl $stack_top, %esp",
    "  xorl %ebp, %ebp",
    "  movl %edi, %edi", // upper halves are undefined after the switch
    "  movl %esi, %esi",
    "  call {kernel_main}",
    "  ud2",
    ".popsection",
    // Only until `exceptions` loads its own: null, 64-bit code, data.
    ".pushsection .rodata.boot32, \"a\"",
    ".balign 8",
    "boot_gdt:",
    "  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff",
    "boot_gdt_pointer:",
    "  .word 23",
    "  .long boot_gdt",
    "no_long_mode:",
    "  .asciz \"ring0: this CPU has no long mode: use a machine with a 64-bit CPU\\n\"",
    ".popsection",
    kernel_main = sym crate::kernel_main,
    refused = const STATUS_REFUSED,
    serial = const SERIAL,
    exit = const DEBUG_EXIT,
    exit_unikraft = const DEBUG_EXIT_UNIKRAFT,
    options(att_syntax)
);

unsafe extern "C" {
    static stack_guard: u8;
    static exception_stack_guard: u8;
    static exception_stack_top: u8;
}

/// Addresses of the pages below the kernel's stacks.
pub fn stack_guards() -> [u64; 2] {
    let (kernel, exception) = (&raw const stack_guard, &raw const exception_stack_guard);
    [kernel as u64, exception as u64]
}

/// First address above the exceptions' stack.
pub fn exception_stack() -> u64 {
    (&raw const exception_stack_top) as u64
}
