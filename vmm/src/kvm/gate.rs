//! The gate before the first guest instruction: either all vCPUs go through at once, or none
//! does. The last one to arrive does the work before the start, so that no thread has to be
//! woken for it.

use std::fs::File;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::counters::Counters;
use super::error::KvmError;

/// Where threads wait for each other.
pub struct Gate {
    state: Mutex<GateState>,
    moved: Condvar,
}

enum GateState {
    /// vCPUs that have not arrived yet, and the counters of those that have.
    Closed { missing: u8, counters: Vec<File> },
    Open {
        counters: Arc<Counters>,
        since: Instant,
    },
    /// One will not arrive. The reason is returned once.
    Locked(Option<KvmError>),
}

/// A vCPU's place at the gate. If it is dropped unused, no vCPU goes through.
pub struct Ticket(Arc<Gate>);

impl Gate {
    /// A gate for so many vCPUs, and their tickets.
    pub fn new(vcpus: u8) -> (Arc<Self>, Vec<Ticket>) {
        let gate = Arc::new(Self {
            state: Mutex::new(GateState::Closed {
                missing: vcpus,
                counters: Vec::new(),
            }),
            moved: Condvar::new(),
        });
        let tickets = (0..vcpus).map(|_| Ticket(gate.clone())).collect();
        (gate, tickets)
    }

    /// Waits until the gate opens; returns when that was.
    ///
    /// # Errors
    /// The reason why it does not open.
    pub fn wait(&self) -> Result<Instant, KvmError> {
        match &mut *self.settled() {
            GateState::Open { since, .. } => Ok(*since),
            GateState::Locked(why) => Err(why.take().unwrap_or(KvmError::Lost)),
            GateState::Closed { .. } => Err(KvmError::Lost),
        }
    }

    fn settled(&self) -> MutexGuard<'_, GateState> {
        let closed = |state: &mut GateState| matches!(state, GateState::Closed { .. });
        self.moved
            .wait_while(self.state(), closed)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps everyone out, if the gate has not opened yet.
    fn lock_up(&self, why: Option<KvmError>) {
        let mut state = self.state();
        if let GateState::Closed { .. } = *state {
            *state = GateState::Locked(why);
            self.moved.notify_all();
        }
    }

    /// Counts a vCPU that has arrived; the last one opens the gate, if `before` succeeds.
    fn come(&self, file: Option<File>, before: impl FnOnce() -> Result<(), KvmError>) {
        let mut state = self.state();
        let GateState::Closed { missing, counters } = &mut *state else {
            return;
        };
        counters.extend(file);
        *missing -= 1;
        if *missing > 0 {
            return;
        }
        let counters = Arc::new(Counters::of(mem::take(counters)));
        *state = match before() {
            Ok(()) => GateState::Open {
                counters,
                since: Instant::now(),
            },
            Err(why) => GateState::Locked(Some(why)),
        };
        self.moved.notify_all();
    }
}

impl Ticket {
    /// Waits for the others, and goes through with them: returns the counters of all vCPUs, or
    /// nothing if one does not arrive. The last one does what has to be done `before`.
    pub fn pass(
        self,
        counters: Option<File>,
        before: impl FnOnce() -> Result<(), KvmError>,
    ) -> Option<Arc<Counters>> {
        self.0.come(counters, before);
        match &*self.0.settled() {
            GateState::Open { counters, .. } => Some(counters.clone()),
            _ => None,
        }
    }

    /// Announces that this vCPU cannot come.
    pub fn give_up(self, why: KvmError) {
        self.0.lock_up(Some(why));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.lock_up(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn the_last_vcpu_opens_the_gate_for_all() {
        let (gate, tickets) = Gate::new(4);
        let done = AtomicU32::new(0);
        let passed = thread::scope(|scope| {
            let pass = |ticket: Ticket| {
                let passed = ticket.pass(None, || {
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                });
                (passed.is_some(), done.load(Ordering::Relaxed))
            };
            let threads: Vec<_> = tickets
                .into_iter()
                .map(|ticket| scope.spawn(move || pass(ticket)))
                .collect();
            gate.wait().unwrap();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(passed, vec![(true, 1); 4]);
    }

    #[test]
    fn no_vcpu_passes_if_one_is_missing() {
        let refuse = || Err(KvmError::Seccomp("no".into()));
        let gone: [fn(Ticket); 3] = [
            |ticket| ticket.give_up(KvmError::NoDevice),
            |ticket| drop(ticket),
            |ticket| {
                let _ = thread::spawn(move || {
                    let _held = ticket;
                    panic!("on purpose");
                })
                .join();
            },
        ];
        let expected = [KvmError::NoDevice, KvmError::Lost, KvmError::Lost];
        for (gone, expected) in gone.into_iter().zip(expected) {
            let (gate, mut tickets) = Gate::new(2);
            let waits = tickets.pop().unwrap();
            let waits = thread::spawn(move || waits.pass(None, refuse).is_some());
            gone(tickets.pop().unwrap());
            assert!(!waits.join().unwrap());
            assert_eq!(gate.wait().unwrap_err().to_string(), expected.to_string());
        }
        let (gate, mut tickets) = Gate::new(1);
        let alone = tickets.pop().unwrap();
        assert!(alone.pass(None, refuse).is_none());
        assert!(matches!(gate.wait(), Err(KvmError::Seccomp(_))));
    }

    #[test]
    fn a_panic_before_the_gate_opens_ends_the_wait_of_all() {
        for vcpus in [1, 4] {
            let (gate, tickets) = Gate::new(vcpus);
            let threads: Vec<_> = tickets
                .into_iter()
                .map(|ticket| thread::spawn(|| ticket.pass(None, || panic!("on purpose"))))
                .collect();
            assert!(matches!(gate.wait(), Err(KvmError::Lost)));
            let passed = threads.into_iter().map(thread::JoinHandle::join);
            let (panicked, others): (Vec<_>, Vec<_>) = passed.partition(Result::is_err);
            assert_eq!(panicked.len(), 1);
            assert!(others.into_iter().all(|other| other.unwrap().is_none()));
        }
    }
}
