//! `manifest.json`: what was run, where and how.

mod merged;

use std::fmt;
use std::path::Path;

use eval::verdict::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use merged::{MergedRuns, Origin, PartId, Placed, one_frequency};

use super::RunFolder;
use crate::engine::About;
use crate::schedule::PlannedBoot;
use crate::shard::Scheduled;
use host::doctor::{self, Course};
use host::files::{self, Damaged, FileError};
use host::machine::Machine;
use host::machine::identity::Identity;
use host::measuring_cpus::BrokenRule;
use host::tune::Tuning;

/// Version of the run folder's files. It changes whenever their meaning does.
pub const FORMAT: u32 = 3;

/// The oldest version that can be read. Format 2 calls a finding's `fix` something else.
const OLDEST_FORMAT: u32 = 2;

/// Everything that does not change from boot to boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the run folder's files.
    pub format: u32,
    /// A random number that identifies this run; the records of its boots repeat it.
    pub id: String,
    /// Version and commit of the tool.
    pub tool: String,
    /// The experiment's name.
    pub experiment: String,
    /// The file from which it was read.
    pub experiment_file: String,
    /// SHA-256 of that file, of which `experiment.toml` is a copy.
    pub experiment_sha256: String,
    /// Seed of the order of boots.
    pub seed: u64,
    /// The benchmark program.
    pub program: ProgramId,
    /// The rows of the table, in its order.
    pub targets: Vec<TargetId>,
    /// All boots, in their order.
    pub plan: Vec<PlannedBoot>,
    /// The part of the experiment's boots that `plan` has; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Scheduled>,
    /// The machine.
    pub machine: Machine,
    /// Which machine; `None` if it has no ID, and in runs of older tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Whether it was fit for measuring when the run began.
    pub doctor: Verdict,
    /// What `--tune` set for the run; `None` without it.
    #[serde(default)]
    pub tune: Option<Tuning>,
    /// What happened to the machine while boots ran, once for each time that the run was
    /// started or resumed. Older versions did not record it.
    #[serde(default)]
    pub courses: Vec<Course>,
    /// The runs that this one was merged from; `None`: it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergedRuns>,
    /// When the run began.
    pub started: Timestamp,
    /// When its last boot ended; `None` until then.
    pub ended: Option<Timestamp>,
}

/// A file, identified by its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileId {
    /// Its path, for people.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

impl FileId {
    /// The file as it is now.
    pub fn of(path: &Path) -> Result<Self, files::FileError> {
        Ok(Self {
            path: path.display().to_string(),
            sha256: files::sha256_of(path)?,
        })
    }
}

/// The benchmark program, and how the targets got it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramId {
    /// The file. The run folder has a copy, which every target ran.
    pub file: FileId,
    /// SHA-256 of the initramfs made from it.
    pub initramfs_sha256: String,
}

/// A target as it was booted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetId {
    /// Its name in files.
    pub name: String,
    /// Its name for readers.
    pub label: String,
    /// How its samples are taken: `precise`, `exact` or `paper`.
    pub method: String,
    /// What boots it.
    pub engine: About,
    /// Why `engine = "auto"` chose it; `None` if the experiment names it.
    pub engine_reason: Option<String>,
    /// The kernel image; `None` for the host.
    pub image: Option<FileId>,
    /// SHA-256 of the program that it ran.
    pub program_sha256: String,
    /// The kernel's command line, or the program's arguments on the host.
    pub cmdline: String,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// vCPUs.
    pub cpus: u32,
    /// Host CPUs to which it was pinned; empty: not pinned.
    pub pin: Vec<usize>,
    /// Who chose them; `None` if nobody did, and in runs of older versions.
    #[serde(default)]
    pub pinned_by: Option<PinnedBy>,
    /// The rules for measuring CPUs that they violate, most important first.
    #[serde(default)]
    pub pin_breaks: Vec<BrokenRule>,
    /// How to provide an image, if there is none; such a target is not booted.
    pub missing: Option<String>,
    /// The timed target whose instructions this one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_for: Option<String>,
}

/// Who chose a target's CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinnedBy {
    /// The experiment names them.
    Experiment,
    /// The tool, by [`host::measuring_cpus`].
    Tollgate,
}

impl fmt::Display for PinnedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Experiment => "the experiment",
            Self::Tollgate => "tollgate",
        })
    }
}

impl TargetId {
    /// The first difference between two boots of the target.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let hash = |target: &Self| target.image.as_ref().map(|image| image.sha256.clone());
        let same = [
            ("method", self.method == other.method),
            ("engine", self.engine == other.engine),
            ("image", hash(self) == hash(other)),
            ("program", self.program_sha256 == other.program_sha256),
            ("command line", self.cmdline == other.cmdline),
            ("memory", self.memory_mib == other.memory_mib),
            ("number of vCPUs", self.cpus == other.cpus),
            ("pinning", self.pin == other.pin),
        ];
        same.into_iter()
            .find_map(|(what, same)| (!same).then_some(what))
    }
}

impl Manifest {
    /// The version that this tool writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads a run's manifest.
    pub fn read(run: &RunFolder) -> Result<Self, FileError> {
        const REMEDY: &str =
            "the run cannot be used, but `tollgate stats` can still read its consoles";
        let path = run.manifest();
        // The version comes first, because another version may have other fields.
        let version: Version = files::read_json(&path, REMEDY)?;
        if !(OLDEST_FORMAT..=FORMAT).contains(&version.format) {
            let found = version.format;
            return Err(Damaged {
                path,
                reason: format!(
                    "it has format {found}, but this tool reads formats {OLDEST_FORMAT} to {FORMAT}"
                ),
                remedy: "use the tollgate version that wrote it",
            }
            .into());
        }
        let manifest: Self = files::read_json(&path, REMEDY)?;
        // What was read is written in the current format if the run is resumed.
        Ok(Self {
            format: FORMAT,
            ..manifest
        })
    }

    /// Whether the machine was fit for measuring when the run began, and while it ran.
    pub fn verdict(&self) -> Verdict {
        let findings = doctor::findings(&self.courses);
        self.doctor.clone().with(findings)
    }

    /// Writes it.
    pub fn write(&self, run: &RunFolder) -> Result<(), files::FileError> {
        files::write_json(&run.manifest(), self)
    }
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}
