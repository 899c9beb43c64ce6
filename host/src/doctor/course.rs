//! What happened to the machine over a longer time: a whole run.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::activity::messages::Messages;
use super::activity::{Activity, Snapshot};
use super::host::power::Power;
use crate::core_clock;
use crate::tree::Tree;

/// What happened while boots were made. What the machine does not show is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How often the measuring CPUs slowed down for heat.
    pub throttled: Option<u64>,
    /// How often this process's control groups had used up their limit.
    pub group_throttled: Option<u64>,
    /// The greatest share of a measuring CPU's time that a hypervisor took, from 0 to 1.
    pub stolen: Option<f64>,
    /// How often the firmware took the first measuring CPU away.
    pub smis: Option<u64>,
    /// The processor's temperature before and after, in degrees Celsius.
    pub celsius: Option<[f64; 2]>,
    /// The first measuring core's clock before and after, in MHz.
    pub core_mhz: Option<[f64; 2]>,
    /// Warnings of the kernel, the first of them.
    pub kernel_messages: Option<Vec<String>>,
}

/// So many warnings are kept.
const MOST: usize = 20;

/// The beginning of a [`Course`].
#[derive(Debug)]
pub struct Beginning {
    tree: Tree,
    cpus: Vec<usize>,
    time: Instant,
    celsius: Option<f64>,
    core_mhz: Option<f64>,
    snapshot: Snapshot,
    messages: Messages,
}

impl Beginning {
    /// Looks at the machine before boots are made on these CPUs.
    pub fn now(tree: &Tree, cpus: &[usize]) -> Self {
        Self {
            celsius: celsius(tree),
            core_mhz: core_mhz(cpus),
            messages: Messages::listen(tree),
            snapshot: Snapshot::take(tree, cpus),
            time: Instant::now(),
            cpus: cpus.to_vec(),
            tree: tree.clone(),
        }
    }

    /// Looks again afterwards.
    pub fn end(self) -> Course {
        let seconds = self.time.elapsed().as_secs_f64();
        let after = Snapshot::take(&self.tree, &self.cpus);
        let activity = Activity::between(&self.snapshot, &after).unwrap_or_default();
        let stolen = self.cpus.iter().filter_map(|cpu| activity.steal.get(cpu));
        let mut messages = self.messages.warnings();
        if let Some(messages) = &mut messages {
            messages.truncate(MOST);
        }
        let pair = |before: Option<f64>, after: Option<f64>| Some([before?, after?]);
        Course {
            seconds,
            throttled: activity.throttled,
            group_throttled: activity.group_throttled,
            stolen: stolen.copied().reduce(f64::max),
            smis: activity.smis,
            celsius: pair(self.celsius, celsius(&self.tree)),
            core_mhz: pair(self.core_mhz, core_mhz(&self.cpus)),
            kernel_messages: messages,
        }
    }
}

fn celsius(tree: &Tree) -> Option<f64> {
    Some(Power::read(tree).heat?.celsius)
}

fn core_mhz(cpus: &[usize]) -> Option<f64> {
    let clock = core_clock::measure(*cpus.first()?).ok()?;
    Some(clock.median().0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpus;

    #[test]
    fn a_course_has_a_beginning_and_an_end() {
        let tree = Tree::default();
        let course = Beginning::now(&tree, &cpus::allowed()[..1]).end();
        assert!(course.seconds >= 0.0);
        if let Some(stolen) = course.stolen {
            assert!((0.0..=1.0).contains(&stolen), "{course:?}");
        }
        let text = serde_json::to_string(&course).unwrap();
        assert_eq!(serde_json::from_str::<Course>(&text).unwrap(), course);
    }
}
