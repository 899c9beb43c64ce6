//! The parts of the machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::core_files;
use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";
const NODE: &str = "/sys/devices/system/node";
const DMI: &str = "/sys/class/dmi/id";

/// Manufacturer, model and firmware, as far as every user may read them.
const FIRMWARE: [&str; 6] = [
    "sys_vendor",
    "product_name",
    "board_name",
    "bios_vendor",
    "bios_version",
    "bios_date",
];

/// Caches of CPU 0, cores, nodes, memory and firmware.
pub fn read(tree: &Tree) -> BTreeMap<String, String> {
    let mut hardware = caches(tree);
    hardware.extend(cores(tree));
    hardware.extend(siblings(tree));
    hardware.extend(nodes(tree));
    hardware.extend(memory(tree));
    hardware.extend(firmware(tree));
    hardware
}

/// `firmware.bios_version`: what every user may read about the board and its firmware.
pub fn firmware(tree: &Tree) -> BTreeMap<String, String> {
    let read = FIRMWARE.iter().filter_map(|name| {
        let text = tree.text(&format!("{DMI}/{name}"))?;
        Some((format!("firmware.{name}"), text))
    });
    read.collect()
}

/// The lines of `/proc/cpuinfo` up to the first empty one.
pub fn first_processor(cpuinfo: &str) -> BTreeMap<String, String> {
    // The current frequency is not a property of the machine; it changes all the time.
    let passing = [
        "cpu MHz",
        "processor",
        "initial apicid",
        "apicid",
        "core id",
    ];
    cpuinfo
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !passing.contains(&name.as_str()))
        .collect()
}

/// `cache.L1 Data`: `48K, 12 ways, lines of 64 bytes, shared by 1 CPUs`.
fn caches(tree: &Tree) -> BTreeMap<String, String> {
    let folder = format!("{CPU}/cpu0/cache");
    let indices = tree.names(&folder).into_iter();
    let caches = indices.filter_map(|index| {
        let file = |name: &str| tree.text(&format!("{folder}/{index}/{name}"));
        let name = format!("cache.L{} {}", file("level")?, file("type")?);
        let sharing = tree.cpus(&format!("{folder}/{index}/shared_cpu_list"))?;
        let value = format!(
            "{}, {} ways, lines of {} bytes, shared by {} CPUs",
            file("size")?,
            file("ways_of_associativity")?,
            file("coherency_line_size")?,
            sharing.len()
        );
        Some((name, value))
    });
    caches.collect()
}

/// The number of packages, cores and online CPUs.
fn cores(tree: &Tree) -> BTreeMap<String, String> {
    let online = tree.cpus(&format!("{CPU}/online")).unwrap_or_default();
    let distinct = |names: &[&str]| -> Option<usize> {
        let id = |cpu: &usize| {
            let file = |name| tree.text(&format!("{CPU}/cpu{cpu}/topology/{name}"));
            names.iter().map(file).collect::<Option<Vec<_>>>()
        };
        let ids: BTreeSet<_> = online.iter().map(id).collect::<Option<_>>()?;
        Some(ids.len())
    };
    let counts = [
        ("cores.packages", distinct(&["physical_package_id"])),
        (
            "cores.cores",
            distinct(&["physical_package_id", "die_id", "core_id"])
                .or_else(|| distinct(&["physical_package_id", "core_id"])),
        ),
        ("cores.cpus", Some(online.len())),
    ];
    counts
        .into_iter()
        .filter_map(|(name, count)| Some((name.to_owned(), count?.to_string())))
        .filter(|(_, count)| count != "0")
        .collect()
}

/// Which CPUs share a core, core by core: `0,2; 1,3`.
fn siblings(tree: &Tree) -> Option<(String, String)> {
    let online = tree.cpus(&format!("{CPU}/online"))?;
    let lists = online
        .iter()
        .filter_map(|cpu| core_files::threads_as_shown(&|file| tree.text(file), *cpu));
    let mut distinct: Vec<String> = Vec::new();
    for list in lists {
        if !distinct.contains(&list) {
            distinct.push(list);
        }
    }
    (!distinct.is_empty()).then(|| ("cores.siblings".into(), distinct.join("; ")))
}

/// The CPUs of each memory node.
fn nodes(tree: &Tree) -> BTreeMap<String, String> {
    let names = tree.names(NODE).into_iter();
    names
        .filter_map(|name| {
            let number = name.strip_prefix("node")?;
            let cpus = tree.text(&format!("{NODE}/{name}/cpulist"))?;
            Some((format!("node.{number}"), format!("CPUs {cpus}")))
        })
        .collect()
}

fn memory(tree: &Tree) -> Option<(String, String)> {
    let meminfo = tree.text("/proc/meminfo")?;
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(("memory".into(), total.trim().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn only_the_first_processor_counts() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2596.1\nbugs\t\t:\n\n\
                       processor\t: 1\nmodel name\t: another\n";
        let expected = [("model name", "AMD EPYC"), ("bugs", "")];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(first_processor(cpuinfo), BTreeMap::from(expected));
    }

    #[test]
    fn two_cores_of_two_threads() {
        let cpu = "sys/devices/system/cpu";
        let mut files = vec![
            (format!("{cpu}/online"), "0-3"),
            (format!("{cpu}/cpu0/cache/index0/level"), "1"),
            (format!("{cpu}/cpu0/cache/index0/type"), "Data"),
            (format!("{cpu}/cpu0/cache/index0/size"), "48K"),
            (
                format!("{cpu}/cpu0/cache/index0/ways_of_associativity"),
                "12",
            ),
            (format!("{cpu}/cpu0/cache/index0/coherency_line_size"), "64"),
            (format!("{cpu}/cpu0/cache/index0/shared_cpu_list"), "0,2"),
            ("sys/devices/system/node/node0/cpulist".into(), "0-3"),
            ("sys/class/dmi/id/bios_version".into(), "1.2"),
            (
                "proc/meminfo".into(),
                "MemTotal:       16384 kB\nMemFree: 1 kB\n",
            ),
        ];
        for (number, core) in ["0", "1", "0", "1"].into_iter().enumerate() {
            let topology = format!("{cpu}/cpu{number}/topology");
            files.push((format!("{topology}/physical_package_id"), "0"));
            files.push((format!("{topology}/core_id"), core));
            let siblings = ["0,2", "1,3"][number % 2];
            files.push((format!("{topology}/thread_siblings_list"), siblings));
        }
        let (_folder, tree) = laid_out(&files);
        let expected = [
            (
                "cache.L1 Data",
                "48K, 12 ways, lines of 64 bytes, shared by 2 CPUs",
            ),
            ("cores.cores", "2"),
            ("cores.cpus", "4"),
            ("cores.packages", "1"),
            ("cores.siblings", "0,2; 1,3"),
            ("firmware.bios_version", "1.2"),
            ("memory", "16384 kB"),
            ("node.0", "CPUs 0-3"),
        ];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(read(&tree), BTreeMap::from(expected));
    }
}
