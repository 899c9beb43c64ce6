//! From an image to a guest that waits for the word to run.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use kvm_ioctls::{Kvm, VmFd};

use super::console::{Console, ConsoleWriter};
use super::error::{KvmError, system};
use super::machine::{Interrupt, Machine};
use super::vcpu::{Place, Starting, spawn_all};
use super::wake::Wake;
use super::{KvmOptions, vm};
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

/// /dev/kvm, open, and threads that already ask it what a vCPU of this boot can be.
pub struct Prepared<'a> {
    pub(super) spec: &'a BootSpec,
    pub(super) options: &'a KvmOptions,
    /// From when times count.
    pub(super) asked: Instant,
    kvm: Arc<Kvm>,
    cpus: u8,
    threads: Starting,
}

/// Gets ready for [`super::boot_image`]. The sooner before, the sooner the guest starts.
///
/// Times count from `asked`, which may lie before the call.
///
/// # Errors
/// There is no KVM for us, or not so many vCPUs.
pub fn prepare<'a>(
    spec: &'a BootSpec,
    options: &'a KvmOptions,
    asked: Instant,
) -> Result<Prepared<'a>, KvmError> {
    let kvm = Arc::new(vm::open()?);
    let cpus = vm::check_cpus(&kvm, spec.cpus)?;
    let threads = spawn_all(&kvm, cpus, &spec.pin, options.seccomp)?;
    Ok(Prepared {
        spec,
        options,
        asked,
        kvm,
        cpus,
        threads,
    })
}

/// Makes the machine, loads the kernel, and brings the vCPUs on their way to its entry.
///
/// # Errors
/// KVM or the system refuse something, or the guest does not fit in.
pub fn start(prepared: Prepared<'_>, (file, image): (File, Image)) -> Result<Guest, KvmError> {
    let Prepared {
        spec,
        options,
        asked,
        kvm,
        cpus,
        threads,
    } = prepared;
    let memory = memory::map(spec.memory_mib)?;
    prepare_memory(&memory, options)?;
    let entry = load(spec, &memory, file, &image, cpus)?;
    let serial_interrupt = vm::eventfd()?;
    let vm = Arc::new(vm::create(&kvm, &memory, &serial_interrupt)?);
    let created = Instant::now();
    threads.make_vcpus(&Place {
        vm: vm.clone(),
        entry,
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
