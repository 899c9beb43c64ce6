//! The vCPUs' threads: each makes its own vCPU, as KVM's manual asks for
//! (Documentation/virt/kvm/api.rst, "General description"); they are let go together,
//! kicked, joined.

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, gettid, sched_setaffinity};

use super::Seccomp;
use super::counters;
use super::error::{KvmError, kvm, system};
use super::exits::Vcpu;
use super::gate::{Gate, Ticket};
use super::kick;
use super::machine::Machine;
use super::seccomp::{self, ProcessFilter};
use super::sleep::Quiet;
use super::stats::Stats;
use crate::cpu::{self, Topology};
use crate::protocol::EntryState;

/// Between two kicks; doubled each time, up to the second value.
const KICK_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_KICK_PAUSE: Duration = Duration::from_millis(1);

/// A vCPU's.
pub struct Thread {
    /// To wait for its end.
    pub handle: JoinHandle<()>,
    /// The kernel's number of it, once it runs.
    id: Arc<OnceLock<Pid>>,
}

impl Thread {
    fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    fn kick(&self) {
        if let Some(&id) = self.id.get()
            && !self.is_finished()
        {
            kick::kick(id);
        }
    }
}

/// Threads that make their vCPUs. Without a word, when this is dropped, they end.
pub struct Starting {
    threads: Vec<Thread>,
    words: Vec<Sender<Arc<Word>>>,
    gate: Arc<Gate>,
    /// Each thread gives its counts when its vCPU is closed.
    done: Receiver<Stats>,
}

/// The word to run the guest.
pub struct Word {
    /// Where the kernel begins.
    pub entry: EntryState,
    /// The guest.
    pub machine: Arc<Machine>,
    /// For all threads, before anything of the guest runs.
    pub filter: ProcessFilter,
}

impl Starting {
    /// Lets the vCPUs run as soon as all of them are ready.
    ///
    /// # Errors
    /// One cannot be made, or the threads not be filtered.
    pub fn run(self, word: Word) -> Result<Running, KvmError> {
        let word = Arc::new(word);
        for vcpu in self.words {
            // A thread that is gone has told the gate.
            let _ = vcpu.send(word.clone());
        }
        Ok(Running {
            started: self.gate.wait()?,
            threads: self.threads,
            done: self.done,
        })
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
        Quiet::new(self.threads.iter().map(|thread| &thread.handle))
    }

    /// Makes every vCPU leave its guest for a moment.
    pub fn kick(&self) {
        self.threads.iter().for_each(Thread::kick);
    }

    /// Whether one has ended.
    pub fn any_finished(&self) -> bool {
        self.threads.iter().any(Thread::is_finished)
    }

    /// Makes all vCPUs stop. The machine has to be stopping.
    ///
    /// Every vCPU is closed then: here are their counts, and their threads, about to end.
    pub fn stop(self, machine: &Machine) -> (Stats, Vec<Thread>) {
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
        (total, self.threads)
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
    kick::expect()?;
    let pins = pin.iter().copied().cycle().map(Some);
    let pins = pins.chain(std::iter::repeat(None));
    let (gate, tickets) = Gate::new(cpus);
    let (say_done, done) = channel();
    let (mut threads, mut words) = (Vec::new(), Vec::new());
    for ((id, ticket), pin) in (0..cpus).zip(tickets).zip(pins) {
        let (word, take_word) = channel();
        let own = Own {
            topology: Topology { id, cpus },
            pin,
            seccomp,
            kvm: kvm.clone(),
            vm: vm.clone(),
            word: take_word,
        };
        let (done, number) = (say_done.clone(), Arc::new(OnceLock::new()));
        let say_number = number.clone();
        let handle = Builder::new()
            .name(format!("vcpu{id}"))
            .spawn(move || {
                say_number.get_or_init(gettid);
                live(own, ticket, &done);
            })
            .map_err(system("start a vCPU's thread"))?;
        threads.push(Thread { handle, id: number });
        words.push(word);
    }
    Ok(Starting {
        threads,
        words,
        gate,
        done,
    })
}

/// What a vCPU is made of.
struct Own {
    topology: Topology,
    pin: Option<usize>,
    seccomp: Seccomp,
    kvm: Arc<Kvm>,
    vm: Arc<VmFd>,
    word: Receiver<Arc<Word>>,
}

/// A vCPU that is ready to enter the kernel.
struct Made {
    id: usize,
    vcpu: VcpuFd,
    counters: Option<File>,
    word: Arc<Word>,
}

/// A vCPU thread's whole life.
fn live(own: Own, ticket: Ticket, done: &Sender<Stats>) {
    let made = match own.make() {
        Ok(Some(made)) => made,
        Ok(None) => return,
        Err(why) => return ticket.give_up(why),
    };
    let before = || made.word.filter.install();
    let Some(counters) = ticket.pass(made.counters, before) else {
        return;
    };
    let mut vcpu = Vcpu::new(made.id, made.vcpu, &made.word.machine, &counters);
    vcpu.run();
    let stats = vcpu.close();
    // Nothing of the machine may be open when its end is told.
    drop((made.word, counters));
    let _ = done.send(stats);
}

impl Own {
    /// Makes the vCPU; none where the boot is given up.
    fn make(self) -> Result<Option<Made>, KvmError> {
        if let Some(cpu) = self.pin {
            pin_to(cpu)?;
        }
        let id = self.topology.id.into();
        let vcpu = self.vm.create_vcpu(id);
        let vcpu = vcpu.map_err(kvm("create a vCPU"))?;
        cpu::set_up(&self.kvm, &vcpu, self.topology)?;
        let counters = counters::open(&vcpu);
        let Ok(word) = self.word.recv() else {
            return Ok(None);
        };
        cpu::enter(&vcpu, self.topology, &word.entry)?;
        seccomp::filter_vcpu(self.seccomp)?;
        Ok(Some(Made {
            id: id as usize,
            vcpu,
            counters,
            word,
        }))
    }
}

/// Keeps the calling thread on that CPU of the host.
///
/// # Errors
/// It may not run there.
pub fn pin_to(cpu: usize) -> Result<(), KvmError> {
    let refused = system("pin a vCPU to that host CPU");
    if cpu >= CpuSet::MAX_CPU {
        return Err(refused(Errno::INVAL));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(refused)
}
