use std::path::PathBuf;

use clap::{Args, ValueEnum};
use runs::stages::export::Format;

pub const EXAMPLES: &str = "\
Examples:
  tollgate export results/latest --format benchfmt > new.txt && benchstat old.txt new.txt
  tollgate export results/latest --format bencher > results.json
  tollgate export results/latest --format prometheus > /var/lib/node_exporter/tollgate.prom

Times of emulated targets are left out, because they measure the emulator. Counted instructions
are exported.";

/// `tollgate export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run's folder
    #[arg(default_value = "results/latest")]
    pub run: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    pub format: FormatArg,
}

/// A format of another tool.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatArg {
    /// Go's benchmark format, one line per boot, for benchstat
    Benchfmt,
    /// Bencher Metric Format
    Bencher,
    /// Prometheus' text format, for the node exporter's textfile collector
    Prometheus,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Benchfmt => Self::Benchfmt,
            FormatArg::Bencher => Self::Bencher,
            FormatArg::Prometheus => Self::Prometheus,
        }
    }
}
