//! The vCPUs' threads: each makes its own vCPU, as KVM's manual asks for
//! (Documentation/virt/kvm/api.rst, "General description"); they are let go together,
//! kicked, joined.

use std::fs::File;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_setaffinity};
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

use super::counters::{self, Counters};
use super::error::{KvmError, kvm, system};
use super::exits::Vcpu;
use super::machine::Machine;
use super::sleep::Quiet;
use super::stats::Stats;
use super::{Seccomp, Teardown, seccomp};
use crate::cpu::{self, Topology};
use crate::protocol::EntryState;

/// Between two kicks; doubled each time, up to the second value.
const KICK_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_KICK_PAUSE: Duration = Duration::from_millis(1);

type Thread = JoinHandle<()>;

/// Threads that make their vCPUs. Without their work, when this is dropped, they end.
pub struct Starting {
    vcpus: Vec<Waiting>,
    /// Each thread gives its counts when its vCPU is closed.
    done: Receiver<Stats>,
}

/// A thread, and what it waits for.
struct Waiting {
    thread: Thread,
    entry: Sender<EntryState>,
    /// It says whether its vCPU is ready, and gives KVM's counters of it.
    ready: Receiver<Result<Option<File>, KvmError>>,
    word: Sender<Word>,
}

/// The word to run the guest.
struct Word {
    machine: Arc<Machine>,
    counters: Arc<Counters>,
}

impl Starting {
    /// Says where the kernel begins.
    pub fn enter_at(&self, entry: EntryState) {
        for vcpu in &self.vcpus {
            // A thread that is gone has said why.
            let _ = vcpu.entry.send(entry);
        }
    }

    /// Waits until every vCPU is made; gives KVM's counters of them.
    ///
    /// # Errors
    /// One cannot be made, or its thread not be filtered.
    pub fn wait(&self) -> Result<Counters, KvmError> {
        let ready = self.vcpus.iter();
        // A thread that is gone is noticed as one that has ended.
        let ready = ready.map(|vcpu| vcpu.ready.recv().unwrap_or(Ok(None)));
        Ok(Counters::of(ready.collect::<Result<_, _>>()?))
    }

    /// Lets the vCPUs run.
    pub fn run(self, machine: &Arc<Machine>, counters: Counters) -> Running {
        let counters = Arc::new(counters);
        let started = Instant::now();
        let mut threads = Vec::new();
        for vcpu in self.vcpus {
            let (machine, counters) = (machine.clone(), counters.clone());
            let _ = vcpu.word.send(Word { machine, counters });
            threads.push(vcpu.thread);
        }
        Running {
            started,
            threads,
            done: self.done,
        }
    }
}

/// vCPU threads that run the guest.
pub struct Running {
    /// Just before the first guest instruction.
    pub started: Instant,
    threads: Vec<Thread>,
    done: Receiver<Stats>,
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
    ///
    /// Every vCPU is closed then; the threads are gone if the caller waits for that.
    pub fn join(self, machine: &Machine, teardown: Teardown) -> Stats {
        // A kick that comes just before KVM_RUN is lost, so there are as many as it takes.
        let mut pause = KICK_PAUSE;
        let mut running = self.threads.len();
        let mut total = Stats::default();
        while running > 0 {
            match self.done.recv_timeout(pause) {
                Ok(stats) => {
                    total.add(stats);
                    running -= 1;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    machine.fail("a vCPU's thread panicked".into(), None);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.kick();
                    pause = LONGEST_KICK_PAUSE.min(pause * 2);
                }
            }
        }
        match teardown {
            // One that panicked has been noticed above.
            Teardown::Wait => self
                .threads
                .into_iter()
                .for_each(|thread| drop(thread.join())),
            // The process's end unmaps their stacks with all the rest.
            Teardown::LeaveToKernel => mem::forget(self.threads),
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

/// Starts a thread for each of `cpus` vCPUs of `vm`, which is complete otherwise; the i-th
/// on the i-th of the `pin` CPUs.
///
/// # Errors
/// The system gives no further thread.
pub fn spawn_all(
    kvm: &Arc<Kvm>,
    vm: &Arc<VmFd>,
    cpus: u8,
    pin: &[usize],
    seccomp: Seccomp,
) -> Result<Starting, KvmError> {
    // The signal's one purpose is to interrupt `KVM_RUN`.
    register_signal_handler(SIGRTMIN(), on_kick)
        .map_err(|source| system("handle a signal")(io::Error::from(source)))?;
    let pins = pin.iter().copied().cycle().map(Some);
    let pins = pins.chain(std::iter::repeat(None));
    let (say_done, done) = channel();
    let spawn = |(id, pin): (u8, Option<usize>)| -> Result<Waiting, KvmError> {
        let (entry, take_entry) = channel();
        let (say_ready, ready) = channel();
        let (word, take_word) = channel();
        let own = Own {
            topology: Topology { id, cpus },
            pin,
            seccomp,
            kvm: kvm.clone(),
            vm: vm.clone(),
            entry: take_entry,
            ready: say_ready,
            word: take_word,
            done: say_done.clone(),
        };
        let thread = Builder::new()
            .name(format!("vcpu{id}"))
            .spawn(move || own.live())
            .map_err(system("start a vCPU's thread"))?;
        Ok(Waiting {
            thread,
            entry,
            ready,
            word,
        })
    };
    let vcpus = (0..cpus).zip(pins).map(spawn).collect::<Result<_, _>>()?;
    Ok(Starting { vcpus, done })
}

extern "C" fn on_kick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

/// What a vCPU's thread owns.
struct Own {
    topology: Topology,
    pin: Option<usize>,
    seccomp: Seccomp,
    kvm: Arc<Kvm>,
    vm: Arc<VmFd>,
    entry: Receiver<EntryState>,
    ready: Sender<Result<Option<File>, KvmError>>,
    word: Receiver<Word>,
    done: Sender<Stats>,
}

impl Own {
    /// The thread's whole life.
    fn live(self) {
        // Nobody who listens, no entry or no word: the boot was given up.
        let (vcpu, counters) = match self.make() {
            Ok(Some(made)) => made,
            Ok(None) => return,
            Err(error) => {
                let _ = self.ready.send(Err(error));
                return;
            }
        };
        let _ = self.ready.send(Ok(counters));
        if let Ok(word) = self.word.recv() {
            let stats = self.run(vcpu, word);
            let _ = self.done.send(stats);
        }
    }

    /// The vCPU, ready to enter the kernel, and KVM's counters of it; none where there
    /// is no kernel.
    fn make(&self) -> Result<Option<(VcpuFd, Option<File>)>, KvmError> {
        if let Some(cpu) = self.pin {
            pin_to(cpu)?;
        }
        let vcpu = self.vm.create_vcpu(self.topology.id.into());
        let vcpu = vcpu.map_err(kvm("create a vCPU"))?;
        cpu::set_up(&self.kvm, &vcpu, self.topology)?;
        let counters = counters::open(&vcpu);
        let Ok(entry) = self.entry.recv() else {
            return Ok(None);
        };
        cpu::enter(&vcpu, self.topology, &entry)?;
        seccomp::filter_vcpu(self.seccomp)?;
        Ok(Some((vcpu, counters)))
    }

    /// Runs the vCPU to the guest's end. Nothing of the machine is open when it returns.
    fn run(&self, vcpu: VcpuFd, Word { machine, counters }: Word) -> Stats {
        let mut vcpu = Vcpu::new(self.topology.id.into(), vcpu, &machine, &counters);
        vcpu.run();
        vcpu.close()
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
