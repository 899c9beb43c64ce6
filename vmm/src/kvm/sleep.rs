//! Can anything still wake the guest? `cli; hlt` on every vCPU is an end that the in-kernel
//! interrupt controller does not report.
//!
//! A running guest is not disturbed: the monitor asks for vCPUs' state only if none of their
//! threads has used its CPU for a while.

use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kvm_bindings::{KVM_MP_STATE_HALTED, KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_UNINITIALIZED};
use kvm_ioctls::VcpuFd;

/// How long a guest must not use its CPU before it is asked.
const QUIET: Duration = Duration::from_secs(1);
const INTERRUPT_FLAG: u64 = 1 << 9;

/// Asks all vCPUs, and collects the answers.
#[derive(Debug)]
pub struct RollCall {
    number: AtomicU32,
    /// The last roll call at which each vCPU could not be woken.
    asleep: Vec<AtomicU32>,
}

impl RollCall {
    /// No roll call yet.
    pub fn new(vcpus: u8) -> Self {
        Self {
            number: AtomicU32::new(0),
            asleep: (0..vcpus).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Asks all vCPUs, from now on.
    pub fn call(&self) {
        self.number.fetch_add(1, Ordering::Release);
    }

    /// The number of the last roll call.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Acquire)
    }

    /// vCPU `id` cannot be woken at roll call `number`. Returns whether that holds for all.
    pub fn is_last_to_sleep(&self, id: usize, number: u32) -> bool {
        if let Some(asleep) = self.asleep.get(id) {
            asleep.store(number, Ordering::Release);
        }
        let mut all = self.asleep.iter();
        all.all(|asleep| asleep.load(Ordering::Acquire) == number)
    }
}

/// Whether nothing but another vCPU can wake this one: it waits to be started, or is halted
/// with interrupts off and nothing else pending.
pub fn sleeps_for_ever(vcpu: &VcpuFd) -> Result<bool, kvm_ioctls::Error> {
    Ok(match vcpu.get_mp_state()?.mp_state {
        KVM_MP_STATE_UNINITIALIZED | KVM_MP_STATE_INIT_RECEIVED => true,
        KVM_MP_STATE_HALTED => {
            let events = vcpu.get_vcpu_events()?;
            let other_wake = events.nmi.injected | events.nmi.pending | events.smi.pending;
            vcpu.get_regs()?.rflags & INTERRUPT_FLAG == 0 && other_wake == 0
        }
        _ => false,
    })
}

/// Detects that none of some threads uses its CPU.
#[derive(Debug)]
pub struct Quiet {
    /// A thread without a clock looks quiet, and is not asked.
    clocks: Vec<Option<libc::clockid_t>>,
    used: Vec<Option<(i64, i64)>>,
    since: Instant,
}

impl Quiet {
    /// Watches these threads.
    pub fn new<'a>(threads: impl IntoIterator<Item = &'a JoinHandle<()>>) -> Self {
        Self {
            clocks: threads.into_iter().map(clock_of).collect(),
            used: Vec::new(),
            since: Instant::now(),
        }
    }

    /// Whether no thread has used its CPU for a while. After a positive answer, the next one
    /// follows only after another while.
    pub fn is_new(&mut self) -> bool {
        let used = self.clocks.iter().map(|&clock| time_of(clock?)).collect();
        self.is_new_at(Instant::now(), used)
    }

    /// The same, where the threads have `used` that much CPU time by `now`.
    fn is_new_at(&mut self, now: Instant, used: Vec<Option<(i64, i64)>>) -> bool {
        if self.used != used {
            self.used = used;
            self.since = now;
        }
        let is_quiet = now.saturating_duration_since(self.since) >= QUIET;
        if is_quiet {
            self.since = now;
        }
        is_quiet
    }
}

fn clock_of(thread: &JoinHandle<()>) -> Option<libc::clockid_t> {
    // An integer for Rust, a pointer for musl.
    let thread = thread.as_pthread_t() as libc::pthread_t;
    let mut clock = 0;
    // SAFETY: the thread is not joined yet, and we own `clock`.
    let result = unsafe { libc::pthread_getcpuclockid(thread, &mut clock) };
    (result == 0).then_some(clock)
}

/// Seconds and nanoseconds on the CPU; `None` for a thread that has ended.
fn time_of(clock: libc::clockid_t) -> Option<(i64, i64)> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: we own `time`.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    (result == 0).then_some((time.tv_sec, time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_vcpus_have_to_be_asleep_at_the_same_roll_call() {
        let roll = RollCall::new(2);
        roll.call();
        let first = roll.number();
        assert!(!roll.is_last_to_sleep(0, first));
        roll.call();
        let second = roll.number();
        assert!(!roll.is_last_to_sleep(1, second));
        assert!(!roll.is_last_to_sleep(1, second));
        assert!(roll.is_last_to_sleep(0, second));
    }

    /// At which seconds threads are quiet that have used this much CPU time by each second.
    fn quiet_at(seconds: &[&[Option<(i64, i64)>]]) -> Vec<usize> {
        let mut quiet = Quiet::new([]);
        let begin = quiet.since;
        let at = |second: &usize| {
            let now = begin + QUIET * *second as u32;
            quiet.is_new_at(now, seconds[*second].to_vec())
        };
        (0..seconds.len()).filter(at).collect()
    }

    #[test]
    fn threads_are_quiet_when_none_has_used_its_cpu() {
        let used = |seconds| Some((seconds, 0));
        let (one, other) = ([used(1), used(5)], [used(1), used(6)]);
        assert_eq!(quiet_at(&[&one, &one, &one]), [1, 2]);
        assert_eq!(quiet_at(&[&one, &other, &one, &other]), [0; 0]);
        assert_eq!(quiet_at(&[&one, &other, &other, &one]), [2]);
        assert_eq!(quiet_at(&[&[None], &[None], &[used(1)]]), [1]);
    }

    #[test]
    fn a_thread_that_works_uses_its_clock() {
        let worked = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(1) {
                std::hint::spin_loop();
            }
            worked.0.send(()).unwrap();
            stopped.recv().unwrap();
        });
        worked.1.recv().unwrap();
        let clock = clock_of(&thread).unwrap();
        assert!(time_of(clock).unwrap() > (0, 0));
        stop.send(()).unwrap();
        thread.join().unwrap();
    }
}
