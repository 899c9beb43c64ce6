//! Machines that are not available, as folders, shared by the tests of `tune`, of `doctor` and
//! of the commands.
//!
//! Each file of `trees/` is a machine, made from the kernel's documentation and source. A line
//! is a path, a tab and the file's content; `{0-3}` in a path stands for four paths, and `{}`
//! in their text for the number. A path without a text is followed by the text's lines, each
//! behind a tab. A path that ends with `/` is a folder. `!EINVAL` is a file that cannot be
//! read. A later line replaces an earlier one; lines that begin with `#` describe the machine.

#![allow(clippy::unwrap_used, reason = "only tests use it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::cpus;

macro_rules! trees {
    ($($name:literal),+ $(,)?) => {
        /// All machines: each name, and its file.
        const TREES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("trees/", $name, ".tsv")))),+];
    };
}

trees![
    "intel-pstate-active",
    "intel-pstate-passive",
    "intel-pstate-without-hwp",
    "intel-pstate-passive-without-hwp",
    "intel-hybrid",
    "intel-hybrid-passive",
    "acpi-cpufreq-intel",
    "acpi-cpufreq-amd",
    "amd-pstate-active",
    "amd-pstate-passive",
    "amd-pstate-guided",
    "cppc",
    "kvm-guest",
    "xen-guest",
    "hyperv-guest",
    "nitro-guest",
    "container",
    "laptop",
];

/// A file that is there and cannot be read holds this.
pub const UNREADABLE: &str = "!EINVAL";

/// The machines' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    TREES.iter().map(|(name, _)| *name)
}

/// The machine's files and folders: absolute paths and texts.
pub fn files(name: &str) -> BTreeMap<String, String> {
    let (_, text) = TREES.iter().find(|(tree, _)| *tree == name).unwrap();
    parse(text)
}

/// The machine as a folder that contains its `sys`, `proc` and `dev`. It is deleted with the
/// value.
pub fn tree(name: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    lay_out(name, root.path());
    root
}

/// The same, below a folder of one's own.
pub fn lay_out(name: &str, root: &Path) {
    for (path, text) in files(name) {
        let place = root.join(path.trim_start_matches('/'));
        // Reading a folder gives an error, but a different one.
        if path.ends_with('/') || text == UNREADABLE {
            fs::create_dir_all(place).unwrap();
            continue;
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text + "\n").unwrap();
    }
    link_policies(root);
    fs::create_dir_all(root.join("dev")).unwrap();
    // The kernel's value if nobody holds the file open (PM_QOS_CPU_LATENCY_DEFAULT_VALUE).
    let latency = 2_000_000_000_i32.to_ne_bytes();
    fs::write(root.join("dev/cpu_dma_latency"), latency).unwrap();
}

/// `cpuN/cpufreq` leads to the CPU's policy (add_cpu_dev_symlink in cpufreq.c).
fn link_policies(root: &Path) {
    let folder = root.join("sys/devices/system/cpu");
    let Ok(policies) = fs::read_dir(folder.join("cpufreq")) else {
        return;
    };
    for policy in policies.map(|entry| entry.unwrap().path()) {
        let Ok(related) = fs::read_to_string(policy.join("related_cpus")) else {
            continue;
        };
        for cpu in cpus::parse_list(&related.trim().replace(' ', ",")).unwrap() {
            let target = Path::new("../cpufreq").join(policy.file_name().unwrap());
            symlink(target, folder.join(format!("cpu{cpu}/cpufreq"))).unwrap();
        }
    }
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut lines = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .peekable();
    while let Some(line) = lines.next() {
        let (path, text) = match line.split_once('\t') {
            Some((path, text)) => (path, text.to_owned()),
            None => {
                let mut more = Vec::new();
                while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                    more.extend(line.strip_prefix('\t'));
                }
                (line, more.join("\n"))
            }
        };
        let Some((before, rest)) = path.split_once('{') else {
            files.insert(path.to_owned(), text);
            continue;
        };
        let (numbers, after) = rest.split_once('}').unwrap();
        for n in cpus::parse_list(numbers).unwrap() {
            let text = text.replace("{}", &n.to_string());
            files.insert(format!("{before}{n}{after}"), text);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_machine() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fake/trees");
        let mut there: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        there.sort();
        let mut named: Vec<_> = names().collect();
        named.sort();
        assert_eq!(there, named);
    }

    #[test]
    fn lines_stand_for_files() {
        let files =
            parse("# a machine\n/a/b{0,2}/c\tcpu {}\n/d\n\tone\n\t\ttwo\n/a/b2/c\tother\n/e/\t\n");
        let files: Vec<_> = files
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let expected = [
            ("/a/b0/c", "cpu 0"),
            ("/a/b2/c", "other"),
            ("/d", "one\n\ttwo"),
            ("/e/", ""),
        ];
        assert_eq!(files, expected);
    }

    #[test]
    fn a_cpu_leads_to_its_policy() {
        let root = tree("acpi-cpufreq-intel");
        let driver = "sys/devices/system/cpu/cpu2/cpufreq/scaling_driver";
        let driver = fs::read_to_string(root.path().join(driver)).unwrap();
        assert_eq!(driver, "acpi-cpufreq\n");
    }
}
