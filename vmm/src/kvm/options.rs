//! Options that only this engine has.

use super::seccomp::Seccomp;
use crate::CONSOLE_LIMIT;
use crate::image::Protocol;

/// Options that only this engine has.
#[derive(Clone, Debug)]
pub struct KvmOptions {
    /// Boot by this protocol; if `None`, by the best one that the image supports.
    pub protocol: Option<Protocol>,
    /// Ports to which a guest writes its exit status, in addition to 0xf4 and 0x501.
    pub debug_exit_ports: Vec<u16>,
    /// Take all guest memory from the host before the guest starts.
    pub prefault: bool,
    /// Ask for transparent huge pages behind guest memory, if the host has some.
    pub huge_pages: bool,
    /// Report at the end which pages guest memory got: [`crate::BootOutcome::pages`].
    pub count_pages: bool,
    /// Which threads are filtered.
    pub seccomp: Seccomp,
    /// Bytes that a guest may write to its console before it is stopped.
    pub console_limit: usize,
    /// Who waits until the kernel has destroyed the ended machine.
    pub teardown: Teardown,
}

/// Who waits until the kernel has destroyed an ended machine: 7 to 25 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Teardown {
    /// The caller: nothing of one guest is left when the next one starts.
    #[default]
    Wait,
    /// Nobody. For a process that boots one guest; Linux 6.9 or later.
    LeaveToKernel,
}

impl Default for KvmOptions {
    fn default() -> Self {
        Self {
            protocol: None,
            debug_exit_ports: Vec::new(),
            prefault: false,
            huge_pages: false,
            count_pages: false,
            seccomp: Seccomp::default(),
            console_limit: CONSOLE_LIMIT,
            teardown: Teardown::default(),
        }
    }
}
