//! What the manifest of a merged run says about its parts.

use eval::compare::is_same_frequency;
use eval::units::TscHz;
use host::files::FileError;
use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::run::RunFolder;
use crate::schedule::PlannedBoot;
use crate::shard::Shard;

/// The runs in a merged one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergedRuns {
    /// Them, each with a folder of its own in `parts/`.
    pub parts: Vec<PartId>,
    /// Where each boot of the plan comes from, in the plan's order.
    pub boots: Vec<Origin>,
    /// Shards that are not among them.
    pub missing: Vec<u32>,
}

/// A run in a merged one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartId {
    /// Its ID, and its folder's name.
    pub run: String,
    /// The machine's identity.
    pub machine: String,
    /// Which part of the experiment it is; `None`: all of it.
    pub shard: Option<Shard>,
}

/// A boot in the run in which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The run's place among the parts.
    pub part: usize,
    /// Which boot of the target.
    pub boot: u32,
    /// Its place in the run, in order of time.
    pub position: usize,
}

/// A planned boot, and where its files are.
pub struct Placed {
    /// The run in which it was made.
    pub run: RunFolder,
    /// That run's ID.
    pub id: String,
    /// The boot in that run.
    pub planned: PlannedBoot,
    /// Its place in that run.
    pub position: usize,
}

impl Manifest {
    /// Where the files of the boot at that place of the plan are.
    pub fn place(&self, run: &RunFolder, position: usize, planned: &PlannedBoot) -> Placed {
        let merged = self.merged.as_ref();
        let origin = merged.and_then(|merged| {
            let origin = merged.boots.get(position)?;
            Some((origin, merged.parts.get(origin.part)?))
        });
        match origin {
            Some((origin, part)) => Placed {
                run: RunFolder::planned(&run.part(&part.run)),
                id: part.run.clone(),
                planned: PlannedBoot {
                    target: planned.target.clone(),
                    boot: origin.boot,
                },
                position: origin.position,
            },
            None => Placed {
                run: run.clone(),
                id: self.id.clone(),
                planned: planned.clone(),
                position,
            },
        }
    }

    /// The manifests of the runs that it was merged from, in their order; none if it was run.
    pub fn read_parts(&self, run: &RunFolder) -> Result<Vec<Self>, FileError> {
        let parts = self.merged.iter().flat_map(|merged| &merged.parts);
        parts
            .map(|part| Self::read(&RunFolder::planned(&run.part(&part.run))))
            .collect()
    }

    /// Why a merged run is not all of the experiment; `None` if it is, or is not merged.
    pub fn incomplete(&self, finished: usize) -> Option<String> {
        let merged = self.merged.as_ref()?;
        let mut lacks = Vec::new();
        if !merged.missing.is_empty() {
            let of = merged.parts.iter().find_map(|part| part.shard);
            let of = of.map_or(0, |shard| shard.of);
            let missing: Vec<_> = merged.missing.iter().map(u32::to_string).collect();
            let (word, missing) = (words(missing.len()), missing.join(", "));
            lacks.push(format!("{word} {missing} of {of} missing"));
        }
        let unfinished = self.plan.len().saturating_sub(finished);
        if unfinished > 0 {
            let all = self.plan.len();
            lacks.push(format!(
                "{unfinished} of the other shards' {all} boots not run"
            ));
        }
        (!lacks.is_empty()).then(|| format!("incomplete: {}", lacks.join("; ")))
    }
}

/// Whether ticks of all these runs are alike.
pub fn one_frequency(manifests: &[Manifest]) -> bool {
    let hz = || manifests.iter().map(|manifest| manifest.machine.tsc.hz());
    match (hz().min_by(f64::total_cmp), hz().max_by(f64::total_cmp)) {
        (Some(least), Some(most)) => is_same_frequency(TscHz(least), TscHz(most)),
        _ => true,
    }
}

fn words(count: usize) -> &'static str {
    if count == 1 { "shard" } else { "shards" }
}
