//! A boot's second state: a virtual machine with everything except a kernel.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use kvm_ioctls::VmFd;
use vmm_sys_util::eventfd::EventFd;

use super::error::KvmError;
use super::new_vm::NewVm;
use super::options::KvmOptions;
use super::vcpu::{Vcpus, pin_to};
use super::vm;
use crate::BootSpec;
use crate::memory::{self, Memory};

/// A virtual machine that only lacks a kernel; the threads of its vCPUs are still creating
/// them. The next state is the running guest: [`super::boot_image`].
pub struct ReadyVm<'a> {
    pub(super) spec: &'a BootSpec,
    pub(super) options: &'a KvmOptions,
    /// When the boot was requested; all times count from here.
    pub(super) asked: Instant,
    /// When the machine was complete, except for its vCPUs.
    pub(super) created: Instant,
    pub(super) cpus: u8,
    pub(super) vcpus: Vcpus,
    pub(super) memory: Memory,
    pub(super) serial_interrupt: EventFd,
    pub(super) vm: Arc<VmFd>,
}

impl<'a> ReadyVm<'a> {
    /// Gives a new machine memory, interrupt controllers, a timer, and vCPUs. The image can be
    /// read at the same time, because the vCPUs' threads create them.
    ///
    /// Times count from `asked`, which may be earlier than the call.
    ///
    /// # Errors
    /// KVM cannot be used, there is not enough memory, or KVM does not support so many vCPUs.
    pub fn new(
        new: NewVm,
        spec: &'a BootSpec,
        options: &'a KvmOptions,
        asked: Instant,
    ) -> Result<Self, KvmError> {
        let (kvm, vm) = new.wait()?;
        let cpus = vm::check_cpus(&kvm, spec.cpus)?;
        let memory = memory::map(spec.memory_mib)?;
        prepare_memory(&memory, options, &spec.pin)?;
        let serial_interrupt = vm::eventfd()?;
        vm::furnish(&vm, &memory, &serial_interrupt)?;
        let vm = Arc::new(vm);
        let created = Instant::now();
        let vcpus = Vcpus::create(&kvm, &vm, cpus, &spec.pin, options.seccomp)?;
        Ok(Self {
            spec,
            options,
            asked,
            created,
            cpus,
            vcpus,
            memory,
            serial_interrupt,
            vm,
        })
    }
}

fn prepare_memory(memory: &Memory, options: &KvmOptions, pin: &[usize]) -> Result<(), KvmError> {
    if options.huge_pages {
        memory::ask_for_huge_pages(memory);
    }
    match (options.prefault, pin.first()) {
        (false, _) => Ok(()),
        (true, None) => Ok(memory::prefault(memory)?),
        (true, Some(&cpu)) => prefault_on(cpu, memory),
    }
}

/// Pages come from the memory node of the CPU that first touches them, so it has to be one on
/// which the guest will run.
fn prefault_on(cpu: usize, memory: &Memory) -> Result<(), KvmError> {
    let prefault = || {
        pin_to(cpu)?;
        Ok(memory::prefault(memory)?)
    };
    thread::scope(|scope| scope.spawn(prefault).join()).unwrap_or(Err(KvmError::Lost))
}
