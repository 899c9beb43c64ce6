//! What was done for a run, as its manifest tells it.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::apply::{self, Applied};
use super::plan::Request;
use super::{Outcome, sys};
use crate::tree::Tree;

/// What was done for a run, as its manifest tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The measuring CPUs; empty: all.
    pub cpus: Vec<usize>,
    /// Every setting: before, wanted, and what stands there.
    pub settings: Vec<Applied>,
    /// What could not be done or is left to the user.
    pub remarks: Vec<String>,
    /// Whether /dev/cpu_dma_latency was held at 0 µs.
    pub cpu_dma_latency_held: bool,
    /// Settings that showed something else when the last boot had ended.
    pub changed: Vec<Changed>,
}

/// A setting that somebody has changed during a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// The file.
    pub path: String,
    /// What it showed when the run began.
    pub then: Option<String>,
    /// What it shows now.
    pub now: Option<String>,
}

impl Tuning {
    /// What became of a request, and whether idle states could be kept away.
    pub fn new(request: &Request, outcome: &Outcome, latency: &io::Result<File>) -> Self {
        let remarks = outcome.plan.remarks.iter();
        let mut remarks: Vec<_> = remarks.map(|remark| remark.text.clone()).collect();
        if let Err(error) = latency {
            let error = apply::explain(error);
            remarks.push(format!(
                "/dev/cpu_dma_latency: {error}; CPUs fall into idle states"
            ));
        }
        Self {
            cpus: request.cpus.clone(),
            settings: outcome.settings.clone(),
            remarks,
            cpu_dma_latency_held: latency.is_ok(),
            changed: Vec::new(),
        }
    }

    /// Looks at every setting again.
    pub fn checked(self, root: &Path) -> Self {
        let root = Tree::at(root);
        let changed = self.settings.iter().filter_map(|setting| {
            let now = sys::value(&root, &setting.path);
            (now != setting.now).then(|| Changed {
                path: setting.path.clone(),
                then: setting.now.clone(),
                now,
            })
        });
        Self {
            changed: changed.collect(),
            ..self
        }
    }

    /// Whether boots under the two could be compared.
    pub fn is_like(&self, other: &Self) -> bool {
        let shown = |tuning: &Self| -> Vec<_> {
            let settings = tuning.settings.iter();
            settings.map(|s| (s.path.clone(), s.now.clone())).collect()
        };
        shown(self) == shown(other) && self.cpu_dma_latency_held == other.cpu_dma_latency_held
    }
}
