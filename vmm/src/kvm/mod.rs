//! The `kvm` engine: boots one guest under KVM, and says how it ended.

mod begin;
mod console;
mod counters;
mod diagnosis;
mod error;
mod exits;
mod gate;
mod handover;
mod kick;
mod machine;
mod measuring;
mod monitor;
mod seccomp;
mod sleep;
mod start;
mod stats;
mod vcpu;
mod vm;
mod wake;

pub use begin::{Begun, begin};
pub use error::KvmError;
pub use monitor::Io;
pub use seccomp::Seccomp;
pub use start::{Prepared, prepare};
pub use stats::Stats;
pub(crate) use vm::open as open_device;

use std::fs::File;
use std::time::Instant;

use error::system;
use handover::Handover;
use monitor::Monitor;
use seccomp::ProcessFilter;
use start::{Guest, start};
use vcpu::Word;

use crate::image::{self, Image, Protocol};
use crate::memory::{self, PageCounter};
use crate::{BootOutcome, BootSpec, CONSOLE_LIMIT, End, Timings, panic};

/// What only this engine can be asked for.
#[derive(Clone, Debug)]
pub struct KvmOptions {
    /// Boot by this protocol; none: by the best that the image speaks.
    pub protocol: Option<Protocol>,
    /// Ports beside 0xf4 and 0x501 to which a guest writes its exit status.
    pub debug_exit_ports: Vec<u16>,
    /// Take all guest memory from the host before the guest starts.
    pub prefault: bool,
    /// Ask for transparent huge pages behind guest memory, where the host has some.
    pub huge_pages: bool,
    /// Say at the end which pages guest memory got: [`BootOutcome::pages`].
    pub count_pages: bool,
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
            count_pages: false,
            seccomp: Seccomp::default(),
            console_limit: CONSOLE_LIMIT,
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
    try_boot(spec, options, io, asked).unwrap_or_else(|error| never_started(&error, asked))
}

fn try_boot(
    spec: &BootSpec,
    options: &KvmOptions,
    io: Io<'_>,
    asked: Instant,
) -> Result<Report, KvmError> {
    let kernel = image::open(&spec.kernel, options.protocol)?;
    let prepared = prepare(begin(), spec, options, asked)?;
    try_boot_image(prepared, io, kernel)
}

/// Boots an image that was opened already; the `kernel` of its specification does not matter.
pub fn boot_image(prepared: Prepared<'_>, io: Io<'_>, kernel: (File, Image)) -> Report {
    let asked = prepared.asked;
    try_boot_image(prepared, io, kernel).unwrap_or_else(|error| never_started(&error, asked))
}

fn try_boot_image(
    prepared: Prepared<'_>,
    io: Io<'_>,
    kernel: (File, Image),
) -> Result<Report, KvmError> {
    let (spec, options) = (prepared.spec, prepared.options);
    let handover = match options.teardown {
        Teardown::Wait => None,
        Teardown::LeaveToKernel => {
            Some(Handover::new().map_err(system("create a pair of sockets"))?)
        }
    };
    // Before the filter, like everything that opens a file.
    let page_counter = match options.count_pages {
        true => PageCounter::open().ok(),
        false => None,
    };
    let guest = start(prepared, kernel)?;
    let sender = handover.as_ref().map(Handover::sender);
    let filter = seccomp::of_process(options.seccomp, sender)?;
    let afterwards = Afterwards {
        page_counter,
        handover,
    };
    run(guest, filter, spec, io, afterwards)
}

/// What is left to do when the guest has ended, behind the filter.
struct Afterwards {
    page_counter: Option<PageCounter>,
    handover: Option<Handover>,
}

/// Runs a guest to its end.
fn run(
    guest: Guest,
    filter: ProcessFilter,
    spec: &BootSpec,
    io: Io<'_>,
    afterwards: Afterwards,
) -> Result<Report, KvmError> {
    let machine = guest.machine;
    let vcpus = guest.threads.run(Word {
        entry: guest.entry,
        machine: machine.clone(),
        filter,
    })?;
    let started = vcpus.started;
    let mut monitor = Monitor::new(io, &machine, &guest.wake);
    monitor.watch(&vcpus, started, spec.timeout);
    let ended = Instant::now();
    let (mut stats, threads) = vcpus.stop(&machine);
    monitor.drain();

    let since = |at: Instant| at.saturating_duration_since(guest.asked);
    stats.vm_created = Some(since(guest.created));
    stats.measuring_in_kvm = machine.measuring.counted();
    stats.benchmark_started = machine.measuring.started().map(since);
    let timings = Timings {
        guest_started: Some(since(started)),
        first_byte: machine.console.first_byte().map(since),
        ended: since(ended),
    };
    let how = machine.ended();
    let outcome = BootOutcome {
        end: explain(how.end, &monitor.console),
        console: monitor.console,
        timings,
        exits: Some(stats.to_exits()),
        pages: afterwards
            .page_counter
            .and_then(|counter| counter.count(&memory::addresses(&machine.memory)).ok()),
    };
    match afterwards.handover {
        Some(handover) => handover.leave(guest.vm, machine, threads),
        // One that panicked has been noticed.
        None => threads
            .into_iter()
            .for_each(|thread| drop(thread.handle.join())),
    }
    Ok(Report {
        outcome,
        protocol: Some(guest.protocol),
        diagnosis: how.diagnosis,
        stats,
    })
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
            pages: None,
        },
        protocol: None,
        diagnosis: None,
        stats: Stats::default(),
    }
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
