//! The vCPUs' threads: started together, kicked, joined.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use kvm_ioctls::VcpuFd;
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_setaffinity};
use seccompiler::BpfProgram;
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

use super::counters::Counters;
use super::error::{KvmError, system};
use super::exits::Vcpu;
use super::machine::Machine;
use super::sleep::Quiet;
use super::stats::Stats;

/// Between two kicks; doubled each time, up to the second value.
const KICK_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_KICK_PAUSE: Duration = Duration::from_millis(1);

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
    /// Notices when none of them uses its CPU.
    pub fn quiet(&self) -> Quiet {
        Quiet::new(&self.threads)
    }

    /// Makes every vCPU leave its guest for a moment.
    pub fn kick(&self) {
        self.threads.iter().for_each(kick);
    }

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
                    self.kick();
                    pause = LONGEST_KICK_PAUSE.min(pause * 2);
                }
            }
        }
        let mut total = Stats::default();
        for thread in self.threads {
            match thread.join() {
                Ok(stats) => total.add(stats),
                Err(_) => machine.fail("a vCPU's thread panicked".into(), None),
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
    let counters = Arc::new(Counters::of(&vcpus));
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
            counters: counters.clone(),
            pin,
            filter: filter.clone(),
            say: say.clone(),
            word,
        };
        let thread = Builder::new()
            .name(format!("vcpu{id}"))
            .spawn(move || thread(id, vcpu, &start))
            .map_err(system("start a vCPU's thread"))?;
        waiting.threads.push(thread);
        waiting.go.push(go);
    }
    Ok(waiting)
}

/// What a vCPU thread needs beside its vCPU.
struct Start {
    machine: Arc<Machine>,
    counters: Arc<Counters>,
    pin: Option<usize>,
    filter: Option<Arc<BpfProgram>>,
    say: Sender<()>,
    word: Receiver<()>,
}

extern "C" fn on_kick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

fn thread(id: usize, fd: VcpuFd, start: &Start) -> Stats {
    let machine = &start.machine;
    if let Err(error) = prepare(start) {
        machine.fail(error.to_string(), None);
    }
    let mut vcpu = Vcpu::new(id, fd, machine, &start.counters);
    // Nobody who waits, or no word to go: the boot was given up.
    if start.say.send(()).is_ok() && start.word.recv().is_ok() {
        vcpu.run();
    }
    let stats = vcpu.close();
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
