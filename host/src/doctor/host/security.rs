//! The kernel's other work at system calls: audit, security modules, patches, and this
//! process's speculation controls.

use crate::tree::Tree;

/// The kernel's state, and that of this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// The security modules, in their order.
    pub modules: Option<Vec<String>>,
    /// Live patches that are in use.
    pub patches: Vec<String>,
    /// The line of /proc/self/status on speculative store bypass.
    pub store_bypass: Option<String>,
    /// The line on indirect branches.
    pub indirect_branch: Option<String>,
}

impl Security {
    /// Reads it.
    pub fn read(tree: &Tree) -> Self {
        let status = tree.text("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let mut lines = status.lines().filter_map(|line| line.split_once(':'));
            let (_, value) = lines.find(|(field, _)| *field == name)?;
            Some(value.trim().to_owned())
        };
        let modules = tree.text("/sys/kernel/security/lsm");
        Self {
            modules: modules.map(|list| list.split(',').map(str::to_owned).collect()),
            patches: patches(tree),
            store_bypass: field("Speculation_Store_Bypass"),
            indirect_branch: field("SpeculationIndirectBranch"),
        }
    }
}

/// Linux, Documentation/livepatch/livepatch.rst.
fn patches(tree: &Tree) -> Vec<String> {
    const FOLDER: &str = "/sys/kernel/livepatch";
    let names = tree.names(FOLDER).into_iter();
    let enabled =
        |name: &String| tree.text(&format!("{FOLDER}/{name}/enabled")).as_deref() == Some("1");
    names.filter(enabled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn a_patched_kernel_and_a_process_that_pays_for_its_safety() {
        let (_folder, tree) = laid_out(&[
            (
                "sys/kernel/security/lsm",
                "lockdown,capability,apparmor,bpf",
            ),
            ("sys/kernel/livepatch/lkp_1/enabled", "1"),
            ("sys/kernel/livepatch/lkp_0/enabled", "0"),
            (
                "proc/self/status",
                "Speculation_Store_Bypass:\tthread force mitigated\nSpeculationIndirectBranch:\tconditional enabled\n",
            ),
        ]);
        let expected = Security {
            modules: Some(
                ["lockdown", "capability", "apparmor", "bpf"]
                    .map(str::to_owned)
                    .into(),
            ),
            patches: vec!["lkp_1".into()],
            store_bypass: Some("thread force mitigated".into()),
            indirect_branch: Some("conditional enabled".into()),
        };
        assert_eq!(Security::read(&tree), expected);
    }
}
