//! What boots a target. Every engine takes a [`BootSpec`] and gives a [`BootOutcome`].

mod child;
mod cpus;
mod host;
mod qemu;
mod qmp;

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use vmm::{BootOutcome, BootSpec};

pub use cpus::{CpuListError, allowed, parse_list};
pub use host::Host;
pub use qemu::Qemu;

use crate::experiment::EngineName;

/// Something that boots targets.
pub trait Engine {
    /// Boots once. Console bytes go to `console` as they come, and into the outcome;
    /// `stop` ends the boot early.
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome;

    /// What stands in the manifest and beside every number.
    fn about(&self) -> About;

    /// Checks what can be checked before anything is booted.
    fn check(&self, spec: &BootSpec) -> Result<(), EngineError>;
}

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// `qemu` or `host`.
    pub name: String,
    /// Its own words about its version.
    pub version: String,
    /// Whether instructions are emulated, so that its numbers measure nothing.
    pub emulated: bool,
}

/// Why an engine cannot boot something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program is not there.
    #[error("{program} is not installed: {reason} (on Debian: apt-get install {package})")]
    NotInstalled {
        /// Its name.
        program: &'static str,
        /// What the system said.
        reason: String,
        /// The package that holds it.
        package: &'static str,
    },
    /// The image is none.
    #[error("{path}: {reason}")]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// The engine of that name.
pub fn by_name(name: EngineName) -> Result<Box<dyn Engine>, EngineError> {
    Ok(match name {
        EngineName::Qemu => Box::new(Qemu::find()?),
        EngineName::Host => Box::new(Host),
    })
}
