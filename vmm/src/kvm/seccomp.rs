//! What the threads of a running guest may ask of the host: one filter for all of them. They
//! share their memory, so an attacker who controls one thread can do whatever any of them may.
//!
//! Every other system call ends the process with SIGSYS: it can only come from a guest that
//! found a vulnerability.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use kvm_bindings::{KVMIO, kvm_mp_state, kvm_regs, kvm_sregs, kvm_translation, kvm_vcpu_events};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use vmm_sys_util::ioctl::{_IOC_NONE, _IOC_READ, _IOC_WRITE, ioctl_expr};

use super::error::KvmError;
use super::kick;

/// Which threads are filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// None, for debugging.
    Off,
    /// The vCPUs' threads. The caller's threads can do other work afterwards; because they
    /// share their memory with the vCPUs' threads, this is not a security boundary.
    #[default]
    Vcpus,
    /// All threads of the process, including the caller's, **permanently**: after the boot, it
    /// can write to open files and exit, and little else. For a process that boots one guest.
    Process,
}

/// Memory, locks, time, signals and the end of the thread: what any Rust thread needs, with
/// glibc or musl, with any arguments.
const ANY_THREAD: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
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

/// Eventfds, KVM's counters, input, console: any open file.
const GUEST: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_getpid,
    libc::SYS_fsync,
];

/// The filter that `seccomp` requests on a vCPU's own thread, if any.
///
/// # Errors
/// The kernel does not have seccomp.
pub fn filter_vcpu(seccomp: Seccomp) -> Result<(), KvmError> {
    if seccomp != Seccomp::Vcpus {
        return Ok(());
    }
    seccompiler::apply_filter(&filter(None)?).map_err(refused)
}

/// A filter for all threads of the process, or none.
pub struct ProcessFilter(Option<BpfProgram>);

/// The filter that `seccomp` requests on all threads of the process, if any. `sender` is the
/// socket through which descriptors may be sent.
///
/// # Errors
/// seccompiler cannot express it.
pub fn of_process(seccomp: Seccomp, sender: Option<RawFd>) -> Result<ProcessFilter, KvmError> {
    let asked = seccomp == Seccomp::Process;
    asked.then(|| filter(sender)).transpose().map(ProcessFilter)
}

impl ProcessFilter {
    /// # Errors
    /// The kernel does not have seccomp, or a thread has its own filter.
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
    rules.insert(
        libc::SYS_ioctl,
        any_of(ioctls().map(|request| is(1, request)))?,
    );
    // Debug builds of Rust's library check whether a file is open before they close it.
    rules.insert(libc::SYS_fcntl, all_of([is(1, libc::F_GETFD as u64)])?);
    rules.insert(
        libc::SYS_mmap,
        all_of([
            has(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS),
            has(2, libc::PROT_EXEC, 0),
        ])?,
    );
    rules.insert(libc::SYS_mprotect, all_of([has(2, libc::PROT_EXEC, 0)])?);
    // For allocators and ending threads, which give memory back. Root could otherwise take
    // pages from the host permanently (MADV_HWPOISON).
    let give_back = [libc::MADV_DONTNEED, libc::MADV_FREE];
    rules.insert(
        libc::SYS_madvise,
        any_of(give_back.map(|advice| is(2, advice as u64)))?,
    );
    // Kicks to vCPUs of this process.
    rules.insert(
        libc::SYS_tgkill,
        all_of([
            is(0, std::process::id().into()),
            is(2, kick::signal() as u64),
        ])?,
    );
    if let Some(sender) = sender {
        rules.insert(libc::SYS_sendmsg, all_of([is(0, sender as u64)])?);
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
        // For the report on a guest that cannot continue:
        read(0x81, size_of::<kvm_regs>()),        // KVM_GET_REGS
        read(0x83, size_of::<kvm_sregs>()),       // KVM_GET_SREGS
        both(0x85, size_of::<kvm_translation>()), // KVM_TRANSLATE
        // To check whether anything can wake the guest:
        read(0x98, size_of::<kvm_mp_state>()), // KVM_GET_MP_STATE
        read(0x9f, size_of::<kvm_vcpu_events>()), // KVM_GET_VCPU_EVENTS
    ]
}

type Condition = Result<SeccompCondition, BackendError>;

/// The argument `index`, from 0, is `value`. Every argument here has 32 bits, or is a set of
/// flags in the lower 32.
fn is(index: u8, value: u64) -> Condition {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// The bits of the argument `index` that are set in `mask` equal `bits`.
fn has(index: u8, mask: libc::c_int, bits: libc::c_int) -> Condition {
    let masked = SeccompCmpOp::MaskedEq(mask as u64);
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, masked, bits as u64)
}

fn all_of<const N: usize>(conditions: [Condition; N]) -> Result<Vec<SeccompRule>, BackendError> {
    let conditions = conditions.into_iter().collect::<Result<_, _>>()?;
    Ok(vec![SeccompRule::new(conditions)?])
}

fn any_of<const N: usize>(conditions: [Condition; N]) -> Result<Vec<SeccompRule>, BackendError> {
    let rules = conditions.into_iter();
    rules
        .map(|condition| SeccompRule::new(vec![condition?]))
        .collect()
}

#[cfg(test)]
mod tests;
