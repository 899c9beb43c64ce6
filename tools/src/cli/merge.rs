use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "\
Examples:
  tollgate merge results/fleet results/table1-shard-*
  tollgate merge results/both results/mine results/yours

A merged run contains every console of the runs, and parse, process, report, compare and
diff-env work on it. The order of the runs makes no difference, and a run that is named twice
counts once. docs/FLEET.md describes the statistics.

Exit codes: 0 complete, 85 shards or boots are missing; others as in tollgate --help.";

/// `tollgate merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The merged run's folder, which must not exist
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Folders of runs, merged ones among them
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Merge in spite of this difference
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub despite: Vec<DespiteMerge>,
}

/// Checks that the user can skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DespiteMerge {
    /// Two runs are the same shard, and both count
    Overlap,
}

impl MergeArgs {
    /// Whether a shard may be there twice.
    pub fn overlapping(&self) -> bool {
        self.despite.contains(&DespiteMerge::Overlap)
    }
}
