//! Watches of a whole run: `watches.csv`, what each of them adds, and the table.

mod cost;
mod file;
mod table;

use contract::{Method, Watch};
use serde::{Deserialize, Serialize};

pub use cost::{Cost, WatchCost, summarize};
pub use file::{WatchesError, read_csv, write_csv};
pub use table::text;
pub(crate) use table::{COLUMNS, WORDS, cells};

use crate::log::{Log, LogWatch};

/// Version of `watches.json`.
pub const FORMAT_VERSION: u32 = 1;

/// One watch in one boot of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWatch {
    /// The target's name.
    pub target: String,
    /// Which boot of the target.
    pub boot: u32,
    /// The watch.
    pub watch: LogWatch,
}

/// A boot's watches, from its log.
pub fn of_log(target: &str, boot: u32, log: &Log) -> impl Iterator<Item = RunWatch> {
    log.watches.iter().map(move |watch| RunWatch {
        target: target.to_owned(),
        boot,
        watch: watch.clone(),
    })
}

/// What the counter counted.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Instructions, by the exact method.
    Instructions,
    /// Nanoseconds, by the precise method.
    Nanoseconds,
}

impl Unit {
    /// What that method counts.
    pub fn of(method: Option<Method>) -> Self {
        match method {
            Some(Method::Exact) => Self::Instructions,
            _ => Self::Nanoseconds,
        }
    }

    /// In a heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Nanoseconds => "ns",
        }
    }
}

/// `watches.json`: what each watch of a run adds.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watches {
    /// Version of this file's format.
    pub version: u32,
    /// The targets that have watches, in the experiment's order.
    pub targets: Vec<WatchedTarget>,
}

/// What each watch of a target adds.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedTarget {
    /// The name in the experiment and in files.
    pub name: String,
    /// The name for readers.
    pub label: String,
    /// What was counted. Instructions are not time, and are never converted.
    pub unit: Unit,
    /// A row for each watch.
    pub costs: Vec<WatchCost>,
    /// What a reader should know, one line each.
    pub findings: Vec<String>,
}

/// The words for a watch, in one order everywhere.
fn words(watch: &Watch) -> [&'static str; 4] {
    [
        watch.kind.name(),
        watch.site.name(),
        watch.program.name(),
        watch.operation.name(),
    ]
}
