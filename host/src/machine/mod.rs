//! The machine that measures: everything that may explain why two machines give different numbers.

mod hardware;
pub mod identity;
mod settings;
mod software;
mod state;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vmm::probe::KvmKind;

use crate::tool::Tool;
use crate::tree::Tree;
use crate::tsc::{self, TscFrequency};
use crate::{doctor, kvm};

/// The machine's description of itself. Values that it does not reveal are not listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The first processor's lines of `/proc/cpuinfo`, including `flags` and `bugs`.
    pub cpu: BTreeMap<String, String>,
    /// Caches, cores, nodes, memory, firmware.
    pub hardware: BTreeMap<String, String>,
    /// The name of the hypervisor underneath, as it gives it; `None` on a physical machine.
    pub hypervisor: Option<String>,
    /// Mitigations, by vulnerability.
    pub vulnerabilities: BTreeMap<String, String>,
    /// The kernel's release, version, command line and configuration, and the system.
    pub software: BTreeMap<String, String>,
    /// Frequency, power and scheduling settings, by name.
    pub settings: BTreeMap<String, String>,
    /// Parameters of KVM's modules: `kvm.halt_poll_ns`.
    pub kvm_parameters: BTreeMap<String, String>,
    /// How this process runs, the kernel's other work, and the speed of a core. Older versions did
    /// not record this.
    #[serde(default)]
    pub state: BTreeMap<String, String>,
    /// Values that change from minute to minute.
    pub passing: BTreeMap<String, String>,
    /// The time stamp counter.
    pub tsc: TscFrequency,
    /// What /dev/kvm is.
    pub kvm: KvmKind,
}

impl Machine {
    /// Reads everything; takes a fifth of a second to measure the counter's frequency.
    pub fn read(tree: &Tree, tool: Tool) -> Self {
        Self {
            cpu: hardware::first_processor(&tree.text("/proc/cpuinfo").unwrap_or_default()),
            hardware: hardware::read(tree),
            hypervisor: doctor::hypervisor(),
            vulnerabilities: doctor::vulnerabilities(tree),
            software: software::read(tree, tool),
            settings: settings::read(tree),
            kvm_parameters: settings::kvm_parameters(tree),
            state: state::read(tree),
            passing: settings::passing(tree),
            tsc: tsc::frequency(),
            kvm: kvm::probe(),
        }
    }

    /// The first difference between two machines, or of one machine at two times, that changes
    /// measurements.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let maps = [
            ("processor", &self.cpu, &other.cpu),
            ("mitigation", &self.vulnerabilities, &other.vulnerabilities),
            ("software", &self.software, &other.software),
            ("setting", &self.settings, &other.settings),
        ];
        maps.into_iter().find_map(|(what, ours, theirs)| {
            let mut names = ours.keys().chain(theirs.keys());
            let name = names.find(|name| ours.get(*name) != theirs.get(*name))?;
            Some(format!("{what} {name:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_what_passes_does_not_count() {
        let tool = Tool {
            version: "0.0.0 (test)",
            compiler: "rustc 0.0.0",
        };
        let machine = Machine::read(&Tree::default(), tool);
        let mut other = machine.clone();
        other.passing.insert("load".into(), "99".into());
        assert_eq!(machine.difference(&other), None);
        other.settings.insert("boost".into(), "new".into());
        assert_eq!(
            machine.difference(&other).as_deref(),
            Some("setting \"boost\"")
        );
        other.cpu.insert("microcode".into(), "no machine's".into());
        let expected = Some("processor \"microcode\"");
        assert_eq!(other.difference(&machine).as_deref(), expected);
    }
}
