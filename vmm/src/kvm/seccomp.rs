//! What the threads of a running guest may ask of the host: a filter for vCPUs, and
//! one for the thread that watches them.
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
    /// The caller's thread as well, **for good**: after the boot it can write to open
    /// files and exit, and little else. Meant for a process that boots one guest.
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
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Eventfds: the console's, the serial interrupt's. Reads are of KVM's counters.
const VCPU: &[i64] = &[libc::SYS_write, libc::SYS_pread64];

/// Input, console, kicks to the vCPUs.
const MONITOR: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
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

/// Compiles the filter for vCPU threads.
///
/// # Errors
/// Only those of a wrong list above.
pub fn vcpu_filter() -> Result<BpfProgram, KvmError> {
    let ioctls = [
        ioctl_expr(_IOC_NONE, KVMIO, 0x80, 0), // KVM_RUN
        // For the report on a guest that cannot go on:
        ioctl_expr(_IOC_READ, KVMIO, 0x81, size_of::<kvm_regs>() as u32), // KVM_GET_REGS
        ioctl_expr(_IOC_READ, KVMIO, 0x83, size_of::<kvm_sregs>() as u32), // KVM_GET_SREGS
        ioctl_expr(
            _IOC_READ | _IOC_WRITE,
            KVMIO,
            0x85,
            size_of::<kvm_translation>() as u32,
        ), // KVM_TRANSLATE
        // To see whether anything can wake the guest:
        ioctl_expr(_IOC_READ, KVMIO, 0x98, size_of::<kvm_mp_state>() as u32), // KVM_GET_MP_STATE
        ioctl_expr(_IOC_READ, KVMIO, 0x9f, size_of::<kvm_vcpu_events>() as u32), // KVM_GET_VCPU_EVENTS
    ];
    let run = ioctls.map(|request| argument_is(1, request));
    compile(VCPU, libc::SYS_ioctl, run)
}

/// Compiles the filter for the thread that watches the vCPUs; `sender` is the socket
/// that it may send descriptors through.
///
/// # Errors
/// Only those of a wrong list above.
pub fn monitor_filter(sender: Option<RawFd>) -> Result<BpfProgram, KvmError> {
    let send = sender.map(|fd| argument_is(0, fd as u64));
    compile(MONITOR, libc::SYS_sendmsg, send)
}

/// Puts the calling thread behind `filter`, for good.
///
/// # Errors
/// A kernel without seccomp.
pub fn install(filter: &BpfProgram) -> Result<(), KvmError> {
    seccompiler::apply_filter(filter).map_err(|error| KvmError::Seccomp(error.to_string()))
}

/// A filter that lets `own` through, and the call `number` where one of `rules` fits.
fn compile(
    own: &[i64],
    number: i64,
    rules: impl IntoIterator<Item = Result<SeccompRule, BackendError>>,
) -> Result<BpfProgram, KvmError> {
    try_compile(own, number, rules).map_err(|error| KvmError::Seccomp(error.to_string()))
}

fn try_compile(
    own: &[i64],
    number: i64,
    conditional: impl IntoIterator<Item = Result<SeccompRule, BackendError>>,
) -> Result<BpfProgram, BackendError> {
    let unconditional = [ANY_THREAD, own]
        .concat()
        .into_iter()
        .map(|number| (number, vec![]));
    let mut rules: BTreeMap<_, _> = unconditional.collect();
    // Debug builds of Rust's library ask whether a file is open before they close it.
    rules.insert(libc::SYS_fcntl, vec![argument_is(1, libc::F_GETFD as u64)?]);
    let conditional: Vec<_> = conditional.into_iter().collect::<Result<_, _>>()?;
    // Without a rule the call would go through.
    if !conditional.is_empty() {
        rules.insert(number, conditional);
    }
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::x86_64,
    )?
    .try_into()
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

    use super::*;
    use crate::kvm::handover::Handover;

    const WHAT: &str = "VMM_TEST_SECCOMP";

    /// Runs `child` below in a process of its own, which may die of it.
    fn in_a_child(what: &str) -> ExitStatus {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kvm::seccomp::tests::child", "--test-threads=1"])
            .env(WHAT, what)
            .output()
            .unwrap()
            .status
    }

    #[test]
    fn child() {
        let Ok(what) = std::env::var(WHAT) else {
            return;
        };
        let (filter, action) = what.split_once(' ').unwrap();
        let (handover, other) = (Handover::new().unwrap(), Handover::new().unwrap());
        let filter = match filter {
            "vcpu" => vcpu_filter().unwrap(),
            _ => monitor_filter(Some(handover.sender())).unwrap(),
        };
        seccompiler::apply_filter(&filter).unwrap();
        match action {
            "nothing" => {}
            "open" => drop(File::open("/dev/null")),
            "ioctl" => drop(std::io::stdin().is_terminal()),
            "execute" => drop(Command::new("/bin/true").status()),
            "hand over" => handover.send(&[std::io::stdin().as_fd()]).unwrap(),
            "send" => other.send(&[std::io::stdin().as_fd()]).unwrap(),
            "connect" => drop(std::net::TcpStream::connect("127.0.0.1:1")),
            _ => unreachable!("{action}"),
        }
    }

    #[test]
    fn what_is_not_listed_ends_the_process() {
        for filter in ["vcpu", "monitor"] {
            for action in ["open", "ioctl", "execute", "connect", "send"] {
                let status = in_a_child(&format!("{filter} {action}"));
                assert_eq!(status.signal(), Some(libc::SIGSYS), "{filter} {action}");
            }
        }
    }

    #[test]
    fn what_is_listed_goes_through() {
        for what in ["vcpu nothing", "monitor nothing", "monitor hand over"] {
            assert!(in_a_child(what).success(), "{what}");
        }
    }
}
