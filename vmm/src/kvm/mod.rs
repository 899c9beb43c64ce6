//! The `kvm` engine: boots one guest under KVM, and says how it ended.

mod console;
mod counters;
mod diagnosis;
mod error;
mod exits;
mod handover;
mod machine;
mod measuring;
mod monitor;
mod seccomp;
mod sleep;
mod stats;
mod vcpu;
mod vm;
mod wake;

pub use error::KvmError;
pub use monitor::Io;
pub use seccomp::Seccomp;
pub use stats::Stats;
pub(crate) use vm::open as open_device;

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kvm_ioctls::{VcpuFd, VmFd};
use seccompiler::BpfProgram;

use console::{Console, ConsoleWriter};
use counters::Counters;
use handover::Handover;
use machine::{Interrupt, Machine};
use monitor::Monitor;
use wake::Wake;

use crate::devices::Devices;
use crate::image::{self, Image, Protocol};
use crate::load::{self, Loaded};
use crate::memory::{self, Memory};
use crate::protocol::{self, EntryState};
use crate::{BootOutcome, BootSpec, End, Timings, acpi, cpu, panic};

/// What only this engine can be asked for.
#[derive(Clone, Debug)]
pub struct KvmOptions {
    /// Boot by this protocol; none: by the best that the image speaks.
    pub protocol: Option<Protocol>,
    /// Ports beside 0xf4 and 0x501 to which a guest writes its exit status.
    pub debug_exit_ports: Vec<u16>,
    /// Take all guest memory from the host before the guest starts.
    pub prefault: bool,
    /// Ask for transparent huge pages behind guest memory.
    pub huge_pages: bool,
    /// Which threads are filtered.
    pub seccomp: Seccomp,
    /// Bytes that a guest may write to its console before it is stopped.
    pub console_limit: usize,
    /// Who waits until the kernel has taken the ended machine down.
    pub teardown: Teardown,
}

/// Who waits until the kernel has taken an ended machine down: 7 to 25 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Teardown {
    /// The caller: nothing of one guest is left when the next one begins.
    #[default]
    Wait,
    /// Nobody. Meant for a process that boots one guest; Linux 6.9 or later.
    LeaveToKernel,
}

impl Default for KvmOptions {
    fn default() -> Self {
        Self {
            protocol: None,
            debug_exit_ports: Vec::new(),
            prefault: false,
            huge_pages: false,
            seccomp: Seccomp::default(),
            console_limit: 64 << 20,
            teardown: Teardown::default(),
        }
    }
}

/// How one boot went, with what only this engine knows.
#[derive(Clone, Debug)]
pub struct Report {
    /// What every engine answers.
    pub outcome: BootOutcome,
    /// The protocol that the kernel was booted by.
    pub protocol: Option<Protocol>,
    /// The vCPU's registers and code, in lines, after a triple fault or an engine's failure.
    pub diagnosis: Option<String>,
    /// Exits and times.
    pub stats: Stats,
}

/// Boots the guest that `spec` describes and returns when it has ended.
///
/// Never fails otherwise than by [`End::EngineFailed`].
pub fn boot(spec: &BootSpec, options: &KvmOptions, io: Io<'_>) -> Report {
    let asked = Instant::now();
    image::open(&spec.kernel, options.protocol)
        .map_err(KvmError::from)
        .and_then(|kernel| start(spec, options, kernel, asked)?.run(spec, options, io))
        .unwrap_or_else(|error| never_started(&error, asked))
}

/// Boots an image that was inspected already; `spec.kernel` does not matter.
pub(crate) fn boot_image(
    spec: &BootSpec,
    options: &KvmOptions,
    io: Io<'_>,
    kernel: (File, Image),
) -> Report {
    let asked = Instant::now();
    start(spec, options, kernel, asked)
        .and_then(|guest| guest.run(spec, options, io))
        .unwrap_or_else(|error| never_started(&error, asked))
}

fn never_started(error: &KvmError, asked: Instant) -> Report {
    Report {
        outcome: BootOutcome {
            console: Vec::new(),
            end: End::EngineFailed {
                reason: error.to_string(),
            },
            timings: Timings {
                ended: asked.elapsed(),
                ..Default::default()
            },
            exits: None,
        },
        protocol: None,
        diagnosis: None,
        stats: Stats::default(),
    }
}

/// A guest whose threads exist and wait for the word to go.
struct Guest {
    asked: Instant,
    vm_created: Duration,
    protocol: Protocol,
    machine: Arc<Machine>,
    counters: Counters,
    vcpus: Vec<VcpuFd>,
    threads: vcpu::Waiting,
    wake: Wake,
    /// Kept open for as long as the vCPUs.
    vm: VmFd,
    handover: Option<Handover>,
}

fn start(
    spec: &BootSpec,
    options: &KvmOptions,
    (file, image): (File, Image),
    asked: Instant,
) -> Result<Guest, KvmError> {
    let kvm = vm::open()?;
    let cpus = vm::check_cpus(&kvm, spec.cpus)?;
    // They get ready while the machine comes into being.
    let threads = vcpu::spawn_all(cpus, &spec.pin, vcpu_filter(options.seccomp)?)?;
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
    let vm_created = asked.elapsed();

    let wake = Wake::new().map_err(error::system("create an eventfd"))?;
    let console = Arc::new(Console::new(options.console_limit, wake.clone()));
    let devices = Devices::new(
        Interrupt(serial_interrupt),
        ConsoleWriter(console.clone()),
        &options.debug_exit_ports,
    );
    let machine = Arc::new(Machine::new(cpus, memory, console, devices, wake.clone()));
    Ok(Guest {
        asked,
        vm_created,
        protocol: image.protocol,
        machine,
        counters: Counters::of(&vcpus),
        vcpus,
        threads,
        wake,
        vm,
        handover: handover(options.teardown)?,
    })
}

fn handover(teardown: Teardown) -> Result<Option<Handover>, KvmError> {
    match teardown {
        Teardown::Wait => Ok(None),
        Teardown::LeaveToKernel => Handover::new()
            .map(Some)
            .map_err(error::system("create a pair of sockets")),
    }
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

impl Guest {
    fn run(self, spec: &BootSpec, options: &KvmOptions, io: Io<'_>) -> Result<Report, KvmError> {
        filter_caller(options.seccomp, self.handover.as_ref())?;
        let vcpus = self.threads.run(self.vcpus, self.counters, &self.machine)?;
        let started = Instant::now();
        let mut monitor = Monitor::new(io, &self.machine, &self.wake);
        monitor.watch(&vcpus, started, spec.timeout);
        let ended = Instant::now();
        let mut stats = vcpus.join(&self.machine);
        monitor.drain();
        if let Some(handover) = self.handover {
            handover.leave(self.vm);
        }

        let since = |at: Instant| at.saturating_duration_since(self.asked);
        stats.vm_created = Some(self.vm_created);
        stats.measuring_in_kvm = self.machine.measuring.counted();
        stats.benchmark_started = self.machine.measuring.started().map(since);
        let timings = Timings {
            guest_started: Some(since(started)),
            first_byte: self.machine.console.first_byte().map(since),
            ended: since(ended),
        };
        let how = self.machine.ended();
        Ok(Report {
            outcome: BootOutcome {
                end: explain(how.end, &monitor.console),
                console: monitor.console,
                timings,
                exits: Some(stats.to_exits()),
            },
            protocol: Some(self.protocol),
            diagnosis: how.diagnosis,
            stats,
        })
    }
}

fn vcpu_filter(seccomp: Seccomp) -> Result<Option<BpfProgram>, KvmError> {
    match seccomp {
        Seccomp::Off => Ok(None),
        Seccomp::Vcpus | Seccomp::Process => seccomp::vcpu_filter().map(Some),
    }
}

fn filter_caller(seccomp: Seccomp, handover: Option<&Handover>) -> Result<(), KvmError> {
    if seccomp != Seccomp::Process {
        return Ok(());
    }
    let filter = seccomp::monitor_filter(handover.map(Handover::sender))?;
    seccompiler::apply_filter(&filter).map_err(|error| KvmError::Seccomp(error.to_string()))
}

/// A kernel that panics then reboots, faults, or hangs: what it said of itself
/// explains more than what it did next.
fn explain(end: End, console: &[u8]) -> End {
    match end {
        End::Rebooted | End::TripleFault | End::Halted | End::TimedOut | End::Panicked { .. } => {
            panic::find(console).unwrap_or(end)
        }
        end => end,
    }
}
