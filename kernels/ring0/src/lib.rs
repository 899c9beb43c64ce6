//! The pure half of `ring0`: it makes all decisions, and does not touch the machine. It reads
//! what the boot loader left in memory, checks the program, finds room for it and lays out its
//! stack; all of it runs in tests on the host. The other half, in `src/kernel/`, carries out
//! these decisions.
//!
//! Every input is hostile: nothing here panics, whatever the bytes are.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod boot_info;
pub mod command_line;
pub mod initial_stack;
pub mod memory;
pub mod program;
pub mod seen;
