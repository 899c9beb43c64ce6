//! /dev/cpu_dma_latency: how long an idle CPU may take to come back, for as long as
//! somebody holds the file open (the kernel's power/pm_qos_interface.rst).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use crate::tree::Tree;

const DEVICE: &str = "/dev/cpu_dma_latency";

/// Asks for 0 µs, which keeps CPUs out of every idle state but the shallowest. The wish
/// ends with the file, so that nothing has to be put back after a crash.
pub fn hold(root: &Tree) -> io::Result<File> {
    let mut device = OpenOptions::new().write(true).open(root.place(DEVICE))?;
    device.write_all(&0u32.to_ne_bytes())?;
    Ok(device)
}

/// The shortest latency that anybody asks for now, in µs.
pub fn limit_us(root: &Tree) -> Option<u32> {
    let bytes = fs::read(root.place(DEVICE)).ok()?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// What the kernel shows where nobody asks for anything: 2000 s.
pub const NO_LIMIT_US: u32 = 2_000_000_000;
