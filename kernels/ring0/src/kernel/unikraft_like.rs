//! `unikraft-like`: ring0 for tests, which behaves towards its loader like the paper's Unikraft
//! image (0.5).
//!
//! - Multiboot 1 with address fields and nothing else: no PVH note.
//! - Page tables that map 0x9000 to 0x10fff and 1 MiB to 1 GiB ([`window`]).
//! - The memory map must have an entry that begins at exactly 1 MiB, and the end of that memory
//!   must be mapped, because Unikraft's stack is there.
//! - Every word of the command line except the first belongs to the program, including `--`.
//! - System calls save all registers.
//! - Its end is 0x2000 to port 0x604, 41 to port 0x501, `cli; hlt`, whatever the program's
//!   status ([`machine_end`]).
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
#[path = "unikraft_like/machine_end.rs"]
mod machine_end;
#[cfg(target_os = "none")]
mod paging;
#[cfg(target_os = "none")]
mod places;
#[cfg(target_os = "none")]
mod serial;
#[cfg(target_os = "none")]
mod single_core;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod system_calls;
#[cfg(target_os = "none")]
#[path = "unikraft_like/window.rs"]
mod window;

#[cfg(target_os = "none")]
use ring0::command_line::{self, Handler};

/// The whole kernel. `magic` and `info` are EAX and EBX as the boot loader set them.
#[cfg(target_os = "none")]
extern "sysv64" fn kernel_main(magic: u32, info: u32) -> ! {
    start::run(magic, info, window::unmap_all_else, |boot| {
        window::check_memory_map(&boot.memory_map);
        Ok(start::Wanted {
            handler: Handler::Full,
            arguments: command_line::all_but_the_first(boot.command_line),
        })
    })
}

/// See `main.rs`.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("unikraft-like is a kernel: build it with --target x86_64-unknown-none");
    std::process::exit(2);
}
