//! The kernel asks us about a call of the program, and we answer (seccomp_unotify(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp};

/// `SECCOMP_IOCTL_NOTIF_RECV`, `_SEND`, `_ID_VALID`, `_ADDFD` of linux/seccomp.h.
const RECEIVE: libc::c_ulong = ioctl(BOTH_WAYS, 0, size_of::<seccomp_notif>());
const SEND: libc::c_ulong = ioctl(BOTH_WAYS, 1, size_of::<seccomp_notif_resp>());
const IS_VALID: libc::c_ulong = ioctl(WRITE, 2, size_of::<u64>());
const ADD_FD: libc::c_ulong = ioctl(WRITE, 3, size_of::<seccomp_notif_addfd>());
/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;

const WRITE: libc::c_ulong = 1;
const BOTH_WAYS: libc::c_ulong = 3;

/// `_IOC(way, '!', number, size)` of asm-generic/ioctl.h.
const fn ioctl(way: libc::c_ulong, number: libc::c_ulong, size: usize) -> libc::c_ulong {
    way << 30 | (size as libc::c_ulong) << 16 | (b'!' as libc::c_ulong) << 8 | number
}

/// The end that receives the questions.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    id: u64,
    /// The process that makes it, by our PID namespace's number.
    pub pid: u32,
    /// The ABI: an `AUDIT_ARCH_*`.
    pub arch: u32,
    /// The number.
    pub number: u32,
    /// Where the instruction is that makes it.
    pub instruction: u64,
    /// What it is given.
    pub arguments: [u64; 6],
}

/// The answer that the program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel executes the call.
    Continue,
    /// The call is not executed, and returns this.
    Value(i64),
    /// The call is not executed, and returns this error.
    Error(i32),
}

impl Listener {
    /// Takes what `seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)` gave.
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Waits for the next question; `None` if its process is gone.
    pub fn receive(&self) -> io::Result<Option<Question>> {
        // SAFETY: all its fields are integers; the kernel demands zeros.
        let mut raw: seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request writes a seccomp_notif, and `raw` is one.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE as _, &raw mut raw) };
        if done < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOENT | libc::EINTR) => Ok(None),
                _ => Err(error),
            };
        }
        Ok(Some(Question {
            id: raw.id,
            pid: raw.pid,
            arch: raw.data.arch,
            number: raw.data.nr as u32,
            instruction: raw.data.instruction_pointer,
            arguments: raw.data.args,
        }))
    }

    /// Whether its process still waits for the answer. If not, another process may have got
    /// its number meanwhile, and what was read of it under /proc is about that one.
    pub fn is_waiting(&self, question: &Question) -> bool {
        // SAFETY: the request reads a u64.
        let done =
            unsafe { libc::ioctl(self.0.as_raw_fd(), IS_VALID as _, &raw const question.id) };
        done == 0
    }

    /// Gives the process a descriptor of this file, and its number.
    pub fn add(
        &self,
        question: &Question,
        file: BorrowedFd<'_>,
        close_on_exec: bool,
    ) -> io::Result<i32> {
        let raw = seccomp_notif_addfd {
            id: question.id,
            flags: 0,
            srcfd: file.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: if close_on_exec {
                libc::O_CLOEXEC as u32
            } else {
                0
            },
        };
        // SAFETY: the request reads a seccomp_notif_addfd, and `raw` is one.
        let fd = unsafe { libc::ioctl(self.0.as_raw_fd(), ADD_FD as _, &raw const raw) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(fd)
    }

    /// Answers. A process that is gone does not need an answer.
    pub fn answer(&self, question: &Question, answer: Answer) -> io::Result<()> {
        let (val, error, flags) = match answer {
            Answer::Continue => (0, 0, CONTINUE),
            Answer::Value(value) => (value, 0, 0),
            Answer::Error(error) => (0, -error, 0),
        };
        let raw = seccomp_notif_resp {
            id: question.id,
            val,
            error,
            flags,
        };
        // SAFETY: the request reads a seccomp_notif_resp, and `raw` is one.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), SEND as _, &raw const raw) };
        if done < 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::ENOENT) {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
