//! From an image to a guest that waits for the word to run.

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use kvm_ioctls::VmFd;
use vmm_sys_util::eventfd::EventFd;

use super::begin::{Begun, Empty};
use super::console::{Console, ConsoleWriter};
use super::error::{KvmError, system};
use super::machine::{Interrupt, Machine};
use super::vcpu::{Starting, pin_to, spawn_all};
use super::wake::Wake;
use super::{KvmOptions, vm};
use crate::devices::Devices;
use crate::image::{Image, Protocol};
use crate::load::{self, Loaded};
use crate::memory::{self, Memory};
use crate::protocol::{self, EntryState};
use crate::{BootSpec, acpi};

/// A guest whose threads make their vCPUs, and wait for the word to run.
pub struct Guest {
    /// From when times count.
    pub asked: Instant,
    /// When the machine stood, but for its vCPUs.
    pub created: Instant,
    /// How the kernel will be entered.
    pub protocol: Protocol,
    /// Where it begins.
    pub entry: EntryState,
    /// What the threads share.
    pub machine: Arc<Machine>,
    /// The vCPUs' threads.
    pub threads: Starting,
    /// Wakes the monitor.
    pub wake: Wake,
    /// Has to stay open for as long as the vCPUs.
    pub vm: Arc<VmFd>,
}

/// A machine without a kernel, whose vCPUs are on their way.
pub struct Prepared<'a> {
    pub(super) spec: &'a BootSpec,
    pub(super) options: &'a KvmOptions,
    /// From when times count.
    pub(super) asked: Instant,
    created: Instant,
    cpus: u8,
    threads: Starting,
    memory: Memory,
    serial_interrupt: EventFd,
    vm: Arc<VmFd>,
}

/// Completes the machine for [`super::boot_image`]. The sooner before, the sooner the guest
/// starts: the vCPUs' threads make them while the image is read.
///
/// Times count from `asked`, which may lie before the call.
///
/// # Errors
/// There is no KVM for us, not so much memory, or not so many vCPUs.
pub fn prepare<'a>(
    begun: Begun,
    spec: &'a BootSpec,
    options: &'a KvmOptions,
    asked: Instant,
) -> Result<Prepared<'a>, KvmError> {
    let Empty { kvm, vm } = begun.empty()?;
    let cpus = vm::check_cpus(&kvm, spec.cpus)?;
    let memory = memory::map(spec.memory_mib)?;
    prepare_memory(&memory, options, &spec.pin)?;
    let serial_interrupt = vm::eventfd()?;
    vm::furnish(&vm, &memory, &serial_interrupt)?;
    let vm = Arc::new(vm);
    let created = Instant::now();
    let threads = spawn_all(&kvm, &vm, cpus, &spec.pin, options.seccomp)?;
    Ok(Prepared {
        spec,
        options,
        asked,
        created,
        cpus,
        threads,
        memory,
        serial_interrupt,
        vm,
    })
}

/// Loads the kernel, and makes what the guest finds beside memory.
///
/// # Errors
/// The system refuses something, or the guest does not fit in.
pub fn start(prepared: Prepared<'_>, (file, image): (File, Image)) -> Result<Guest, KvmError> {
    let Prepared {
        spec,
        options,
        asked,
        created,
        cpus,
        threads,
        memory,
        serial_interrupt,
        vm,
    } = prepared;
    let entry = load(spec, &memory, file, &image, cpus)?;
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
        entry,
        machine,
        threads,
        wake,
        vm,
    })
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

/// Pages come from the memory node of the CPU that touches them first: it has to be one
/// that the guest will run on.
fn prefault_on(cpu: usize, memory: &Memory) -> Result<(), KvmError> {
    let prefault = || {
        pin_to(cpu)?;
        Ok(memory::prefault(memory)?)
    };
    thread::scope(|scope| scope.spawn(prefault).join()).unwrap_or(Err(KvmError::Lost))
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
