//! From an image to a guest that waits for the word to run.

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use kvm_ioctls::{VcpuFd, VmFd};
use seccompiler::BpfProgram;

use super::console::{Console, ConsoleWriter};
use super::counters::Counters;
use super::error::{KvmError, system};
use super::machine::{Interrupt, Machine};
use super::vcpu::{Waiting, spawn_all};
use super::wake::Wake;
use super::{KvmOptions, Seccomp, seccomp, vm};
use crate::devices::Devices;
use crate::image::{Image, Protocol};
use crate::load::{self, Loaded};
use crate::memory::{self, Memory};
use crate::protocol::{self, EntryState};
use crate::{BootSpec, acpi, cpu};

/// A guest whose threads exist and wait for the word to go.
pub struct Guest {
    /// From when times count.
    pub asked: Instant,
    /// When the machine and its vCPUs stood.
    pub created: Instant,
    /// How the kernel will be entered.
    pub protocol: Protocol,
    /// What the threads share.
    pub machine: Arc<Machine>,
    /// KVM's counters of the vCPUs.
    pub counters: Counters,
    /// The vCPUs, ready to enter the kernel.
    pub vcpus: Vec<VcpuFd>,
    /// Their threads.
    pub threads: Waiting,
    /// Wakes the monitor.
    pub wake: Wake,
    /// Has to stay open for as long as the vCPUs.
    pub vm: VmFd,
}

/// Makes the machine, loads the kernel, and brings the vCPUs to its entry.
///
/// # Errors
/// KVM or the system refuse something, or the guest does not fit in.
pub fn start(
    spec: &BootSpec,
    options: &KvmOptions,
    (file, image): (File, Image),
    asked: Instant,
) -> Result<Guest, KvmError> {
    let kvm = vm::open()?;
    let cpus = vm::check_cpus(&kvm, spec.cpus)?;
    // They get ready while the machine comes into being.
    let threads = spawn_all(cpus, &spec.pin, vcpu_filter(options.seccomp)?)?;
    let memory = memory::map(spec.memory_mib)?;
    let serial_interrupt = vm::eventfd()?;
    let (supported, vm, entry) = thread::scope(|scope| {
        // As long as all the rest: KVM asks the CPU for each leaf, which traps where
        // this host is a guest itself.
        let supported = scope.spawn(|| cpu::supported_cpuid(&kvm));
        prepare_memory(&memory, options)?;
        let entry = load(spec, &memory, file, &image, cpus)?;
        let vm = vm::create(&kvm, &memory, &serial_interrupt)?;
        let supported = supported
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok::<_, KvmError>((supported, vm, entry))
    })?;
    let vcpus = vm::create_vcpus(&kvm, &vm, &supported, cpus, &entry)?;
    let created = Instant::now();

    let wake = Wake::new().map_err(system("create an eventfd"))?;
    let console = Arc::new(Console::new(options.console_limit, wake.clone()));
    let devices = Devices::new(
        Interrupt(serial_interrupt),
        ConsoleWriter(console.clone()),
        &options.debug_exit_ports,
    );
    let machine = Arc::new(Machine::new(cpus, memory, console, devices, wake.clone()));
    Ok(Guest {
        asked,
        created,
        protocol: image.protocol,
        machine,
        counters: Counters::of(&vcpus),
        vcpus,
        threads,
        wake,
        vm,
    })
}

fn prepare_memory(memory: &Memory, options: &KvmOptions) -> Result<(), KvmError> {
    if options.huge_pages {
        memory::use_huge_pages(memory)?;
    }
    if options.prefault {
        memory::prefault(memory)?;
    }
    Ok(())
}

fn load(
    spec: &BootSpec,
    memory: &Memory,
    mut file: File,
    image: &Image,
    cpus: u8,
) -> Result<EntryState, KvmError> {
    load::kernel(memory, &mut file, image)?;
    let loaded = match &spec.initrd {
        Some(path) => load::initrd(memory, path, image)?,
        None => Loaded::default(),
    };
    let cmdline = protocol::cmdline(image.protocol, &spec.cmdline);
    load::cmdline(memory, &cmdline, image)?;
    acpi::write(memory, cpus)?;
    Ok(protocol::hand_over(memory, image, &loaded)?)
}

fn vcpu_filter(seccomp: Seccomp) -> Result<Option<BpfProgram>, KvmError> {
    match seccomp {
        Seccomp::Off => Ok(None),
        Seccomp::Vcpus | Seccomp::Process => seccomp::vcpu_filter().map(Some),
    }
}
