//! What to measure: the TOML file, read and checked. `docs/FORMATS.md` describes it.

mod counted;
mod file;

use std::path::{Path, PathBuf};

use contract::{Benchmark, Method};
use serde::Deserialize;

use host::files::{self, FileError};

/// An experiment, checked.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The file that it was read from.
    pub file: PathBuf,
    /// Its name; the run's folder is named after it.
    pub name: String,
    /// The benchmark program, the same for every target.
    pub program: PathBuf,
    /// Seed of the order of boots; drawn where the file gives none.
    pub seed: Option<u64>,
    /// The rows of the table, in its order.
    pub targets: Vec<Target>,
    /// How instructions are counted.
    pub exact: Exact,
}

/// How instructions are counted, where they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// Boots of each target; none: nothing is counted unless a target's own method says so.
    pub boots: u32,
    /// Samples of each benchmark in a boot.
    pub samples: u32,
    /// The processor that QEMU emulates, by QEMU's name for it.
    pub cpu: String,
}

/// What the program is told to do on a target.
#[derive(Clone, Debug)]
pub struct BenchmarkSettings {
    /// Passes over all benchmarks inside a boot.
    pub rounds: u32,
    /// One pass first that is not counted.
    pub warmup: bool,
    /// Which ones, each by its name on a kernel that has its system call.
    pub benchmarks: Vec<Benchmark>,
    /// How samples are taken.
    pub sampling: Sampling,
}

impl BenchmarkSettings {
    /// How many samples a boot gives.
    fn samples(&self) -> u64 {
        let a_round = match self.sampling {
            Sampling::Paper { .. } => 1,
            Sampling::Precise { samples, .. } | Sampling::Exact { samples } => u64::from(samples),
        };
        self.benchmarks.len() as u64 * u64::from(self.rounds) * a_round
    }
}

/// How samples are taken, and what that method needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The original's method.
    Paper {
        /// Calls a sample.
        iterations: u64,
    },
    /// Short batches.
    Precise {
        /// Samples a round and benchmark.
        samples: u32,
        /// How long the smaller batch shall take, in microseconds.
        batch_us: f64,
    },
    /// Instructions.
    Exact {
        /// Samples a round and benchmark.
        samples: u32,
    },
}

impl Sampling {
    /// The method's name on the console.
    pub fn method(self) -> Method {
        match self {
            Self::Paper { .. } => Method::Paper,
            Self::Precise { .. } => Method::Precise,
            Self::Exact { .. } => Method::Exact,
        }
    }
}

/// One row: what is booted, and by what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Short name, used in file names.
    pub name: String,
    /// How tables and plots name it.
    pub label: String,
    /// What the program is told to do there.
    pub benchmark: BenchmarkSettings,
    /// How often it is booted.
    pub boots: u32,
    /// What boots it.
    pub engine: EngineName,
    /// The processor that QEMU emulates, by QEMU's name for it; none: all that it can.
    pub cpu: Option<String>,
    /// The timed target whose instructions this one counts.
    pub counts_for: Option<String>,
    /// The kernel image; none for the host, nor for a target that cannot run yet.
    pub image: Option<PathBuf>,
    /// How the kernel gets the program.
    pub program_as: ProgramAs,
    /// The kernel's command line; the program's words are appended.
    pub cmdline: String,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// vCPUs.
    pub cpus: u32,
    /// Host CPUs to run on; none: the engine's default.
    pub pin: Option<Vec<usize>>,
    /// Seconds after which a boot is killed.
    pub timeout_s: u32,
}

/// What boots a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// `kvm` where KVM really runs guests on the CPU, otherwise `qemu`.
    Auto,
    /// Our own VMM.
    Kvm,
    /// An external QEMU, software emulation.
    Qemu,
    /// The same QEMU under KVM, with the host's processor: the original's engine.
    QemuKvm,
    /// `qemu-kvm` where KVM really runs guests on the CPU, otherwise `qemu`.
    AutoQemu,
    /// No VM: the program runs as a process.
    Host,
}

impl EngineName {
    /// Whether the machine decides.
    pub fn is_auto(self) -> bool {
        matches!(self, Self::Auto | Self::AutoQemu)
    }
}

/// How a kernel gets the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramAs {
    /// As `/init` of an initramfs: Linux.
    #[default]
    Init,
    /// Itself in the place of the initial ramdisk: ELF loaders.
    Initrd,
}

/// Why an experiment is refused.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// Its file, or another that it names, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds what cannot be.
    #[error("{path}: {reason}")]
    Wrong {
        /// The experiment's file.
        path: PathBuf,
        /// The place, and what is wrong there.
        reason: String,
    },
}

impl ExperimentError {
    /// `--only` names a target that the experiment lacks.
    pub fn no_such_target(path: &Path, name: &str, targets: &[String]) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!(
                "there is no target {name:?}; there are {}",
                targets.join(", ")
            ),
        }
    }

    /// A target that has no image cannot be traced.
    pub fn no_image(path: &Path, name: &str) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!("target {name:?} has no image: no kernel of its own, or none given"),
        }
    }

    /// A target of it cannot be booted as it says.
    pub fn in_target(path: &Path, name: &str, error: &dyn std::error::Error) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!("target {name:?}: {error}"),
        }
    }
}

/// Reads and checks an experiment. Paths in it count from its own folder.
///
/// # Errors
///
/// The file cannot be read, is no TOML, has an unknown key, lacks a field, or
/// holds a value that cannot be. Each error names the place.
pub fn load(path: &Path) -> Result<Experiment, ExperimentError> {
    files::check_regular(path)?;
    let text = files::read_text(path)?;
    file::parse(&text, path).map_err(|reason| ExperimentError::Wrong {
        path: path.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests;
