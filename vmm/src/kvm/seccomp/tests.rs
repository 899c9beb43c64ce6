use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::channel;
use std::thread;

use std::os::unix::process::parent_id;
use std::ptr;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

use super::*;
use crate::kvm::handover::Handover;

const WHAT: &str = "VMM_TEST_SECCOMP";
const PAGE: usize = 4096;

/// Runs `child` below in its own process, because the filter may kill it.
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
    let means = Means::new();
    kick::expect().unwrap();
    let sender = Some(means.handover.sender());
    match filtered {
        "vcpu" => filter_vcpu(Seccomp::Vcpus).unwrap(),
        "process" => filter_process(sender),
        "other-thread" => return try_from_another_thread(action, means),
        _ => unreachable!("{filtered}"),
    }
    attempt(action, &means);
}

/// What attempts need that cannot be created under the filter.
struct Means {
    handover: Handover,
    /// The process of the test.
    parent: u32,
}

impl Means {
    fn new() -> Self {
        let handover = Handover::new().unwrap();
        let parent = parent_id();
        Self { handover, parent }
    }
}

fn filter_process(sender: Option<RawFd>) {
    let filter = of_process(Seccomp::Process, sender).unwrap();
    filter.install().unwrap();
}

/// A thread that already exists when the process gets its filter.
fn try_from_another_thread(action: &str, means: Means) {
    let ((say, said), (go, word)) = (channel(), channel());
    let sender = Some(means.handover.sender());
    let action = action.to_owned();
    let other = thread::spawn(move || {
        say.send(()).unwrap();
        word.recv().unwrap();
        attempt(&action, &means);
    });
    // The first steps of a thread are not on the list.
    said.recv().unwrap();
    filter_process(sender);
    go.send(()).unwrap();
    other.join().unwrap();
}

fn attempt(action: &str, means: &Means) {
    let us = std::process::id();
    match action {
        "nothing" => {}
        "open" => drop(File::open("/dev/null")),
        "ioctl" => drop(std::io::stdin().is_terminal()),
        "execute" => drop(Command::new("/bin/true").status()),
        "hand over" => {
            let stdin = std::io::stdin();
            means.handover.send(&[stdin.as_fd()]).unwrap();
        }
        "send" => {
            let other = means.handover.other();
            rustix::net::send(other, b"x", rustix::net::SendFlags::empty()).unwrap();
        }
        "connect" => drop(std::net::TcpStream::connect("127.0.0.1:1")),
        "kick ourselves" => signal(us, kick::signal()),
        "kill ourselves" => signal(us, libc::SIGKILL),
        "kick another process" => signal(means.parent, kick::signal()),
        // SAFETY: no thread has this number.
        "kick a thread without its process" => unsafe {
            libc::syscall(libc::SYS_tkill, 0, kick::signal());
        },
        "map memory" => _ = map(ProtFlags::WRITE),
        "map executable memory" => _ = map(ProtFlags::EXEC),
        // SAFETY: a new mapping, whose place the kernel chooses.
        "map a file" => unsafe {
            let (at, how) = (ptr::null_mut(), MapFlags::PRIVATE);
            _ = rustix::mm::mmap(at, PAGE, ProtFlags::READ, how, std::io::stdin(), 0);
        },
        "protect memory" => protect(MprotectFlags::READ),
        "make memory executable" => protect(MprotectFlags::READ | MprotectFlags::EXEC),
        "give memory back" => advise(Advice::LinuxDontNeed),
        "ask for huge pages" => advise(Advice::LinuxHugepage),
        _ => unreachable!("{action}"),
    }
}

/// To the first thread of a process.
fn signal(process: u32, number: libc::c_int) {
    // SAFETY: the call does not access our memory.
    unsafe { libc::syscall(libc::SYS_tgkill, process, process, number) };
}

fn map(access: ProtFlags) -> *mut libc::c_void {
    // SAFETY: a new mapping, whose place the kernel chooses.
    unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE) }.unwrap()
}

fn protect(access: MprotectFlags) {
    // SAFETY: the mapping is ours, and nobody uses it.
    unsafe { rustix::mm::mprotect(map(ProtFlags::WRITE), PAGE, access) }.unwrap();
}

fn advise(advice: Advice) {
    // SAFETY: the mapping is ours, and nobody uses it.
    unsafe { rustix::mm::madvise(map(ProtFlags::WRITE), PAGE, advice) }.unwrap();
}

#[test]
fn what_is_not_listed_ends_the_process() {
    for filtered in ["vcpu", "process", "other-thread"] {
        for action in [
            "open",
            "ioctl",
            "execute",
            "connect",
            "send",
            "kill ourselves",
            "kick another process",
            "kick a thread without its process",
            "map executable memory",
            "map a file",
            "make memory executable",
            "ask for huge pages",
        ] {
            let status = in_a_child(&format!("{filtered} {action}"));
            assert_eq!(status.signal(), Some(libc::SIGSYS), "{filtered} {action}");
        }
    }
    let status = in_a_child("vcpu hand over");
    assert_eq!(status.signal(), Some(libc::SIGSYS));
}

#[test]
fn what_is_listed_goes_through() {
    for filtered in ["vcpu", "process", "other-thread"] {
        for action in [
            "nothing",
            "kick ourselves",
            "map memory",
            "protect memory",
            "give memory back",
        ] {
            let what = format!("{filtered} {action}");
            assert!(in_a_child(&what).success(), "{what}");
        }
    }
    for what in ["process hand over", "other-thread hand over"] {
        assert!(in_a_child(what).success(), "{what}");
    }
}
