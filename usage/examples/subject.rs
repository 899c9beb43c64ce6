//! A program to explore: it makes a few calls itself, and ends with a status that no
//! runtime makes where it does not get what it needs.

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

/// Ends with that status unless the call did what is wanted.
fn want(status: i32, wanted: bool) {
    if !wanted {
        exit(status);
    }
}

fn main() {
    const NONE: [usize; 3] = [0; 3];
    let words: Vec<String> = env::args().skip(1).collect();
    for word in &words {
        match word.as_str() {
            // An error will do, a made-up answer will not.
            "stub-only" => want(71, call(libc::SYS_getpgrp, NONE) != 0),
            // 0 will do, an error will not.
            "fake-only" => want(72, call(libc::SYS_sync, NONE) == 0),
            "both" => {
                call(libc::SYS_getppid, NONE);
            }
            "required" => want(73, call(libc::SYS_getpid, NONE) > 0),
            // A call past the 334 that older tables end with.
            "new" => {
                call(libc::SYS_close_range, [1000, 1000, 0]);
            }
            // Without the one, it takes the other.
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
                // SAFETY: every x86-64 processor has this instruction.
                let ticks = unsafe { std::arch::x86_64::_rdtsc() };
                // The last bits of a counter may always be the same: mix them.
                let even = ticks.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0;
                want(75, time > 0 || even);
            }
            // It fails without its own program, and says what it got.
            "exec" => {
                let error = std::process::Command::new("/bin/true").status();
                want(76, error.is_ok());
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
