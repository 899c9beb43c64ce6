//! One vCPU: runs the guest and handles its exits until somebody stops it.

use std::ptr;
use std::time::Instant;

use kvm_bindings::{
    KVM_INTERNAL_ERROR_DELIVERY_EV, KVM_INTERNAL_ERROR_EMULATION, KVM_INTERNAL_ERROR_SIMUL_EX,
    KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, kvm_run,
};
use kvm_ioctls::{VcpuExit, VcpuFd};

use super::counters::Counters;
use super::diagnosis::diagnose;
use super::machine::Machine;
use super::sleep::sleeps_for_ever;
use super::stats::Stats;
use crate::End;
use crate::devices::{Effect, ports};

const OPEN_BUS: u8 = 0xff;

/// What to do after an exit.
enum Next {
    Go,
    End(End),
    /// The guest cannot continue; the reason, in the terms of KVM's manual.
    Fault(String),
    /// The same, and KVM has more information about it than the exit itself.
    InternalError,
}

/// A vCPU that runs its guest, and what it has seen.
pub struct Vcpu<'a> {
    id: usize,
    fd: VcpuFd,
    /// KVM's data about an exit, in a mapping that `fd` keeps alive.
    said: *const kvm_run,
    machine: &'a Machine,
    counters: &'a Counters,
    stats: Stats,
    /// The last roll call that was answered.
    answered: u32,
}

impl<'a> Vcpu<'a> {
    /// A vCPU that has not run yet.
    pub fn new(id: usize, mut fd: VcpuFd, machine: &'a Machine, counters: &'a Counters) -> Self {
        Self {
            id,
            said: ptr::from_mut(fd.get_kvm_run()),
            fd,
            machine,
            counters,
            stats: Stats::default(),
            answered: 0,
        }
    }

    /// Closes the vCPU, and returns what it has seen.
    pub fn close(self) -> Stats {
        self.stats
    }

    /// Runs the guest until the machine stops.
    pub fn run(&mut self) {
        while !self.machine.is_stopping() {
            let begin = Instant::now();
            let exit = self.fd.run();
            self.stats.in_guest += begin.elapsed();
            let next = match exit {
                Ok(exit) => {
                    let width = width(&exit, self.said);
                    answer(exit, width, self.machine, self.counters, &mut self.stats)
                }
                Err(error) if is_interruption(error) => self.answer_roll_call(),
                Err(error) => Next::Fault(format!("KVM_RUN failed: {error}")),
            };
            self.go_on(next);
        }
    }

    fn go_on(&mut self, next: Next) {
        let machine = self.machine;
        match next {
            Next::Go => {}
            Next::End(end @ (End::TripleFault | End::Halted)) => {
                machine.end(end, Some(diagnose(&self.fd, &machine.memory)));
            }
            Next::End(end) => machine.end(end, None),
            Next::Fault(why) => machine.fail(why, Some(diagnose(&self.fd, &machine.memory))),
            Next::InternalError => {
                let why = internal_error(&mut self.fd);
                machine.fail(why, Some(diagnose(&self.fd, &machine.memory)));
            }
        }
    }

    fn answer_roll_call(&mut self) -> Next {
        let number = self.machine.roll_call.number();
        if number == self.answered {
            return Next::Go;
        }
        self.answered = number;
        match sleeps_for_ever(&self.fd) {
            Ok(true) if self.machine.roll_call.is_last_to_sleep(self.id, number) => {
                Next::End(End::Halted)
            }
            Ok(_) => Next::Go,
            Err(error) => Next::Fault(format!(
                "KVM does not report whether a vCPU sleeps: {error}"
            )),
        }
    }
}

/// KVM_EXIT_INTERNAL_ERROR as text.
fn internal_error(vcpu: &mut VcpuFd) -> String {
    // SAFETY: the exit reason says that this field of the union is the one that is
    // set, and every bit pattern of it is a number.
    let suberror = unsafe { vcpu.get_kvm_run().__bindgen_anon_1.internal.suberror };
    let what = match suberror {
        KVM_INTERNAL_ERROR_EMULATION => "KVM cannot emulate the guest's next instruction",
        KVM_INTERNAL_ERROR_SIMUL_EX => "KVM raised two exceptions at once",
        KVM_INTERNAL_ERROR_DELIVERY_EV => "KVM cannot deliver an event to the guest",
        KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON => "the CPU left the guest for an unknown reason",
        _ => "KVM does not give a reason",
    };
    format!("KVM_EXIT_INTERNAL_ERROR ({suberror}): {what}")
}

fn is_interruption(error: kvm_ioctls::Error) -> bool {
    matches!(error.errno(), libc::EINTR | libc::EAGAIN)
}

/// Bytes per element of a port access. kvm-ioctls only gives the total.
fn width(exit: &VcpuExit<'_>, said: *const kvm_run) -> usize {
    let (VcpuExit::IoIn(..) | VcpuExit::IoOut(..)) = exit else {
        return 1;
    };
    // SAFETY: the mapping lives as long as the vCPU's descriptor, whose exit this is. The
    // kernel writes to it only inside KVM_RUN, the exit's data is inside the mapping, and the
    // exit says that this field of the union is the one that is set.
    let size = unsafe { (*said).__bindgen_anon_1.io.size };
    size.into()
}

/// What a guest's exit means. If it is a port access, its elements have `width` bytes.
fn answer(
    exit: VcpuExit<'_>,
    width: usize,
    machine: &Machine,
    counters: &Counters,
    stats: &mut Stats,
) -> Next {
    if is_for_console(&exit) {
        machine.measuring.stop(counters);
    }
    let is_measuring = machine.measuring.is_on();
    match exit {
        VcpuExit::IoOut(port, data) => {
            stats.count("port write", is_measuring);
            stats.count_port(port);
            let effect = machine.devices().write(port, width, data);
            after_write(effect, port, machine, counters, stats)
        }
        VcpuExit::IoIn(port, data) => {
            stats.count("port read", is_measuring);
            stats.count_port(port);
            if machine.devices().read(port, width, data) == Effect::Unknown {
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

fn is_for_console(exit: &VcpuExit<'_>) -> bool {
    matches!(
        exit,
        VcpuExit::IoIn(ports::SERIAL..=ports::SERIAL_END, _)
            | VcpuExit::IoOut(ports::SERIAL..=ports::SERIAL_END, _)
    )
}

fn after_write(
    effect: Effect,
    port: u16,
    machine: &Machine,
    counters: &Counters,
    stats: &mut Stats,
) -> Next {
    machine.console.wait_for_room();
    match effect {
        Effect::None => {}
        Effect::Unknown => {
            stats.unknown_ports.insert(port);
        }
        Effect::BenchmarkStart => {
            machine.measuring.start(counters);
        }
        Effect::End(end) => return Next::End(end),
    }
    if machine.console.is_flooded() {
        return Next::Fault("the guest wrote more to its console than the limit allows".into());
    }
    Next::Go
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::devices::Devices;
    use crate::kvm::console::{Console, ConsoleWriter};
    use crate::kvm::machine::Interrupt;
    use crate::kvm::wake::Wake;
    use crate::{kvm::vm, memory};

    fn machine() -> Machine {
        let wake = Wake::new().unwrap();
        let console = Arc::new(Console::new(1 << 20, wake.clone()));
        let interrupt = Interrupt(vm::eventfd().unwrap());
        let devices = Devices::new(interrupt, ConsoleWriter(console.clone()), &[]);
        Machine::new(1, memory::map(2).unwrap(), console, devices, wake)
    }

    /// A port or an address; half of the time one that is in use.
    fn places() -> impl Strategy<Value = u64> {
        let known = prop::sample::select(vec![
            0x3f8u64, 0x3f9, 0x3fb, 0x3fd, 0x60, 0x64, 0x70, 0x71, 0xf4, 0x505, 0x5a0, 0x602,
            0x604, 0xcf9,
        ]);
        prop_oneof![known, any::<u64>()]
    }

    proptest! {
        /// Every access of a guest is answered or ends it.
        #[test]
        fn every_access_has_an_answer(
            accesses in prop::collection::vec(
                (0..4, places(), 0usize..5, prop::collection::vec(any::<u8>(), 0..9)),
                0..300,
            )
        ) {
            let (machine, counters) = (machine(), Counters::of(vec![]));
            let mut stats = Stats::default();
            for (kind, place, width, mut data) in accesses {
                let exit = match kind {
                    0 => VcpuExit::IoIn(place as u16, &mut data),
                    1 => VcpuExit::IoOut(place as u16, &data),
                    2 => VcpuExit::MmioRead(place, &mut data),
                    _ => VcpuExit::MmioWrite(place, &data),
                };
                let next = answer(exit, width, &machine, &counters, &mut stats);
                let is_fine = matches!(next, Next::Go | Next::End(_));
                prop_assert!(is_fine, "{kind} {place:#x} {data:x?}");
                prop_assert!(kind != 2 || data.iter().all(|&byte| byte == OPEN_BUS));
                machine.console.take();
            }
        }
    }
}
