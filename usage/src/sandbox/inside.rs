//! The first process of a run's namespaces: it creates the file system, starts the program
//! and the test, and reaps processes. It is a copy of one thread of a process that may have
//! others, so it must not allocate memory or take a lock.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::{sock_filter, sock_fprog};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::message::{self, Order, kind};
use super::returned::checked;
use super::step::Step;
use crate::accounting::MOST_PROCESSES;
use crate::filter::OWN_EXEC_PATH;

/// Everything that the first process needs, prepared before it is cloned.
pub struct Inside<'a> {
    pub steps: &'a [Step],
    /// The user and the group that the program keeps in a user namespace.
    pub identity: Option<(&'a CStr, &'a CStr)>,
    pub folder: &'a CStr,
    pub log: &'a CStr,
    pub program: Option<&'a Command>,
    pub test: Option<&'a Command>,
    pub ready: Option<&'a Command>,
    pub filter: &'a [sock_filter],
    /// Whether `RLIMIT_NPROC` has to limit the number of processes.
    pub limit_processes: bool,
    pub control: BorrowedFd<'a>,
    pub input: BorrowedFd<'a>,
    pub nothing: BorrowedFd<'a>,
    pub output: BorrowedFd<'a>,
    pub test_output: BorrowedFd<'a>,
    pub shared: &'a Shared,
}

/// What to execute, ready for execve(2).
pub struct Command {
    path: CString,
    /// Those of `_arguments`, and a null pointer.
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    _arguments: Vec<CString>,
    _environment: Vec<CString>,
}

// SAFETY: the pointers are those of the texts that go with them, which nobody changes.
unsafe impl Send for Command {}
// SAFETY: as above.
unsafe impl Sync for Command {}

impl Command {
    /// Executes that file with these arguments, the first of which is its name.
    pub fn new(path: CString, arguments: Vec<CString>, environment: Vec<CString>) -> Self {
        let pointers = |texts: &[CString]| {
            let pointers = texts.iter().map(|text| text.as_ptr());
            pointers.chain([ptr::null()]).collect()
        };
        Self {
            path,
            arguments: pointers(&arguments),
            environment: pointers(&environment),
            _arguments: arguments,
            _environment: environment,
        }
    }

    /// The file.
    pub fn path(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Executes it; returns only if that fails, with the reason.
    fn execute(&self, path: *const c_char) -> i32 {
        // SAFETY: the path is terminated, and each list ends with a null pointer.
        unsafe { libc::execve(path, self.arguments.as_ptr(), self.environment.as_ptr()) };
        std::io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO)
    }
}

/// Memory that the program's process and the first one share until the `exec`.
#[derive(Debug)]
pub struct Shared {
    /// The listener's descriptor, or [`Shared::NOT_YET`].
    pub listener: AtomicI32,
    /// Why the program was not executed.
    pub error: AtomicI32,
}

impl Shared {
    pub const NOT_YET: i32 = -1;
}

/// The steps after those of the plan, where a failure is reported.
pub const IDENTITY: usize = 10_000;
pub const FOLDER: usize = 10_001;
pub const FILTER: usize = 10_002;
pub const PROCESS: usize = 10_003;
pub const FILES: usize = 10_004;

/// The children that the first process keeps track of.
#[derive(Default)]
struct Children {
    program: i32,
    test: i32,
    ready: i32,
}

/// Capabilities with which root could change the host from inside (capabilities(7)).
/// Containers drop them as well.
const DANGEROUS: &[u32] = &[
    16, // CAP_SYS_MODULE
    17, // CAP_SYS_RAWIO
    22, // CAP_SYS_BOOT
    25, // CAP_SYS_TIME
    27, // CAP_MKNOD
    32, // CAP_MAC_OVERRIDE
    33, // CAP_MAC_ADMIN
    34, // CAP_SYSLOG
];

impl Inside<'_> {
    /// Runs as the first process, and ends with its controller.
    pub fn live(&self) -> ! {
        let status = i32::from(self.run().is_err());
        // SAFETY: ends this process without running anything of its parent's.
        unsafe { libc::_exit(status) }
    }

    fn run(&self) -> Result<(), Errno> {
        // SAFETY: both take numbers only.
        unsafe {
            libc::setsid();
            // If tollgate is killed, the whole run has to end.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        self.close_others();
        if message::next_order(self.control)? != Some(Order::Begin as i32) {
            return Ok(());
        }
        self.enter()?;
        self.or_report(FILES, self.hand_files_over())?;
        let signals = child_signals()?;
        let mut children = Children::default();
        if let Some(program) = self.program {
            children.program = self.or_report(PROCESS, self.start_program(program))?;
        }
        self.serve(&signals, &mut children)
    }

    fn report(&self, words: [i32; 3]) -> Result<(), Errno> {
        message::send(self.control, words, &[])
    }

    fn or_report<T>(&self, step: usize, result: Result<T, Errno>) -> Result<T, Errno> {
        if let Err(error) = &result {
            self.report([kind::FAILED, step as i32, error.raw_os_error()])?;
        }
        result
    }

    /// Descriptors of other runs, which its process had at the same time.
    fn close_others(&self) {
        let mut kept = [
            self.control,
            self.input,
            self.nothing,
            self.output,
            self.test_output,
        ]
        .map(|fd| fd.as_raw_fd());
        kept.sort_unstable();
        let mut from = 3;
        for fd in kept.into_iter().filter(|fd| *fd > 2) {
            if from < fd {
                close_range(from, fd - 1);
            }
            from = fd + 1;
        }
        close_range(from, i32::MAX);
    }

    fn enter(&self) -> Result<(), Errno> {
        if let Some((user, group)) = self.identity {
            // The kernel requires this before it accepts the group's map.
            let deny = c"deny";
            self.or_report(IDENTITY, write(c"/proc/self/setgroups", deny))?;
            self.or_report(IDENTITY, write(c"/proc/self/uid_map", user))?;
            self.or_report(IDENTITY, write(c"/proc/self/gid_map", group))?;
        }
        // SAFETY: takes a number only.
        let mask = unsafe { libc::umask(0) };
        for (index, step) in self.steps.iter().enumerate() {
            if self.or_report(index, step.take())? {
                self.report([kind::READ_ONLY, index as i32, 0])?;
            }
        }
        // SAFETY: as above.
        unsafe { libc::umask(mask) };
        self.or_report(FOLDER, rustix::process::chdir(self.folder))
    }

    /// Starts the program under its filter, and hands its listener over.
    fn start_program(&self, program: &Command) -> Result<i32, Errno> {
        let path = own_exec_path(&program.path)?;
        let pid = clone_process(libc::CLONE_FILES as u64)?;
        if pid == 0 {
            self.become_program(program, path);
        }
        let listener = loop {
            match self.shared.listener.load(Ordering::Acquire) {
                Shared::NOT_YET => {}
                fd => break fd,
            }
            let error = self.shared.error.load(Ordering::Acquire);
            if error != 0 {
                let error = Errno::from_raw_os_error(error);
                return self.or_report(FILTER, Err(error));
            }
            let moment = rustix::thread::Timespec {
                tv_sec: 0,
                tv_nsec: 20_000,
            };
            let _ = rustix::thread::nanosleep(&moment);
        };
        // SAFETY: the program's process made it in the table that we share, for us.
        let listener = unsafe { OwnedFd::from_raw_fd(listener) };
        message::send(self.control, [kind::STARTED, 0, 0], &[listener.as_fd()])?;
        Ok(pid)
    }

    /// Files of the namespaces that only their own processes can open.
    fn hand_files_over(&self) -> Result<(), Errno> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC;
        let log = openat(CWD, self.log, flags, Mode::from_raw_mode(0o644))?;
        let open = |path: &CStr| {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            openat(CWD, path, flags, Mode::empty())
        };
        let tcp = open(c"/proc/net/tcp")?;
        // A kernel may lack IPv6.
        let tcp6 = open(c"/proc/net/tcp6").or_else(|_| open(c"/proc/net/tcp"))?;
        let fds = [log.as_fd(), tcp.as_fd(), tcp6.as_fd()];
        let prepared = [kind::PREPARED, 0, 0];
        match diag_socket() {
            Ok(diag) => {
                let [log, tcp, tcp6] = fds;
                message::send(self.control, prepared, &[log, tcp, tcp6, diag.as_fd()])
            }
            Err(_) => message::send(self.control, prepared, &fds),
        }
    }

    /// In the program's process.
    fn become_program(&self, program: &Command, path: *const c_char) -> ! {
        let ready = self.prepare(self.input, self.output);
        if self.identity.is_none() {
            for capability in DANGEROUS {
                // SAFETY: takes numbers only.
                unsafe { libc::prctl(libc::PR_CAPBSET_DROP, *capability, 0, 0, 0) };
            }
        }
        if self.limit_processes {
            limit_processes();
        }
        match ready.and_then(|()| install(self.filter)) {
            Ok(listener) => {
                self.shared.listener.store(listener, Ordering::Release);
                let error = program.execute(path);
                self.shared.error.store(error, Ordering::Release);
                // This ends the process whichever call the rule removes.
                std::process::abort()
            }
            Err(error) => {
                self.shared
                    .error
                    .store(error.raw_os_error(), Ordering::Release);
                // SAFETY: ends this process without running anything of its parent's.
                unsafe { libc::_exit(127) }
            }
        }
    }

    /// Starts a helper, which no filter limits.
    fn start_helper(&self, helper: &Command) -> Result<i32, Errno> {
        let pid = clone_process(0)?;
        if pid == 0 {
            if self.prepare(self.nothing, self.test_output).is_ok() {
                helper.execute(helper.path.as_ptr());
            }
            // SAFETY: ends this process without running anything of its parent's.
            unsafe { libc::_exit(126) }
        }
        Ok(pid)
    }

    /// Prepares every process of ours before its `exec`.
    fn prepare(&self, input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> Result<(), Errno> {
        // SAFETY: takes nothing; an empty set of signals is a valid one; the dispositions
        // that Rust's runtime changed go back to the default ones.
        unsafe {
            libc::setsid();
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        }
        rustix::stdio::dup2_stdin(input)?;
        rustix::stdio::dup2_stdout(output)?;
        rustix::stdio::dup2_stderr(output)
    }

    fn serve(&self, signals: &OwnedFd, children: &mut Children) -> Result<(), Errno> {
        loop {
            let mut fds = [
                PollFd::from_borrowed_fd(self.control, PollFlags::IN),
                PollFd::new(signals, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            let [asked, died] = fds.map(|fd| !fd.revents().is_empty());
            if died {
                // One signal may stand for many.
                let mut buffer = [0; size_of::<libc::signalfd_siginfo>()];
                let _ = rustix::io::read(signals, &mut buffer);
                self.bury(children)?;
            }
            if asked {
                let Some(order) = message::next_order(self.control)? else {
                    return Ok(());
                };
                self.obey(order, children)?;
            }
        }
    }

    fn obey(&self, order: i32, children: &mut Children) -> Result<(), Errno> {
        let start = |helper: Option<&Command>| match helper {
            Some(helper) => self.or_report(PROCESS, self.start_helper(helper)),
            None => Ok(0),
        };
        if order == Order::Test as i32 {
            children.test = start(self.test)?;
        } else if order == Order::Ready as i32 {
            children.ready = start(self.ready)?;
        } else if order == Order::Count as i32 {
            let helpers = [children.test, children.ready];
            let helpers = helpers.into_iter().filter(|pid| *pid != 0).count() as i32;
            self.report([kind::COUNTED, processes()? - 1 - helpers, 0])?;
        }
        Ok(())
    }

    fn bury(&self, children: &mut Children) -> Result<(), Errno> {
        loop {
            let mut status = 0;
            // SAFETY: writes the status only.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            if pid <= 0 {
                return Ok(());
            }
            let error = self.shared.error.load(Ordering::Acquire);
            let kind = if pid == children.program && error != 0 {
                status = error;
                kind::NOT_EXECUTED
            } else if pid == children.program {
                kind::PROGRAM_ENDED
            } else if pid == children.test {
                children.test = 0;
                kind::TEST_ENDED
            } else if pid == children.ready {
                children.ready = 0;
                kind::READY_ENDED
            } else {
                kind::ORPHAN_ENDED
            };
            self.report([kind, status, 0])?;
        }
    }
}

/// Asks about sockets of this network (sock_diag(7)).
pub fn diag_socket() -> Result<OwnedFd, Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};
    socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
}

/// Processes of this PID namespace, by its /proc.
fn processes() -> Result<i32, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(CWD, c"/proc", flags, Mode::empty())?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut entries = rustix::fs::RawDir::new(folder, &mut buffer);
    let mut count = 0;
    while let Some(entry) = entries.next() {
        let name = entry?;
        let first = name.file_name().to_bytes().first().copied();
        count += i32::from(first.is_some_and(|byte| byte.is_ascii_digit()));
    }
    Ok(count)
}

/// A copy of this process; 0 in the copy.
pub fn clone_process(flags: u64) -> Result<i32, Errno> {
    // SAFETY: all its fields are integers.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags;
    arguments.exit_signal = libc::SIGCHLD as u64;
    let size = size_of::<libc::clone_args>();
    // SAFETY: without its own stack, the copy continues here, as after fork(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size) };
    checked(pid).map(|pid| pid as i32)
}

/// Limits the processes of this user in this namespace. It does not apply to root.
fn limit_processes() {
    // SAFETY: each call reads or writes a struct rlimit, which has integers only.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit);
        limit.rlim_cur = limit.rlim_cur.min(MOST_PROCESSES);
        limit.rlim_max = limit.rlim_max.min(MOST_PROCESSES);
        libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit);
    }
}

fn close_range(first: i32, last: i32) {
    // SAFETY: takes numbers only. An old kernel has no such call; what stays open is
    // closed by the `exec`.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}

fn write(path: &CStr, text: &CStr) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty())?;
    rustix::io::write(&file, text.to_bytes()).map(|_| ())
}

/// A descriptor that reports the ends of children, in place of signals.
fn child_signals() -> Result<OwnedFd, Errno> {
    // SAFETY: the set is initialised before it is used; the descriptor is new and ours.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        let fd = checked(libc::signalfd(-1, &raw const set, flags).into())?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Puts the program's path where the filter expects it.
fn own_exec_path(path: &CStr) -> Result<*const c_char, Errno> {
    let bytes = path.to_bytes_with_nul();
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let place = OWN_EXEC_PATH as *mut libc::c_void;
    // SAFETY: nothing is mapped there, or the kernel refuses.
    let page = unsafe { libc::mmap(place, bytes.len(), protection, flags, -1, 0) };
    if page != place {
        return Err(Errno::EXIST);
    }
    // SAFETY: the page is as long as the path, and ours.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast(), bytes.len()) };
    Ok(page.cast_const().cast())
}

/// Installs the filter for this process, and gives its listener.
fn install(filter: &[sock_filter]) -> Result<i32, Errno> {
    let program = sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    let install = |flags: libc::c_ulong| {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        // SAFETY: the kernel reads the program and copies it.
        checked(unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) })
    };
    // So that a signal does not make the kernel ask twice; Linux before 5.19 cannot.
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let listener = install(flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        .or_else(|_| install(flags))?;
    Ok(listener as i32)
}
