//! The vCPUs' threads: started together, kicked, joined.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

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

/// Threads that wait, pinned and filtered, for their vCPUs. Without them, when this is
/// dropped, they end.
pub struct Waiting {
    threads: Vec<Thread>,
    work: Vec<Sender<Work>>,
    /// Each thread says whether it is ready, and when it is done.
    said: Receiver<Result<(), KvmError>>,
}

/// What a thread waits for.
struct Work {
    vcpu: VcpuFd,
    machine: Arc<Machine>,
    counters: Arc<Counters>,
}

impl Waiting {
    /// Lets the vCPUs run, one on each thread, when every thread is pinned and filtered.
    ///
    /// # Errors
    /// A thread is not: then there is no guest instruction.
    pub fn run(
        self,
        vcpus: Vec<VcpuFd>,
        counters: Counters,
        machine: &Arc<Machine>,
    ) -> Result<Running, KvmError> {
        let counters = Arc::new(counters);
        for _ in &self.threads {
            // A thread that is gone is noticed as one that has ended.
            self.said.recv().unwrap_or(Ok(()))?;
        }
        let started = Instant::now();
        for (thread, vcpu) in self.work.into_iter().zip(vcpus) {
            let (machine, counters) = (machine.clone(), counters.clone());
            let _ = thread.send(Work {
                vcpu,
                machine,
                counters,
            });
        }
        Ok(Running {
            started,
            threads: self.threads,
            done: self.said,
        })
    }
}

/// vCPU threads that run the guest.
pub struct Running {
    /// Just before the first guest instruction.
    pub started: Instant,
    threads: Vec<Thread>,
    done: Receiver<Result<(), KvmError>>,
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
                Ok(_) => running -= 1,
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

/// Starts a thread for each vCPU to come, the i-th on the i-th of the `pin` CPUs, and
/// with `filter`, if there is one.
///
/// # Errors
/// The system gives no further thread.
pub fn spawn_all(cpus: u8, pin: &[usize], filter: Option<BpfProgram>) -> Result<Waiting, KvmError> {
    // The signal's one purpose is to interrupt `KVM_RUN`.
    register_signal_handler(SIGRTMIN(), on_kick)
        .map_err(|source| system("handle a signal")(io::Error::from(source)))?;
    let pins = pin.iter().copied().cycle().map(Some);
    let pins = pins.chain(std::iter::repeat(None));
    let filter = filter.map(Arc::new);
    let (say, said) = channel();
    let mut waiting = Waiting {
        threads: Vec::new(),
        work: Vec::new(),
        said,
    };
    for (id, pin) in (0..usize::from(cpus)).zip(pins) {
        let (give, work) = channel();
        let (filter, say) = (filter.clone(), say.clone());
        let thread = Builder::new()
            .name(format!("vcpu{id}"))
            .spawn(move || thread(id, pin, filter.as_deref(), &work, &say))
            .map_err(system("start a vCPU's thread"))?;
        waiting.threads.push(thread);
        waiting.work.push(give);
    }
    Ok(waiting)
}

extern "C" fn on_kick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

fn thread(
    id: usize,
    pin: Option<usize>,
    filter: Option<&BpfProgram>,
    work: &Receiver<Work>,
    say: &Sender<Result<(), KvmError>>,
) -> Stats {
    // Nobody who listens, or no work: the boot was given up.
    let _ = say.send(prepare(pin, filter));
    let Ok(work) = work.recv() else {
        return Stats::default();
    };
    let mut vcpu = Vcpu::new(id, work.vcpu, &work.machine, &work.counters);
    vcpu.run();
    let stats = vcpu.close();
    let _ = say.send(Ok(()));
    stats
}

fn prepare(pin: Option<usize>, filter: Option<&BpfProgram>) -> Result<(), KvmError> {
    if let Some(cpu) = pin {
        pin_to(cpu)?;
    }
    match filter {
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
