//! What runs on the machine: its kernel and its system.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;

use crate::files;
use crate::tool::Tool;
use crate::tree::Tree;

/// The kernel's release, version, command line and configuration, the system's name, and the
/// compiler that built the tool.
pub fn read(tree: &Tree, tool: Tool) -> BTreeMap<String, String> {
    let release = tree.text("/proc/sys/kernel/osrelease");
    let config = config(tree, release.as_deref().unwrap_or_default());
    let software = [
        ("kernel.release", release),
        ("kernel.version", tree.text("/proc/version")),
        ("kernel.cmdline", tree.text("/proc/cmdline")),
        ("kernel.config_sha256", config.as_deref().map(files::sha256)),
        ("system", system(tree)),
        ("tollgate.compiler", Some(tool.compiler.to_owned())),
    ];
    let software = software
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let config = config.unwrap_or_default();
    software.chain(options(&config)).collect()
}

/// Configuration options of the kernel that affect the path into it, or interrupts. The
/// mitigations that are actually in use are recorded separately.
const OPTIONS: [&str; 20] = [
    "AUDITSYSCALL",
    "CONTEXT_TRACKING_USER_FORCE",
    "CPU_MITIGATIONS",
    "DEBUG_ENTRY",
    "FTRACE_SYSCALLS",
    "GENERIC_ENTRY",
    "HZ",
    "KCOV",
    "NO_HZ_FULL",
    "PREEMPT",
    "PREEMPT_DYNAMIC",
    "PREEMPT_LAZY",
    "PREEMPT_NONE",
    "PREEMPT_RT",
    "PREEMPT_VOLUNTARY",
    "RANDOMIZE_KSTACK_OFFSET_DEFAULT",
    "VIRT_CPU_ACCOUNTING_GEN",
    "X86_FRED",
    "X86_KERNEL_IBT",
    "X86_USER_SHADOW_STACK",
];

/// The values of these options; options that are off are not listed.
fn options(config: &[u8]) -> impl Iterator<Item = (String, String)> {
    let text = String::from_utf8_lossy(config).into_owned();
    OPTIONS.into_iter().filter_map(move |name| {
        let prefix = format!("CONFIG_{name}=");
        let value = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
        Some((format!("kernel.config.{name}"), value.to_owned()))
    })
}

/// The text of the kernel's configuration, if it can be read: from the kernel itself, or from
/// the distribution's file.
pub(super) fn config(tree: &Tree, release: &str) -> Option<Vec<u8>> {
    let own = || {
        let packed = tree.bytes("/proc/config.gz")?;
        let mut text = Vec::new();
        GzDecoder::new(packed.as_slice())
            .read_to_end(&mut text)
            .ok()?;
        Some(text)
    };
    own().or_else(|| tree.bytes(&format!("/boot/config-{release}")))
}

/// os-release(5).
fn system(tree: &Tree) -> Option<String> {
    let text = tree.text("/etc/os-release")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    const TOOL: Tool = Tool {
        version: "0.0.0 (test)",
        compiler: "rustc 0.0.0",
    };

    #[test]
    fn the_configuration_is_known_by_its_text() {
        let (_folder, tree) = laid_out(&[
            ("proc/sys/kernel/osrelease".to_owned(), "6.12.0\n"),
            (
                "boot/config-6.12.0".to_owned(),
                "CONFIG_HZ_1000=y\nCONFIG_HZ=1000\n# CONFIG_PREEMPT is not set\n",
            ),
            ("etc/os-release".to_owned(), "ID=x\nPRETTY_NAME=\"X 12\"\n"),
        ]);
        let software = read(&tree, TOOL);
        assert_eq!(software["kernel.release"], "6.12.0");
        assert_eq!(software["system"], "X 12");
        assert_eq!(software["kernel.config.HZ"], "1000");
        assert!(!software.contains_key("kernel.config.PREEMPT"));
        assert_eq!(software["kernel.config_sha256"].len(), 64);
        assert_eq!(software["tollgate.compiler"], TOOL.compiler);
        assert!(!software.contains_key("kernel.cmdline"));
    }
}
