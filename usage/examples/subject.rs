//! A program to explore: it makes a few calls itself, and exits with a status that no
//! runtime uses if it does not get what it needs.

use std::env;
use std::process::exit;

/// What a call returned, by its number and without libc's errno.
fn call(number: libc::c_long, arguments: [usize; 3]) -> isize {
    let [first, second, third] = arguments;
    let returned: isize;
    // SAFETY: the calls below take numbers, or pointers to memory of ours that is large
    // enough.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => returned,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") 0_usize,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    returned
}

/// Exits with that status unless the call had the expected result.
fn want(status: i32, wanted: bool) {
    if !wanted {
        exit(status);
    }
}

/// A coin: heads or tails.
fn heads() -> bool {
    // SAFETY: every x86-64 processor has this instruction.
    let ticks = unsafe { std::arch::x86_64::_rdtsc() };
    // The last bits of a counter may always be the same: mix them.
    ticks.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0
}

fn open(path: &std::ffi::CStr, flags: i32) -> isize {
    let folder = libc::AT_FDCWD as isize as usize;
    call(
        libc::SYS_openat,
        [folder, path.as_ptr() as usize, flags as usize],
    )
}

fn main() {
    const NONE: [usize; 3] = [0; 3];
    let words: Vec<String> = env::args().skip(1).collect();
    for word in &words {
        match word.as_str() {
            // An error is acceptable, a faked answer is not.
            "stub-only" => want(71, call(libc::SYS_getpgrp, NONE) != 0),
            // 0 is acceptable, an error is not.
            "fake-only" => want(72, call(libc::SYS_sync, NONE) == 0),
            "both" => {
                call(libc::SYS_getppid, NONE);
            }
            "required" => want(73, call(libc::SYS_getpid, NONE) > 0),
            // A call past the 334 that older tables end with.
            "new" => {
                call(libc::SYS_close_range, [1000, 1000, 0]);
            }
            // Without the one, it uses the other.
            "fallback" => {
                if call(libc::SYS_getuid, NONE) < 0 {
                    call(libc::SYS_getegid, NONE);
                }
            }
            // One of them has to work.
            "conflict" => {
                let first = call(libc::SYS_getsid, NONE);
                let second = call(libc::SYS_gettid, NONE);
                want(74, first > 0 || second > 0);
            }
            // Without it, this works in half of all cases.
            "flaky" => {
                let time = call(libc::SYS_time, NONE);
                want(75, time > 0 || heads());
            }
            // It fails without its own program, and prints what it got.
            "exec" => {
                let error = std::process::Command::new("/bin/true").status();
                want(76, error.is_ok());
            }
            // Made in half of all runs.
            "sometimes" => {
                for number in [
                    libc::SYS_getpriority,
                    libc::SYS_sched_yield,
                    libc::SYS_getegid,
                    libc::SYS_getgid,
                    libc::SYS_times,
                    libc::SYS_getresuid,
                ] {
                    if heads() {
                        call(number, NONE);
                    }
                }
            }
            // The flags may be anything, what an exec closes may not.
            "fcntl" => {
                let fd = open(c"/dev/null", libc::O_CLOEXEC) as usize;
                call(libc::SYS_fcntl, [fd, libc::F_GETFL as usize, 0]);
                let closes = call(libc::SYS_fcntl, [fd, libc::F_GETFD as usize, 0]);
                want(82, closes == libc::FD_CLOEXEC as isize);
            }
            // One file of /proc has to be there, the other need not.
            "files" => {
                let mut bytes = [0_u8; 8];
                let mut read = |fd: isize| {
                    call(
                        libc::SYS_read,
                        [fd as usize, bytes.as_mut_ptr() as usize, 8],
                    )
                };
                open(c"/proc/cpuinfo", 0);
                want(83, read(open(c"/proc/../proc/meminfo", 0)) == 8);
            }
            // Answers that can be made up.
            "plausible" => {
                let text = b"written\n";
                let written = call(libc::SYS_pwrite64, [1, text.as_ptr() as usize, text.len()]);
                // A pipe has no offset.
                want(84, written == 8 || written == -29);
                let vectors = [text.as_ptr() as usize, 8, text.as_ptr() as usize, 4];
                let written = call(libc::SYS_writev, [1, vectors.as_ptr() as usize, 2]);
                want(85, written == 12);
                want(86, call(libc::SYS_epoll_create1, NONE) > 2);
                want(87, call(libc::SYS_getpgid, NONE) > 0);
            }
            // Another program takes its place.
            "become" => {
                use std::os::unix::process::CommandExt as _;
                let _ = std::process::Command::new("/bin/sh")
                    .args(["-c", "exit 0"])
                    .exec();
                exit(88);
            }
            // More calls past the old tables' end, which this kernel may refuse.
            "newest" => {
                for number in [
                    libc::SYS_clone3,
                    libc::SYS_openat2,
                    libc::SYS_io_uring_setup,
                ] {
                    call(number, NONE);
                }
            }
            // It serves in the background, and lives in a session of its own.
            "daemon" => {
                // SAFETY: this process has one thread.
                if unsafe { libc::fork() } != 0 {
                    exit(0);
                }
                call(libc::SYS_setsid, NONE);
            }
            "serve" => {
                let listener = std::net::TcpListener::bind("127.0.0.1:4711");
                let listener = listener.unwrap_or_else(|_| exit(77));
                for stream in listener.incoming() {
                    call(libc::SYS_getppid, NONE);
                    use std::io::Write as _;
                    let mut stream = stream.unwrap_or_else(|_| exit(80));
                    let sent = stream.write_all(b"served\n");
                    want(81, sent.is_ok());
                }
            }
            // Connects to the server above.
            "ask" => {
                use std::io::Read as _;
                let mut answer = String::new();
                let stream = std::net::TcpStream::connect("127.0.0.1:4711");
                let read = stream.and_then(|mut stream| stream.read_to_string(&mut answer));
                want(78, read.is_ok() && answer == "served\n");
            }
            _ => exit(79),
        }
    }
    println!("done");
}
