//! The command line of `tollgate doctor`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use host::cpus;
use host::doctor::{GuestEngine, Measurement};
use host::measuring_cpus::{HostCpus, Wanted};
use host::tree::Tree;

use super::{Pin, parse_pin};

pub(super) const EXAMPLES: &str = "\
Examples:
  tollgate doctor
  tollgate doctor --cpus 2,3 --json
  tollgate doctor --engine host && make all
  tollgate doctor --explain governor

The doctor watches the measuring CPUs for two seconds and does not change the machine.
docs/DOCTOR.md describes every check with its thresholds and reasons.

Exit codes: 0 the machine is fit, 2 it is unfit, 1 the doctor itself failed (64 for a
wrong command line).";

/// `tollgate doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The CPUs that will measure [default: the last allowed one, as for host targets]
    #[arg(long, value_name = "LIST", value_parser = parse_pin)]
    pub cpus: Option<Pin>,
    /// The engine that will boot the targets
    #[arg(long, value_enum, default_value_t = DoctorEngine::Auto)]
    pub engine: DoctorEngine,
    /// Print the verdict as JSON
    #[arg(long)]
    pub json: bool,
    /// Explain this check: what it judges and how, its sources, and their current content
    #[arg(long, value_name = "CHECK", conflicts_with_all = ["json", "engine"],
          value_parser = PossibleValuesParser::new(host::doctor::checks()))]
    pub explain: Option<String>,
    /// Read /proc and /sys below this folder; the counter and the noise are still
    /// measured on this machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
}

/// What the doctor judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorEngine {
    /// KVM and the host; without KVM, guests would only be emulated
    Auto,
    /// tollgate's own VMM
    Kvm,
    /// QEMU, software emulation
    Qemu,
    /// No guests: programs run on the host
    Host,
}

impl DoctorArgs {
    /// The machine to examine.
    pub fn tree(&self) -> Result<Tree> {
        if !self.root.is_dir() {
            bail!(
                "{} is not a folder; name one that contains proc and sys",
                self.root.display()
            );
        }
        Ok(Tree::at(&self.root))
    }

    /// The CPUs that would measure.
    pub fn measuring_cpus(&self, host_cpus: &HostCpus) -> Result<Vec<usize>> {
        let Some(asked) = &self.cpus else {
            return Ok(host_cpus.choose(Wanted {
                cpus: 1,
                host: self.measures_host(),
            }));
        };
        cpus::mask(&asked.0)?;
        Ok(asked.0.clone())
    }

    /// What to examine.
    pub fn measurement(&self, host_cpus: &HostCpus) -> Result<Measurement> {
        let cpus = self.measuring_cpus(host_cpus)?;
        Ok(Measurement {
            broken: host_cpus.judge(&cpus, cpus.len()),
            cpus,
            guests: match self.engine {
                DoctorEngine::Auto | DoctorEngine::Kvm => GuestEngine::Kvm,
                DoctorEngine::Qemu => GuestEngine::Emulator,
                DoctorEngine::Host => GuestEngine::None,
            },
            host: self.measures_host(),
            unpinned: Vec::new(),
        })
    }

    /// table1 measures guests and, for comparison, the host.
    fn measures_host(&self) -> bool {
        matches!(self.engine, DoctorEngine::Auto | DoctorEngine::Host)
    }
}
