//! The vCPUs' threads. Each creates its own vCPU, as KVM's manual requires
//! (Documentation/virt/kvm/api.rst, "General description"). They are started together, kicked,
//! and joined.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, gettid, sched_setaffinity};

use super::counters;
use super::error::{KvmError, kvm, system};
use super::exits::Vcpu;
use super::gate::{Gate, Ticket};
use super::kick;
use super::machine::Machine;
use super::seccomp::{self, ProcessFilter, Seccomp};
use super::sleep::Quiet;
use super::stats::Stats;
use crate::cpu::{self, Topology};
use crate::protocol::EntryState;

/// Time between two kicks; doubled each time, up to the second value.
const KICK_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_KICK_PAUSE: Duration = Duration::from_millis(1);

/// A vCPU's.
pub struct Thread {
    /// To wait for its end.
    pub handle: JoinHandle<()>,
    /// The thread's number in the kernel, once it runs.
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

/// All vCPUs of a guest, each with its thread. If this is dropped before [`Self::run`], the
/// threads end.
pub struct Vcpus {
    threads: Vec<Thread>,
    launches: Vec<Sender<Arc<Launch>>>,
    gate: Arc<Gate>,
    /// Each thread sends its counts when its vCPU is closed.
    done: Receiver<Stats>,
}

/// What the threads need to run the guest.
pub struct Launch {
    /// Where the kernel starts.
    pub entry: EntryState,
    /// The guest.
    pub machine: Arc<Machine>,
    /// For all threads, before anything of the guest runs.
    pub filter: ProcessFilter,
}

impl Vcpus {
    /// Starts a thread for each of `cpus` vCPUs of `vm`, which is otherwise complete; the i-th
    /// on the i-th of the `pin` CPUs. The threads create the vCPUs and wait.
    ///
    /// # Errors
    /// The system cannot create another thread.
    pub fn create(
        kvm: &Arc<Kvm>,
        vm: &Arc<VmFd>,
        cpus: u8,
        pin: &[usize],
        seccomp: Seccomp,
    ) -> Result<Self, KvmError> {
        kick::expect()?;
        let pins = pin.iter().copied().cycle().map(Some);
        let pins = pins.chain(std::iter::repeat(None));
        let (gate, tickets) = Gate::new(cpus);
        let (done_sender, done) = channel();
        let (mut threads, mut launches) = (Vec::new(), Vec::new());
        for ((id, ticket), pin) in (0..cpus).zip(tickets).zip(pins) {
            let (launch_sender, launch) = channel();
            let vcpu = VcpuThread {
                topology: Topology { id, cpus },
                pin,
                seccomp,
                kvm: kvm.clone(),
                vm: vm.clone(),
                launch,
                done: done_sender.clone(),
            };
            let number = Arc::new(OnceLock::new());
            let its_number = number.clone();
            let handle = Builder::new()
                .name(format!("vcpu{id}"))
                .spawn(move || {
                    its_number.get_or_init(gettid);
                    vcpu.live(ticket);
                })
                .map_err(system("start a vCPU's thread"))?;
            threads.push(Thread { handle, id: number });
            launches.push(launch_sender);
        }
        Ok(Self {
            threads,
            launches,
            gate,
            done,
        })
    }

    /// Lets the vCPUs run as soon as all of them are ready. Returns the time just before the
    /// first guest instruction.
    ///
    /// # Errors
    /// A vCPU cannot be created, or a thread cannot be filtered.
    pub fn run(&mut self, launch: Launch) -> Result<Instant, KvmError> {
        let launch = Arc::new(launch);
        for vcpu in self.launches.drain(..) {
            // The gate has the error of a thread that is gone.
            let _ = vcpu.send(launch.clone());
        }
        self.gate.wait()
    }

    /// Detects that none of them uses its CPU.
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

    /// Makes all vCPUs stop. The machine has to be stopping already.
    ///
    /// All vCPUs are closed afterwards. Returns their counts, and their threads, which are
    /// about to end.
    pub fn stop(self, machine: &Machine) -> (Stats, Vec<Thread>) {
        // A kick that comes just before KVM_RUN is lost, so kicks are repeated until they work.
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

/// What the thread of one vCPU needs.
struct VcpuThread {
    topology: Topology,
    pin: Option<usize>,
    seccomp: Seccomp,
    kvm: Arc<Kvm>,
    vm: Arc<VmFd>,
    launch: Receiver<Arc<Launch>>,
    done: Sender<Stats>,
}

impl VcpuThread {
    /// The thread's whole life: it creates the vCPU, waits at the gate, runs the guest.
    fn live(self, ticket: Ticket) {
        let vcpu = match self.create() {
            Ok(vcpu) => vcpu,
            Err(why) => return ticket.give_up(why),
        };
        let counters = counters::open(&vcpu);
        // Nothing arrives if the boot is given up.
        let Ok(launch) = self.launch.recv() else {
            return;
        };
        if let Err(why) = self.get_ready(&vcpu, &launch.entry) {
            return ticket.give_up(why);
        }
        let Some(counters) = ticket.pass(counters, || launch.filter.install()) else {
            return;
        };
        let id = self.topology.id.into();
        let mut vcpu = Vcpu::new(id, vcpu, &launch.machine, &counters);
        vcpu.run();
        let stats = vcpu.close();
        // When the counts arrive, this thread has closed everything of the machine.
        drop((launch, counters, self.vm, self.kvm));
        let _ = self.done.send(stats);
    }

    fn create(&self) -> Result<VcpuFd, KvmError> {
        if let Some(cpu) = self.pin {
            pin_to(cpu)?;
        }
        let vcpu = self.vm.create_vcpu(self.topology.id.into());
        let vcpu = vcpu.map_err(kvm("create a vCPU"))?;
        cpu::set_up(&self.kvm, &vcpu, self.topology)?;
        Ok(vcpu)
    }

    fn get_ready(&self, vcpu: &VcpuFd, entry: &EntryState) -> Result<(), KvmError> {
        cpu::enter(vcpu, self.topology, entry)?;
        seccomp::filter_vcpu(self.seccomp)
    }
}

/// Pins the calling thread to that CPU of the host.
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
