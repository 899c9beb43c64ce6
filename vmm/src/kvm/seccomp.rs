//! What the threads of a running guest may ask of the host: one filter for all of them.
//! They share their memory, so whoever gets hold of one thread has what any may do.
//!
//! Whatever else they ask for ends the process with SIGSYS: it would be the doing
//! of a guest that found a hole.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use kvm_bindings::{KVMIO, kvm_mp_state, kvm_regs, kvm_sregs, kvm_translation, kvm_vcpu_events};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use vmm_sys_util::ioctl::{_IOC_NONE, _IOC_READ, _IOC_WRITE, ioctl_expr};

use super::error::KvmError;

/// Which threads are filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// None: for debugging.
    Off,
    /// The vCPUs' threads. The caller's can go on to do other things.
    #[default]
    Vcpus,
    /// All threads of the process, the caller's as well, **for good**: after the boot it
    /// can write to open files and exit, and little else. Meant for a process that boots
    /// one guest.
    Process,
}

/// Memory, locks, time, signals and the thread's end: what any Rust thread needs,
/// with glibc or musl.
const ANY_THREAD: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Eventfds, KVM's counters, input, console, kicks to the vCPUs.
const GUEST: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_fsync,
];

/// The filter that `seccomp` asks for on a vCPU's own thread, if any.
///
/// # Errors
/// A kernel without seccomp.
pub fn filter_vcpu(seccomp: Seccomp) -> Result<(), KvmError> {
    if seccomp != Seccomp::Vcpus {
        return Ok(());
    }
    seccompiler::apply_filter(&filter(None)?).map_err(refused)
}

/// A filter for all threads of the process, or none.
pub struct ProcessFilter(Option<BpfProgram>);

/// The filter that `seccomp` asks for on all threads of the process, if any. `sender` is
/// the socket that descriptors may be sent through.
///
/// # Errors
/// seccompiler cannot express it.
pub fn of_process(seccomp: Seccomp, sender: Option<RawFd>) -> Result<ProcessFilter, KvmError> {
    let asked = seccomp == Seccomp::Process;
    asked.then(|| filter(sender)).transpose().map(ProcessFilter)
}

impl ProcessFilter {
    /// # Errors
    /// A kernel without seccomp, or a thread that has a filter of its own.
    pub fn install(&self) -> Result<(), KvmError> {
        match &self.0 {
            Some(filter) => seccompiler::apply_filter_all_threads(filter).map_err(refused),
            None => Ok(()),
        }
    }
}

fn refused(error: seccompiler::Error) -> KvmError {
    KvmError::Seccomp(error.to_string())
}

fn filter(sender: Option<RawFd>) -> Result<BpfProgram, KvmError> {
    compile(sender).map_err(|error| KvmError::Seccomp(error.to_string()))
}

fn compile(sender: Option<RawFd>) -> Result<BpfProgram, BackendError> {
    let allowed = [ANY_THREAD, GUEST].concat();
    let mut rules: BTreeMap<_, _> = allowed.into_iter().map(|n| (n, vec![])).collect();
    let requests = ioctls().map(|request| argument_is(1, request));
    rules.insert(
        libc::SYS_ioctl,
        requests.into_iter().collect::<Result<_, _>>()?,
    );
    // Debug builds of Rust's library ask whether a file is open before they close it.
    rules.insert(libc::SYS_fcntl, vec![argument_is(1, libc::F_GETFD as u64)?]);
    if let Some(sender) = sender {
        rules.insert(libc::SYS_sendmsg, vec![argument_is(0, sender as u64)?]);
    }
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )?
    .try_into()
}

fn ioctls() -> [u64; 6] {
    let read = |number, size: usize| ioctl_expr(_IOC_READ, KVMIO, number, size as u32);
    let both = |number, size: usize| ioctl_expr(_IOC_READ | _IOC_WRITE, KVMIO, number, size as u32);
    [
        ioctl_expr(_IOC_NONE, KVMIO, 0x80, 0), // KVM_RUN
        // For the report on a guest that cannot go on:
        read(0x81, size_of::<kvm_regs>()),        // KVM_GET_REGS
        read(0x83, size_of::<kvm_sregs>()),       // KVM_GET_SREGS
        both(0x85, size_of::<kvm_translation>()), // KVM_TRANSLATE
        // To see whether anything can wake the guest:
        read(0x98, size_of::<kvm_mp_state>()), // KVM_GET_MP_STATE
        read(0x9f, size_of::<kvm_vcpu_events>()), // KVM_GET_VCPU_EVENTS
    ]
}

/// An argument by its number, from 0.
fn argument_is(index: u8, value: u64) -> Result<SeccompRule, BackendError> {
    let is_value = SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
    SeccompRule::new(vec![is_value])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::IsTerminal;
    use std::os::fd::AsFd;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;
    use crate::kvm::handover::Handover;

    const WHAT: &str = "VMM_TEST_SECCOMP";

    /// Runs `child` below in a process of its own, which may die of it.
    fn in_a_child(what: &str) -> ExitStatus {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kvm::seccomp::tests::child", "--ignored"])
            .env(WHAT, what)
            .output()
            .unwrap()
            .status
    }

    #[test]
    #[ignore = "a part of the other tests"]
    fn child() {
        let what = std::env::var(WHAT).unwrap();
        let (filtered, action) = what.split_once(' ').unwrap();
        let handover = Handover::new().unwrap();
        let sender = Some(handover.sender());
        match filtered {
            "vcpu" => filter_vcpu(Seccomp::Vcpus).unwrap(),
            "process" => filter_process(sender),
            "other-thread" => return try_from_another_thread(action, handover),
            _ => unreachable!("{filtered}"),
        }
        attempt(action, &handover);
    }

    fn filter_process(sender: Option<RawFd>) {
        let filter = of_process(Seccomp::Process, sender).unwrap();
        filter.install().unwrap();
    }

    /// A thread that is there when the process gets its filter.
    fn try_from_another_thread(action: &str, handover: Handover) {
        let ((say, said), (go, word)) = (channel(), channel());
        let sender = Some(handover.sender());
        let action = action.to_owned();
        let other = thread::spawn(move || {
            say.send(()).unwrap();
            word.recv().unwrap();
            attempt(&action, &handover);
        });
        // A thread's first steps are not listed.
        said.recv().unwrap();
        filter_process(sender);
        go.send(()).unwrap();
        other.join().unwrap();
    }

    fn attempt(action: &str, handover: &Handover) {
        match action {
            "nothing" => {}
            "open" => drop(File::open("/dev/null")),
            "ioctl" => drop(std::io::stdin().is_terminal()),
            "execute" => drop(Command::new("/bin/true").status()),
            "hand over" => handover.send(&[std::io::stdin().as_fd()]).unwrap(),
            "send" => {
                let other = handover.other();
                rustix::net::send(other, b"x", rustix::net::SendFlags::empty()).unwrap();
            }
            "connect" => drop(std::net::TcpStream::connect("127.0.0.1:1")),
            _ => unreachable!("{action}"),
        }
    }

    #[test]
    fn what_is_not_listed_ends_the_process() {
        for filtered in ["vcpu", "process", "other-thread"] {
            for action in ["open", "ioctl", "execute", "connect", "send"] {
                let status = in_a_child(&format!("{filtered} {action}"));
                assert_eq!(status.signal(), Some(libc::SIGSYS), "{filtered} {action}");
            }
        }
        let status = in_a_child("vcpu hand over");
        assert_eq!(status.signal(), Some(libc::SIGSYS));
    }

    #[test]
    fn what_is_listed_goes_through() {
        for what in [
            "vcpu nothing",
            "process nothing",
            "process hand over",
            "other-thread nothing",
            "other-thread hand over",
        ] {
            assert!(in_a_child(what).success(), "{what}");
        }
    }
}
