//! A vCPU's state as text, for reports of guests that cannot continue.

use std::fmt::Write;

use kvm_bindings::{kvm_regs, kvm_sregs};
use kvm_ioctls::VcpuFd;
use vm_memory::{Bytes, GuestAddress};

use crate::memory::Memory;

/// The longest instruction of the architecture.
const CODE_BYTES: usize = 15;

/// Registers, and the bytes at the instruction pointer if they can be read.
pub fn diagnose(vcpu: &VcpuFd, memory: &Memory) -> String {
    let (Ok(regs), Ok(sregs)) = (vcpu.get_regs(), vcpu.get_sregs()) else {
        return "KVM does not report the registers".into();
    };
    let code = code_at(vcpu, memory, sregs.cs.base.wrapping_add(regs.rip));
    describe(&regs, &sregs, code.as_deref())
}

fn code_at(vcpu: &VcpuFd, memory: &Memory, linear: u64) -> Option<Vec<u8>> {
    let translation = vcpu.translate_gva(linear).ok()?;
    if translation.valid == 0 {
        return None;
    }
    let mut code = vec![0; CODE_BYTES];
    let read = memory
        .read(&mut code, GuestAddress(translation.physical_address))
        .ok()?;
    code.truncate(read);
    Some(code)
}

fn describe(regs: &kvm_regs, sregs: &kvm_sregs, code: Option<&[u8]>) -> String {
    let code = match code {
        Some(bytes) => bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, " {byte:02x}");
            text
        }),
        None => " not mapped".into(),
    };
    format!(
        "rip {:#018x}, code:{code}\n\
         rax {:#018x}  rbx {:#018x}  rcx {:#018x}  rdx {:#018x}\n\
         rsi {:#018x}  rdi {:#018x}  rbp {:#018x}  rsp {:#018x}\n\
         r8  {:#018x}  r9  {:#018x}  r10 {:#018x}  r11 {:#018x}\n\
         r12 {:#018x}  r13 {:#018x}  r14 {:#018x}  r15 {:#018x}\n\
         rflags {:#x}  cr0 {:#x}  cr2 {:#x}  cr3 {:#x}  cr4 {:#x}  efer {:#x}  cs {:#x}",
        regs.rip,
        regs.rax,
        regs.rbx,
        regs.rcx,
        regs.rdx,
        regs.rsi,
        regs.rdi,
        regs.rbp,
        regs.rsp,
        regs.r8,
        regs.r9,
        regs.r10,
        regs.r11,
        regs.r12,
        regs.r13,
        regs.r14,
        regs.r15,
        regs.rflags,
        sregs.cr0,
        sregs.cr2,
        sregs.cr3,
        sregs.cr4,
        sregs.efer,
        sregs.cs.selector,
    )
}
