//! A boot's third and last state: a guest whose kernel is loaded, and that runs to its end.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use kvm_ioctls::VmFd;

use super::console::{Console, ConsoleWriter};
use super::error::{KvmError, system};
use super::handover::Handover;
use super::machine::{Interrupt, Machine};
use super::monitor::{Io, Monitor};
use super::options::{KvmOptions, Teardown};
use super::ready_vm::ReadyVm;
use super::report::{Report, explain};
use super::seccomp;
use super::vcpu::{Launch, Vcpus};
use super::wake::Wake;
use crate::devices::Devices;
use crate::image::Image;
use crate::load::{self, Loaded};
use crate::memory::{self, Memory, PageCounter};
use crate::protocol::{self, EntryState};
use crate::{BootOutcome, BootSpec, Timings, acpi};

/// A guest with its kernel in memory.
pub struct Guest<'a> {
    spec: &'a BootSpec,
    options: &'a KvmOptions,
    asked: Instant,
    created: Instant,
    /// Where the kernel starts.
    entry: EntryState,
    /// What the vCPUs' threads and this one share.
    machine: Arc<Machine>,
    vcpus: Vcpus,
    wake: Wake,
    /// Has to stay open for as long as the vCPUs.
    vm: Arc<VmFd>,
}

impl<'a> Guest<'a> {
    /// Loads the kernel, and creates the devices.
    ///
    /// # Errors
    /// A file cannot be read, something does not fit into the guest's memory, or the system
    /// refuses a descriptor.
    pub fn load(ready: ReadyVm<'a>, (file, image): (File, Image)) -> Result<Self, KvmError> {
        let (spec, options, cpus) = (ready.spec, ready.options, ready.cpus);
        let entry = load(spec, &ready.memory, file, &image, cpus)?;
        let wake = Wake::new().map_err(system("create an eventfd"))?;
        let console = Arc::new(Console::new(options.console_limit, wake.clone()));
        let devices = Devices::new(
            Interrupt(ready.serial_interrupt),
            ConsoleWriter(console.clone()),
            &options.debug_exit_ports,
        );
        let machine = Machine::new(cpus, ready.memory, console, devices, wake.clone());
        Ok(Self {
            spec,
            options,
            asked: ready.asked,
            created: ready.created,
            entry,
            machine: Arc::new(machine),
            vcpus: ready.vcpus,
            wake,
            vm: ready.vm,
        })
    }

    /// Runs to the guest's end.
    ///
    /// # Errors
    /// A vCPU cannot be created, or a thread not be filtered: nothing of the guest has run.
    pub fn run(mut self, io: Io<'_>) -> Result<Report, KvmError> {
        let machine = self.machine;
        // Everything that opens a file comes before the filter, which no longer allows that.
        let handover = match self.options.teardown {
            Teardown::Wait => None,
            Teardown::LeaveToKernel => {
                Some(Handover::new().map_err(system("create a pair of sockets"))?)
            }
        };
        let counts_pages = self.options.count_pages;
        let page_counter = counts_pages.then(PageCounter::open).and_then(Result::ok);
        let sender = handover.as_ref().map(Handover::sender);
        let started = self.vcpus.run(Launch {
            entry: self.entry,
            machine: machine.clone(),
            filter: seccomp::of_process(self.options.seccomp, sender)?,
        })?;
        let mut monitor = Monitor::new(io, &machine, &self.wake);
        monitor.watch(&self.vcpus, started, self.spec.timeout);
        let ended = Instant::now();
        let (mut stats, threads) = self.vcpus.stop(&machine);
        monitor.drain();

        let since = |at: Instant| at.saturating_duration_since(self.asked);
        stats.vm_created = Some(since(self.created));
        stats.measuring_in_kvm = machine.measuring.counted();
        stats.benchmark_started = machine.measuring.started().map(since);
        let timings = Timings {
            guest_started: Some(since(started)),
            first_byte: machine.console.first_byte().map(since),
            ended: since(ended),
        };
        let how = machine.ended();
        let count = |counter: PageCounter| counter.count(&memory::addresses(&machine.memory)).ok();
        let outcome = BootOutcome {
            end: explain(how.end, &monitor.console),
            console: monitor.console,
            timings,
            exits: Some(stats.to_exits()),
            pages: page_counter.and_then(count),
        };
        match handover {
            Some(handover) => handover.leave(self.vm, machine, threads),
            // A thread that panicked was noticed before.
            None => threads
                .into_iter()
                .for_each(|thread| drop(thread.handle.join())),
        }
        Ok(Report {
            outcome,
            diagnosis: how.diagnosis,
            stats,
        })
    }
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
