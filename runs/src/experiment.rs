//! What to measure: the TOML file, read and checked. `docs/FORMATS.md` describes it.

mod counted;
mod file;
mod watch;

use std::path::{Path, PathBuf};

use contract::{Benchmark, Method};
use serde::Deserialize;

use host::files::{self, FileError};

pub use watch::Watching;

/// An experiment, checked.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The file from which it was read.
    pub file: PathBuf,
    /// Its name; the run's folder is named after it.
    pub name: String,
    /// The benchmark program, the same for every target.
    pub program: PathBuf,
    /// Seed of the order of boots; drawn if the file does not have one.
    pub seed: Option<u64>,
    /// The rows of the table, in its order.
    pub targets: Vec<Target>,
    /// How instructions are counted.
    pub exact: Exact,
}

/// How instructions are counted, if they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// Boots of each target; with 0, nothing is counted unless a target's own method says so.
    pub boots: u32,
    /// Samples of each benchmark in a boot.
    pub samples: u32,
    /// The processor that QEMU emulates, by QEMU's name.
    pub cpu: String,
}

/// What the program does on a target.
#[derive(Clone, Debug)]
pub struct BenchmarkSettings {
    /// Passes over all benchmarks inside a boot.
    pub rounds: u32,
    /// Whether a first pass runs that is not counted.
    pub warmup: bool,
    /// The benchmarks, each by its name on a kernel that has its system call.
    pub benchmarks: Vec<Benchmark>,
    /// How samples are taken.
    pub sampling: Sampling,
}

impl BenchmarkSettings {
    /// How many samples one boot gives.
    fn samples(&self) -> u64 {
        let a_round = match self.sampling {
            Sampling::Paper { .. } => 1,
            Sampling::Precise { samples, .. } | Sampling::Exact { samples } => u64::from(samples),
        };
        self.benchmarks.len() as u64 * u64::from(self.rounds) * a_round
    }
}

/// How samples are taken, with the parameters of that method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The original's method.
    Paper {
        /// Calls per sample.
        iterations: u64,
    },
    /// Short batches.
    Precise {
        /// Samples per round and benchmark.
        samples: u32,
        /// How long the smaller batch should take, in microseconds.
        batch_us: f64,
    },
    /// Instructions.
    Exact {
        /// Samples per round and benchmark.
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

/// One row: what is booted, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Short name, used in file names.
    pub name: String,
    /// Its name in tables and plots.
    pub label: String,
    /// What the program does there.
    pub benchmark: BenchmarkSettings,
    /// How often it is booted.
    pub boots: u32,
    /// What boots it.
    pub engine: EngineName,
    /// The processor that QEMU emulates, by QEMU's name; `None`: with everything that it can
    /// emulate.
    pub cpu: Option<String>,
    /// The timed target whose instructions this one counts.
    pub counts_for: Option<String>,
    /// The kernel image; `None` for the host, and for a target without an image.
    pub image: Option<PathBuf>,
    /// How the kernel gets the program.
    pub program_as: ProgramAs,
    /// The kernel's command line; the program's arguments are appended.
    pub cmdline: String,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// vCPUs.
    pub cpus: u32,
    /// Host CPUs to run on; empty: the engine's default.
    pub pin: Option<Vec<usize>>,
    /// Seconds after which a boot is killed.
    pub timeout_s: u32,
    /// What is watched while it is measured; empty: nothing.
    pub watch: Vec<Watching>,
}

/// What boots a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// `kvm` if KVM really runs guests on the CPU, otherwise `qemu`.
    Auto,
    /// Our own VMM.
    Kvm,
    /// An external QEMU, software emulation.
    Qemu,
    /// The same QEMU under KVM, with the host's processor: the original's engine.
    QemuKvm,
    /// `qemu-kvm` if KVM really runs guests on the CPU, otherwise `qemu`.
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
    /// In place of the initial ramdisk: ELF loaders.
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
    /// `--only` names a target that is not in the experiment.
    pub fn no_such_target(path: &Path, name: &str, targets: &[String]) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!(
                "the experiment does not have a target {name:?}; its targets are {}",
                targets.join(", ")
            ),
        }
    }

    /// A target is to be watched, but the program cannot do that.
    pub fn cannot_watch(path: &Path, name: &str, program: &Path) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!(
                "target {name:?} has `watch`, which {} does not carry out; \
                 fix: write program = \"../build/probe-bench\"",
                program.display()
            ),
        }
    }

    /// A target without an image cannot be traced.
    pub fn no_image(path: &Path, name: &str) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!(
                "target {name:?} does not have an image: set `image`, or trace another target"
            ),
        }
    }

    /// A target cannot be booted as described.
    pub fn in_target(path: &Path, name: &str, error: &dyn std::error::Error) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            reason: format!("target {name:?}: {error}"),
        }
    }
}

/// Reads and checks an experiment. Its paths are relative to its own folder.
///
/// # Errors
///
/// The file cannot be read, is not valid TOML, has an unknown key, lacks a field, or has an
/// invalid value. Each error names the place.
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
