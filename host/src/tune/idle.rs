//! Idle states. A core takes long to leave a deep sleep; one that may not sleep at all polls, and
//! slows down the other thread of its core. C1 is between the two, so its latency is the limit.
//!
//! The limit of each CPU is in `cpuN/power/pm_qos_resume_latency_us`
//! (drivers/base/power/sysfs.c), where it outlives the process. Without that file,
//! /dev/cpu_dma_latency accepts one limit for all CPUs, as long as a process holds it open
//! (power/pm_qos_interface.rst). The governors take the smaller of the two, and poll at 0
//! (cpuidle_governor_latency_req, menu_select).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use serde::Serialize;

use super::sys::{Sys, value};
use crate::tree::Tree;

/// A CPU's wish, below its folder.
pub const RESUME_LATENCY: &str = "power/pm_qos_resume_latency_us";
const DEVICE: &str = "/dev/cpu_dma_latency";

/// A CPU's idle states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Idle {
    /// The shallowest state that is not polling.
    pub shallowest: Option<IdleState>,
    /// `pm_qos_resume_latency_us`: `0` means unlimited, `n/a` is 0 µs.
    pub resume_latency_us: Option<String>,
}

/// An idle state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IdleState {
    /// The driver's name for it.
    pub name: String,
    /// How long leaving it takes, in µs.
    pub latency_us: u32,
}

/// The file that limits how long a CPU may take to leave its idle state.
pub fn file(cpu: usize) -> String {
    format!("/sys/devices/system/cpu/cpu{cpu}/{RESUME_LATENCY}")
}

impl Idle {
    /// Reads them.
    pub fn read(sys: &dyn Sys, cpu: usize) -> Self {
        Self {
            shallowest: shallowest(sys, cpu),
            resume_latency_us: value(sys, &file(cpu)),
        }
    }

    /// The limit that allows the shallowest state and none below it. At least 1 µs: 0 polls.
    pub fn wanted_us(&self) -> Option<u32> {
        Some(self.shallowest.as_ref()?.latency_us.max(1))
    }

    /// The value to write and the current one; `None` if the CPU may not sleep deeper anyway.
    pub fn wish(&self) -> Option<(&str, u32)> {
        let (now, wanted) = (self.resume_latency_us.as_deref()?, self.wanted_us()?);
        let is_loose = match now {
            "0" => true,
            "n/a" => false,
            _ => now.parse::<u32>().is_ok_and(|now| now > wanted),
        };
        (is_loose || now == wanted.to_string()).then_some((now, wanted))
    }
}

fn shallowest(sys: &dyn Sys, cpu: usize) -> Option<IdleState> {
    let folder = format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle");
    let states = sys.names(&folder).into_iter().filter_map(|state| {
        let number: u32 = state.strip_prefix("state")?.parse().ok()?;
        let name = value(sys, &format!("{folder}/{state}/name"))?;
        let latency = value(sys, &format!("{folder}/{state}/latency"))?;
        (name != "POLL").then_some((number, name, latency.parse().ok()?))
    });
    let (_, name, latency_us) = states.min_by_key(|(number, ..)| *number)?;
    Some(IdleState { name, latency_us })
}

/// Requests at most this latency on all CPUs. The request ends when the file is closed, so a
/// crash does not leave anything to restore.
pub fn hold(root: &Tree, latency_us: u32) -> io::Result<File> {
    let mut device = OpenOptions::new().write(true).open(root.place(DEVICE))?;
    device.write_all(&latency_us.to_ne_bytes())?;
    Ok(device)
}

/// The shortest latency that is currently requested, in µs.
pub fn limit_us(root: &Tree) -> Option<u32> {
    let bytes = fs::read(root.place(DEVICE)).ok()?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// The kernel's value without any request: 2000 s.
pub const NO_LIMIT_US: u32 = 2_000_000_000;
