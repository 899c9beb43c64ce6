//! `ring0`: a unikernel that runs one static PIE in ring 0 and answers its system calls.
//! `README.md` describes what a program can rely on.
//!
//! `boot32` brings the CPU into long mode and calls [`kernel_main`].
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod boot32;
#[cfg(target_os = "none")]
mod cpu;
#[cfg(target_os = "none")]
mod exceptions;
#[cfg(target_os = "none")]
mod fault;
#[cfg(target_os = "none")]
mod machine_end;
#[cfg(target_os = "none")]
mod paging;
#[cfg(target_os = "none")]
mod places;
#[cfg(target_os = "none")]
mod pvh_note;
#[cfg(target_os = "none")]
mod serial;
#[cfg(target_os = "none")]
mod single_core;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod system_calls;

#[cfg(target_os = "none")]
use ring0::command_line;

/// The whole kernel. `magic` and `info` are EAX and EBX as the boot loader set them.
#[cfg(target_os = "none")]
extern "sysv64" fn kernel_main(magic: u32, info: u32) -> ! {
    let nothing_more = || {};
    start::run(magic, info, nothing_more, |boot| {
        Ok(start::Wanted {
            handler: command_line::handler(boot.command_line)?,
            arguments: command_line::program_arguments(boot.command_line),
        })
    })
}

/// The kernel as a host program, which exists only because cargo builds a package's
/// programs before it runs the package's tests.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("ring0 is a kernel: build it with --target x86_64-unknown-none");
    std::process::exit(2);
}
