//! Which start of which machine's kernel a journal is about. Settings do not outlive it, but for
//! one case: kexec starts a kernel without resetting the processor, whose registers keep what was
//! written. A disk may come to another machine, whose registers never had it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sys::{Sys, value};
use crate::files::{self, FileError};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const BOOTLOADER: &str = "/proc/sys/kernel/bootloader_type";
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// A start of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelStart {
    /// The kernel's name for it. Some containers show a different one.
    pub id: String,
    /// When, in seconds since 1970: `btime` of /proc/stat.
    pub started_s: Option<i64>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// A hash of what names the machine.
    pub machine: Option<String>,
}

/// What has happened to the kernel since a journal was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It is the same, so that everything written is still there.
    Nothing,
    /// One kernel started another: the processor's registers still have their values.
    Kexec,
    /// The machine was started again, or it is another one.
    Reboot,
}

impl KernelStart {
    /// This start.
    pub fn now(sys: &dyn Sys) -> Result<Self, FileError> {
        let id = sys.read(BOOT_ID);
        Ok(Self {
            id: id.map_err(files::reading(Path::new(BOOT_ID)))?,
            started_s: started(sys),
            kernel: value(sys, RELEASE),
            machine: machine(sys),
        })
    }

    /// What has happened since this start.
    pub fn since(&self, sys: &dyn Sys) -> Result<Since, FileError> {
        let now = Self::now(sys)?;
        Ok(if self.id == now.id || self.is_same_time(&now) {
            Since::Nothing
        } else if is_by_kexec(sys) && !self.is_of_another_machine(&now) {
            Since::Kexec
        } else {
            Since::Reboot
        })
    }

    /// The same kernel started at the same second, though the name differs: in a container that
    /// has been started again. `btime` is the clock less the uptime, rounded down.
    fn is_same_time(&self, now: &Self) -> bool {
        let (Some(then), Some(started)) = (self.started_s, now.started_s) else {
            return false;
        };
        then.abs_diff(started) <= 1 && self.kernel == now.kernel
    }

    fn is_of_another_machine(&self, now: &Self) -> bool {
        let machines = self.machine.as_ref().zip(now.machine.as_ref());
        machines.is_some_and(|(then, now)| then != now)
    }
}

/// The firmware's number for the machine, or else the system's, which a copied disk shares.
/// Neither is for everybody's eyes, but the journal is (machine-id(5)).
fn machine(sys: &dyn Sys) -> Option<String> {
    let names = ["/sys/class/dmi/id/product_uuid", "/etc/machine-id"];
    let name = names.into_iter().find_map(|path| value(sys, path))?;
    Some(files::sha256(format!("tollgate {name}").as_bytes()))
}

fn started(sys: &dyn Sys) -> Option<i64> {
    let stat = value(sys, "/proc/stat")?;
    let btime = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    btime.trim().parse().ok()
}

/// kexec gives itself the boot loader's number 0xD (type_of_loader in
/// arch/x86/kernel/kexec-bzimage64.c and in arch/x86/boot.rst); the lower four bits are a version.
fn is_by_kexec(sys: &dyn Sys) -> bool {
    const KEXEC: u32 = 0xd;
    let loader = value(sys, BOOTLOADER).and_then(|number| number.parse::<u32>().ok());
    loader.is_some_and(|loader| loader >> 4 == KEXEC)
}
