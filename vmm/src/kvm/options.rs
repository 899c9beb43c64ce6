//! What a caller can ask of this engine alone.

use super::seccomp::Seccomp;
use crate::CONSOLE_LIMIT;
use crate::image::Protocol;

/// What a caller can ask of this engine alone.
#[derive(Clone, Debug)]
pub struct KvmOptions {
    /// Boot by this protocol; none: by the best that the image speaks.
    pub protocol: Option<Protocol>,
    /// Ports beside 0xf4 and 0x501 to which a guest writes its exit status.
    pub debug_exit_ports: Vec<u16>,
    /// Take all guest memory from the host before the guest starts.
    pub prefault: bool,
    /// Ask for transparent huge pages behind guest memory, where the host has some.
    pub huge_pages: bool,
    /// Say at the end which pages guest memory got: [`crate::BootOutcome::pages`].
    pub count_pages: bool,
    /// Which threads are filtered.
    pub seccomp: Seccomp,
    /// Bytes that a guest may write to its console before it is stopped.
    pub console_limit: usize,
    /// Who waits until the kernel has taken the ended machine down.
    pub teardown: Teardown,
}

/// Who waits until the kernel has taken an ended machine down: 7 to 25 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Teardown {
    /// The caller: nothing of one guest is left when the next one begins.
    #[default]
    Wait,
    /// Nobody. Meant for a process that boots one guest; Linux 6.9 or later.
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
