//! The tuning of the machine during a run, as the manifest records it.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use super::apply::Applied;
use super::boot::Since;
use super::held::Held;
use super::journal::JournalFolder;
use super::plan::Request;
use super::sys::{self, Sys};
use super::{Outcome, TuneError, say};
use crate::tree::Tree;

/// How the machine was tuned for a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Who tuned it.
    #[serde(default)]
    pub by: By,
    /// The measuring CPUs; empty: all.
    pub cpus: Vec<usize>,
    /// Every setting with its previous, wanted and current value.
    pub settings: Vec<Applied>,
    /// The requested and measured clocks. Empty after `tollgate tune apply`.
    #[serde(default)]
    pub clocks: Vec<Held>,
    /// Everything that could not be done or is left to the user.
    pub remarks: Vec<String>,
    /// The latency, in µs, at which the run held /dev/cpu_dma_latency; `None` if it did not.
    #[serde(
        default,
        alias = "cpu_dma_latency_held",
        deserialize_with = "latency_or_whether"
    )]
    pub cpu_dma_latency_us: Option<u32>,
    /// Settings that showed something else when the last boot had ended.
    pub changed: Vec<Changed>,
}

/// Who tuned a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// `run --tune`, for the run's time.
    #[default]
    Run,
    /// `tollgate tune apply`, before the run.
    Apply,
}

/// A setting that somebody has changed during a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// The file.
    pub path: String,
    /// Its value when the run began.
    pub then: Option<String>,
    /// Its current value.
    pub now: Option<String>,
}

/// Runs of earlier versions record whether the latency was held, which was at 0 µs.
fn latency_or_whether<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Latency(Option<u32>),
        Whether(bool),
    }
    Ok(match Told::deserialize(from)? {
        Told::Latency(latency) => latency,
        Told::Whether(held) => held.then_some(0),
    })
}

impl Tuning {
    /// The outcome of a request.
    pub(super) fn new(request: &Request, outcome: &Outcome) -> Self {
        Self {
            by: By::Run,
            cpus: request.cpus.clone(),
            settings: outcome.settings.clone(),
            clocks: outcome.clocks.clone(),
            remarks: outcome.remarks(),
            cpu_dma_latency_us: None,
            changed: Vec::new(),
        }
    }

    /// The settings that an earlier process has tuned and nobody has restored; `None` if the
    /// machine is not tuned.
    pub fn standing(root: &Path) -> Result<Option<Self>, TuneError> {
        let tree = Tree::at(root);
        let folder = JournalFolder::below(root);
        let Some(header) = folder.header()? else {
            return Ok(None);
        };
        if header.boot.since(&tree)? == Since::Reboot {
            return Ok(None);
        }
        let stopped = header.stops.iter();
        let stopped = stopped.map(|process| format!("{process} is stopped"));
        let tuned = say::tuned_since(header.started, &folder.journal());
        let writes = header.writes.into_iter();
        let settings = writes
            .filter(|write| write.new.is_some())
            .map(|write| Applied::read(&tree, write, None));
        Ok(Some(Self {
            by: By::Apply,
            cpus: header.cpus,
            settings: settings.collect(),
            clocks: Vec::new(),
            remarks: [tuned].into_iter().chain(stopped).collect(),
            cpu_dma_latency_us: None,
            changed: Vec::new(),
        }))
    }

    /// Looks at every setting again.
    pub fn checked(self, root: &Path) -> Self {
        let root: &dyn Sys = &Tree::at(root);
        let changed = self.settings.iter().filter_map(|setting| {
            let now = sys::value(root, &setting.path);
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

    /// Whether boots under the two are comparable.
    pub fn is_like(&self, other: &Self) -> bool {
        let shown = |tuning: &Self| -> Vec<_> {
            let settings = tuning.settings.iter();
            settings.map(|s| (s.path.clone(), s.now.clone())).collect()
        };
        shown(self) == shown(other) && self.cpu_dma_latency_us == other.cpu_dma_latency_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_earlier_versions_are_read() {
        let record = |latency: &str| {
            let text = format!(
                r#"{{"cpus": [], "settings": [], "remarks": [], {latency}, "changed": []}}"#
            );
            let tuning: Tuning = serde_json::from_str(&text).unwrap();
            (tuning.by, tuning.cpu_dma_latency_us)
        };
        assert_eq!(
            record(r#""cpu_dma_latency_held": true"#),
            (By::Run, Some(0))
        );
        assert_eq!(record(r#""cpu_dma_latency_held": false"#), (By::Run, None));
        assert_eq!(record(r#""cpu_dma_latency_us": 2"#), (By::Run, Some(2)));
    }
}
