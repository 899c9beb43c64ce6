//! The virtual machine: memory, interrupt controllers, timer, serial interrupt.

use std::io::ErrorKind;

use kvm_bindings::{
    KVM_CAP_PMU_CAPABILITY, KVM_PIT_SPEAKER_DUMMY, KVM_PMU_CAP_DISABLE, kvm_enable_cap,
    kvm_pit_config, kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};
use vm_memory::{GuestMemoryBackend, GuestMemoryRegion};
use vmm_sys_util::eventfd::EventFd;

use super::error::{KvmError, kvm, system};
use crate::cpu::amx;
use crate::devices::ports;
use crate::layout;
use crate::memory::Memory;

/// APIC IDs have 8 bits, and 255 means all of them.
const MOST_CPUS: usize = 254;

/// Opens /dev/kvm.
///
/// # Errors
/// It does not exist, or this user may not open it.
pub fn open() -> Result<Kvm, KvmError> {
    amx::ask();
    Kvm::new().map_err(|source| match std::io::Error::from(source).kind() {
        ErrorKind::NotFound => KvmError::NoDevice,
        ErrorKind::PermissionDenied => KvmError::NoPermission,
        _ => KvmError::Kvm {
            what: "open /dev/kvm",
            source,
        },
    })
}

/// The number of vCPUs, if a guest can have so many.
///
/// # Errors
/// There are none, or too many.
pub fn check_cpus(kvm: &Kvm, asked: u32) -> Result<u8, KvmError> {
    let limit = kvm.get_max_vcpus().min(MOST_CPUS) as u32;
    u8::try_from(asked)
        .ok()
        .filter(|_| (1..=limit).contains(&asked))
        .ok_or(KvmError::Cpus { asked, limit })
}

/// Creates an empty machine.
///
/// # Errors
/// KVM refuses.
pub fn create(kvm_fd: &Kvm) -> Result<VmFd, KvmError> {
    let vm = kvm_fd
        .create_vm()
        .map_err(kvm("create a virtual machine"))?;
    switch_counters_off(&vm)?;
    Ok(vm)
}

/// Takes the performance counters from the guest, before its first vCPU, if KVM can do that
/// (since Linux 5.18). AMD CPUs had four of them before CPUID listed any, and KVM emulates them
/// whatever CPUID says.
fn switch_counters_off(vm: &VmFd) -> Result<(), KvmError> {
    let what_can_be_set = vm.check_extension_raw(KVM_CAP_PMU_CAPABILITY.into());
    if what_can_be_set & KVM_PMU_CAP_DISABLE as i32 == 0 {
        return Ok(());
    }
    let mut off = kvm_enable_cap {
        cap: KVM_CAP_PMU_CAPABILITY,
        ..Default::default()
    };
    off.args[0] = KVM_PMU_CAP_DISABLE.into();
    vm.enable_cap(&off)
        .map_err(kvm("switch performance counters off"))
}

/// Gives the machine `memory` and everything that KVM provides except its vCPUs. Writing to
/// `serial_interrupt` raises the serial port's interrupt.
///
/// The interrupt controllers and the timer have to exist before the first vCPU. Memory comes
/// first: each of these steps waits until no reader uses what it replaces (SRCU), and a wait
/// right after another one takes up to two timer ticks.
///
/// # Errors
/// KVM refuses a part of it.
pub fn furnish(vm: &VmFd, memory: &Memory, serial_interrupt: &EventFd) -> Result<(), KvmError> {
    give_memory(vm, memory)?;
    vm.set_identity_map_address(layout::IDENTITY_MAP)
        .map_err(kvm("place its identity map"))?;
    vm.set_tss_address(layout::TSS)
        .map_err(kvm("place its TSS"))?;
    vm.create_irq_chip()
        .map_err(kvm("create interrupt controllers"))?;
    let pit = kvm_pit_config {
        flags: KVM_PIT_SPEAKER_DUMMY,
        ..Default::default()
    };
    vm.create_pit2(pit).map_err(kvm("create the timer"))?;
    vm.register_irqfd(serial_interrupt, ports::SERIAL_IRQ)
        .map_err(kvm("wire the serial port's interrupt"))
}

fn give_memory(vm: &VmFd, memory: &Memory) -> Result<(), KvmError> {
    for (slot, region) in (0..).zip(memory.iter()) {
        let kvm_region = kvm_userspace_memory_region {
            slot,
            guest_phys_addr: region.start_addr().0,
            memory_size: region.len(),
            userspace_addr: region.as_ptr() as u64,
            flags: 0,
        };
        // SAFETY: the range is one of our mappings, which `Machine` keeps alive for longer than
        // vCPUs run; vCPUs that never run do not access it.
        unsafe { vm.set_user_memory_region(kvm_region) }
            .map_err(kvm("accept the guest's memory"))?;
    }
    Ok(())
}

/// An eventfd whose reads do not block.
///
/// # Errors
/// No file descriptors are left.
pub fn eventfd() -> Result<EventFd, KvmError> {
    EventFd::new(libc::EFD_NONBLOCK | libc::EFD_CLOEXEC).map_err(system("create an eventfd"))
}
