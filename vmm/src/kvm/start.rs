//! From an image to a guest that waits for the word to run.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use kvm_ioctls::VmFd;
use seccompiler::BpfProgram;

use super::console::{Console, ConsoleWriter};
use super::error::{KvmError, system};
use super::machine::{Interrupt, Machine};
use super::vcpu::{Place, Starting, spawn_all};
use super::wake::Wake;
use super::{KvmOptions, Seccomp, seccomp, vm};
use crate::devices::Devices;
use crate::image::{Image, Protocol};
use crate::load::{self, Loaded};
use crate::memory::{self, Memory};
use crate::protocol::{self, EntryState};
use crate::{BootSpec, acpi};

/// A guest whose threads make their vCPUs, and wait for the word to go.
pub struct Guest {
    /// From when times count.
    pub asked: Instant,
    /// When the machine stood, but for its vCPUs.
    pub created: Instant,
    /// How the kernel will be entered.
    pub protocol: Protocol,
    /// What the threads share.
    pub machine: Arc<Machine>,
    /// The vCPUs' threads.
    pub threads: Starting,
    /// Wakes the monitor.
    pub wake: Wake,
    /// Has to stay open for as long as the vCPUs.
    pub vm: Arc<VmFd>,
}

/// Makes the machine, loads the kernel, and brings the vCPUs on their way to its entry.
///
/// # Errors
/// KVM or the system refuse something, or the guest does not fit in.
pub fn start(
    spec: &BootSpec,
    options: &KvmOptions,
    (file, image): (File, Image),
    asked: Instant,
) -> Result<Guest, KvmError> {
    let kvm = Arc::new(vm::open()?);
    let cpus = vm::check_cpus(&kvm, spec.cpus)?;
    let threads = spawn_all(&kvm, cpus, &spec.pin)?;
    let memory = memory::map(spec.memory_mib)?;
    prepare_memory(&memory, options)?;
    let entry = load(spec, &memory, file, &image, cpus)?;
    let serial_interrupt = vm::eventfd()?;
    let vm = Arc::new(vm::create(&kvm, &memory, &serial_interrupt)?);
    let created = Instant::now();
    threads.make_vcpus(&Place {
        vm: vm.clone(),
        entry,
        filter: vcpu_filter(options.seccomp)?,
    });

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

fn vcpu_filter(seccomp: Seccomp) -> Result<Option<Arc<BpfProgram>>, KvmError> {
    match seccomp {
        Seccomp::Off => Ok(None),
        Seccomp::Vcpus | Seccomp::Process => seccomp::vcpu_filter().map(Arc::new).map(Some),
    }
}
