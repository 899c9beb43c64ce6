//! One vCPU's thread: run the guest, answer its exits, until somebody ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kvm_bindings::{
    KVM_INTERNAL_ERROR_DELIVERY_EV, KVM_INTERNAL_ERROR_EMULATION, KVM_INTERNAL_ERROR_SIMUL_EX,
    KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
};
use kvm_ioctls::{VcpuExit, VcpuFd};
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_setaffinity};
use seccompiler::BpfProgram;
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

use super::diagnosis::diagnose;
use super::error::{KvmError, system};
use super::machine::Machine;
use super::stats::Stats;
use crate::End;
use crate::devices::{Effect, ports};

/// Between two kicks; doubled each time, up to the second value.
const KICK_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_KICK_PAUSE: Duration = Duration::from_millis(1);
const OPEN_BUS: u8 = 0xff;

/// A vCPU thread, which gives its counts when it ends.
type Thread = JoinHandle<Stats>;

/// vCPU threads that wait for the word to run the guest. Without it, when this is
/// dropped, they end.
pub struct Waiting {
    threads: Vec<Thread>,
    go: Vec<Sender<()>>,
    /// Each thread says when it is ready, and when it is done.
    said: Receiver<()>,
}

impl Waiting {
    /// Lets the guest run when every thread is pinned and filtered.
    pub fn run(self) -> Running {
        for _ in &self.threads {
            // A thread that is gone has said why to the machine.
            let _ = self.said.recv();
        }
        for go in &self.go {
            let _ = go.send(());
        }
        Running {
            threads: self.threads,
            done: self.said,
        }
    }
}

/// vCPU threads that run the guest.
pub struct Running {
    threads: Vec<Thread>,
    done: Receiver<()>,
}

impl Running {
    /// Whether one has ended.
    pub fn any_finished(&self) -> bool {
        self.threads.iter().any(Thread::is_finished)
    }

    /// Makes all vCPUs stop, and gives their counts. The machine has to be stopping.
    pub fn join(self, machine: &Machine) -> Stats {
        // A kick that comes just before KVM_RUN is lost, so there are as many as it takes.
        let mut pause = KICK_PAUSE;
        let mut running = self.threads.len();
        while running > 0 {
            match self.done.recv_timeout(pause) {
                Ok(()) => running -= 1,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.threads.iter().for_each(kick);
                    pause = LONGEST_KICK_PAUSE.min(pause * 2);
                }
            }
        }
        let mut total = Stats::default();
        for thread in self.threads {
            match thread.join() {
                Ok(stats) => total.add(stats),
                Err(_) => fail(machine, "a vCPU's thread panicked".into(), None),
            }
        }
        total
    }
}

fn kick(thread: &Thread) {
    // A thread that is gone needs no kick.
    if !thread.is_finished() {
        let _ = thread.kill(SIGRTMIN());
    }
}

/// Starts a thread for each vCPU, the i-th on the i-th of the `pin` CPUs, and with
/// `filter`, if there is one.
///
/// # Errors
/// The system gives no further thread.
pub fn spawn_all(
    vcpus: Vec<VcpuFd>,
    pin: &[usize],
    machine: &Arc<Machine>,
    filter: Option<BpfProgram>,
) -> Result<Waiting, KvmError> {
    // The signal's one purpose is to interrupt `KVM_RUN`.
    register_signal_handler(SIGRTMIN(), on_kick)
        .map_err(|source| system("handle a signal")(io::Error::from(source)))?;
    let pins = pin
        .iter()
        .copied()
        .cycle()
        .map(Some)
        .chain(std::iter::repeat(None));
    let pins: Vec<_> = pins.take(vcpus.len()).collect();
    let filter = filter.map(Arc::new);
    let (say, said) = channel();
    let mut waiting = Waiting {
        threads: Vec::new(),
        go: Vec::new(),
        said,
    };
    for ((id, vcpu), pin) in vcpus.into_iter().enumerate().zip(pins) {
        let (go, word) = channel();
        let start = Start {
            machine: machine.clone(),
            pin,
            filter: filter.clone(),
            say: say.clone(),
            word,
        };
        let thread = Builder::new()
            .name(format!("vcpu{id}"))
            .spawn(move || thread(vcpu, &start))
            .map_err(system("start a vCPU's thread"))?;
        waiting.threads.push(thread);
        waiting.go.push(go);
    }
    Ok(waiting)
}

/// What a vCPU thread needs beside its vCPU.
struct Start {
    machine: Arc<Machine>,
    pin: Option<usize>,
    filter: Option<Arc<BpfProgram>>,
    say: Sender<()>,
    word: Receiver<()>,
}

extern "C" fn on_kick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

fn thread(mut vcpu: VcpuFd, start: &Start) -> Stats {
    let machine = &start.machine;
    if let Err(error) = prepare(start) {
        fail(machine, error.to_string(), None);
    }
    let mut stats = Stats::default();
    // Nobody who waits, or no word to go: the boot was given up.
    if start.say.send(()).is_ok() && start.word.recv().is_ok() {
        run(&mut vcpu, machine, &mut stats);
    }
    drop(vcpu);
    // Nobody who waits: the same.
    let _ = start.say.send(());
    stats
}

fn prepare(start: &Start) -> Result<(), KvmError> {
    if let Some(cpu) = start.pin {
        pin_to(cpu)?;
    }
    match &start.filter {
        Some(filter) => {
            seccompiler::apply_filter(filter).map_err(|error| KvmError::Seccomp(error.to_string()))
        }
        None => Ok(()),
    }
}

fn pin_to(cpu: usize) -> Result<(), KvmError> {
    let refused = system("pin a vCPU to that host CPU");
    if cpu >= CpuSet::MAX_CPU {
        return Err(refused(Errno::INVAL));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(refused)
}

/// What an exit asks for.
enum Next {
    Go,
    End(End),
    /// The guest cannot go on; why, in the words of KVM's manual.
    Fault(String),
    /// The same, and KVM says more of it than in the exit itself.
    InternalError,
}

fn run(vcpu: &mut VcpuFd, machine: &Machine, stats: &mut Stats) {
    while !machine.is_stopping() {
        let begin = Instant::now();
        let exit = vcpu.run();
        stats.in_guest += begin.elapsed();
        let next = match exit {
            Ok(exit) => answer(exit, machine, stats),
            Err(error) if is_interruption(error) => Next::Go,
            Err(error) => Next::Fault(format!("KVM_RUN failed: {error}")),
        };
        match next {
            Next::Go => {}
            Next::End(End::TripleFault) => {
                machine.end(End::TripleFault, Some(diagnose(vcpu, &machine.memory)));
            }
            Next::End(end) => machine.end(end, None),
            Next::Fault(why) => fail(machine, why, Some(diagnose(vcpu, &machine.memory))),
            Next::InternalError => {
                let why = internal_error(vcpu);
                fail(machine, why, Some(diagnose(vcpu, &machine.memory)));
            }
        }
    }
}

/// KVM_EXIT_INTERNAL_ERROR in words.
fn internal_error(vcpu: &mut VcpuFd) -> String {
    // SAFETY: the exit reason says that this field of the union is the one that is
    // set, and every bit pattern of it is a number.
    let suberror = unsafe { vcpu.get_kvm_run().__bindgen_anon_1.internal.suberror };
    let what = match suberror {
        KVM_INTERNAL_ERROR_EMULATION => "KVM cannot emulate the guest's next instruction",
        KVM_INTERNAL_ERROR_SIMUL_EX => "KVM raised two exceptions at once",
        KVM_INTERNAL_ERROR_DELIVERY_EV => "KVM cannot deliver an event to the guest",
        KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON => "the CPU left the guest for no known reason",
        _ => "KVM does not say why",
    };
    format!("KVM_EXIT_INTERNAL_ERROR ({suberror}): {what}")
}

fn is_interruption(error: kvm_ioctls::Error) -> bool {
    matches!(error.errno(), libc::EINTR | libc::EAGAIN)
}

fn fail(machine: &Machine, why: String, diagnosis: Option<String>) {
    machine.end(End::EngineFailed { reason: why }, diagnosis);
}

fn answer(exit: VcpuExit<'_>, machine: &Machine, stats: &mut Stats) -> Next {
    let is_measuring = is_measuring(&exit, machine);
    match exit {
        VcpuExit::IoOut(port, data) => {
            stats.count("port write", is_measuring);
            stats.count_port(port);
            let effect = machine.devices().write(port, data);
            after_write(effect, port, machine, stats)
        }
        VcpuExit::IoIn(port, data) => {
            stats.count("port read", is_measuring);
            stats.count_port(port);
            if machine.devices().read(port, data) == Effect::Unknown {
                stats.unknown_ports.insert(port);
            }
            Next::Go
        }
        VcpuExit::MmioRead(address, data) => {
            stats.count("memory read", is_measuring);
            stats.note_address(address);
            data.fill(OPEN_BUS);
            Next::Go
        }
        VcpuExit::MmioWrite(address, _) => {
            stats.count("memory write", is_measuring);
            stats.note_address(address);
            Next::Go
        }
        VcpuExit::Shutdown => {
            stats.count("shutdown", is_measuring);
            Next::End(End::TripleFault)
        }
        VcpuExit::Hlt | VcpuExit::Intr | VcpuExit::IrqWindowOpen | VcpuExit::IoapicEoi(_) => {
            stats.count("other", is_measuring);
            Next::Go
        }
        VcpuExit::InternalError => Next::InternalError,
        VcpuExit::FailEntry(reason, _) => Next::Fault(format!(
            "KVM_EXIT_FAIL_ENTRY: the CPU refuses the guest's state ({reason:#x})"
        )),
        exit => Next::Fault(format!("unexpected exit: {exit:?}")),
    }
}

/// The benchmark keeps what it finds until it has found everything: when it reaches
/// for its console, it no longer measures.
fn is_measuring(exit: &VcpuExit<'_>, machine: &Machine) -> bool {
    if let VcpuExit::IoIn(port, _) | VcpuExit::IoOut(port, _) = exit
        && (ports::SERIAL..=ports::SERIAL_END).contains(port)
    {
        machine.is_measuring.store(false, Ordering::Relaxed);
    }
    machine.is_measuring.load(Ordering::Relaxed)
}

fn after_write(effect: Effect, port: u16, machine: &Machine, stats: &mut Stats) -> Next {
    machine.console.wait_for_room();
    match effect {
        Effect::None => {}
        Effect::Unknown => {
            stats.unknown_ports.insert(port);
        }
        Effect::BenchmarkStart => {
            if machine.benchmark_start.set(Instant::now()).is_ok() {
                machine.is_measuring.store(true, Ordering::Relaxed);
            }
        }
        Effect::End(end) => return Next::End(end),
    }
    if machine.console.is_flooded() {
        return Next::Fault("the guest floods its console: more bytes than its limit".into());
    }
    Next::Go
}
