//! The command line of `tollgate tune`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Pin, parse_pin};
use host::tune::{Khz, Request};

/// `tollgate tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// The command
    #[command(subcommand)]
    pub command: TuneCommand,
    /// The folder that contains sys/, proc/, dev/, and var/lib/tollgate with the journal
    #[arg(long, value_name = "DIR", default_value = "/", global = true)]
    pub root: PathBuf,
}

/// Its three commands.
#[derive(Debug, Subcommand)]
pub enum TuneCommand {
    /// Show clocks, turbo, siblings, interrupts and limits, and whether the machine is tuned
    Status(TuneStatusArgs),
    /// Hold the clock constant, turn off turbo, and move interrupts away; a journal keeps
    /// the previous settings
    Apply(TuneApplyArgs),
    /// Restore all settings in the journal, except those that others have changed since
    Restore(TuneRestoreArgs),
}

/// `tollgate tune status`.
#[derive(Debug, Args)]
pub struct TuneStatusArgs {
    /// The CPUs that measure, like 1,4-7 [default: all]
    #[arg(long, value_name = "LIST", value_parser = parse_pin)]
    pub cpus: Option<Pin>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl TuneStatusArgs {
    /// The CPUs that measure; empty for all.
    pub fn cpus(&self) -> &[usize] {
        self.cpus.as_ref().map_or(&[], |cpus| &cpus.0)
    }
}

/// `tollgate tune apply`.
#[derive(Debug, Args)]
pub struct TuneApplyArgs {
    /// The CPUs that measure, like 1,4-7; interrupts are moved away from them [default: all]
    #[arg(long, value_name = "LIST", value_parser = parse_pin)]
    pub cpus: Option<Pin>,
    /// The frequency to hold [default: the highest without turbo]
    #[arg(long, value_name = "KHZ", value_parser = parse_khz)]
    pub freq: Option<Khz>,
    /// Take the other threads of the measuring CPUs' cores offline (never CPU 0)
    #[arg(long, requires = "cpus")]
    pub offline_siblings: bool,
    /// Stop irqbalance, which would move interrupts back, until `restore`
    #[arg(long)]
    pub stop_irqbalance: bool,
    /// Print every write in its order, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl TuneApplyArgs {
    /// The request that these arguments make.
    pub fn request(&self) -> Request {
        Request {
            cpus: self.cpus.clone().map(|cpus| cpus.0).unwrap_or_default(),
            freq: self.freq,
            offline_siblings: self.offline_siblings,
            stop_irqbalance: self.stop_irqbalance,
        }
    }
}

/// `tollgate tune restore`.
#[derive(Debug, Args)]
pub struct TuneRestoreArgs {
    /// Print what would be restored, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

fn parse_khz(text: &str) -> Result<Khz, String> {
    match text.parse() {
        Ok(khz) if khz > 0 => Ok(Khz(khz)),
        _ => Err("write it in kHz, like 3600000 for 3.6 GHz".into()),
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  tollgate tune status --cpus 3
  sudo tollgate tune apply --dry-run
  sudo tollgate tune apply --cpus 3 --offline-siblings --stop-irqbalance
  sudo tollgate tune apply --freq 2600000
  sudo tollgate tune restore

`tollgate run --tune` tunes before a run and restores afterwards. docs/TUNE.md lists every
file that is written.";
