use crate::{Arch, Call};

/// Functions of the C library that make one system call of another name: section 2 and 3 of
/// the manual, and glibc's sysdeps/unix/sysv/linux. Those of the same name need no entry.
const OTHERS: [(&str, &str); 48] = [
    ("_exit", "exit_group"),
    ("_Exit", "exit_group"),
    ("creat64", "creat"),
    ("eaccess", "faccessat2"),
    ("epoll_create", "epoll_create1"),
    ("eventfd", "eventfd2"),
    ("exit", "exit_group"),
    ("fallocate64", "fallocate"),
    ("fexecve", "execveat"),
    ("fstat64", "newfstatat"),
    ("fstatat", "newfstatat"),
    ("fstatat64", "newfstatat"),
    ("fstatfs64", "fstatfs"),
    ("ftruncate64", "ftruncate"),
    ("getrlimit64", "prlimit64"),
    ("inotify_init", "inotify_init1"),
    ("lseek64", "lseek"),
    ("mmap64", "mmap"),
    ("open64", "openat"),
    ("openat64", "openat"),
    ("posix_fadvise", "fadvise64"),
    ("posix_madvise", "madvise"),
    ("pread", "pread64"),
    ("preadv64", "preadv"),
    ("prlimit", "prlimit64"),
    ("pselect", "pselect6"),
    ("pthread_sigmask", "rt_sigprocmask"),
    ("pwrite", "pwrite64"),
    ("pwritev64", "pwritev"),
    ("raise", "tgkill"),
    ("recv", "recvfrom"),
    ("send", "sendto"),
    ("sendfile64", "sendfile"),
    ("setrlimit64", "prlimit64"),
    ("sigaction", "rt_sigaction"),
    ("sigpending", "rt_sigpending"),
    ("sigprocmask", "rt_sigprocmask"),
    ("sigqueue", "rt_sigqueueinfo"),
    ("sigsuspend", "rt_sigsuspend"),
    ("sigtimedwait", "rt_sigtimedwait"),
    ("sigwait", "rt_sigtimedwait"),
    ("sigwaitinfo", "rt_sigtimedwait"),
    ("sleep", "clock_nanosleep"),
    ("stat64", "newfstatat"),
    ("usleep", "clock_nanosleep"),
    ("wait", "wait4"),
    ("wait3", "wait4"),
    ("waitpid", "wait4"),
];

/// The call that a function of the C library makes.
pub(super) fn wrapped(function: &str) -> Option<Call> {
    let other = OTHERS.iter().find(|(name, _)| *name == function);
    let name = other.map_or(function, |(_, call)| *call);
    Arch::X86_64.number(name).map(Call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrapper_makes_a_call_that_exists() {
        for (function, call) in OTHERS {
            assert!(wrapped(function).is_some(), "{function}: {call}");
        }
        assert_eq!(wrapped("read"), Some(Call(0)));
        assert_eq!(wrapped("printf"), None);
    }
}
