//! Identifies this machine without its name.

use serde::{Deserialize, Serialize};

use super::hardware;
use crate::files;
use crate::tree::Tree;

/// Hashed with everything below, so that nobody can match a machine's ID from another program
/// (machine-id(5) requires that).
const SALT: &str = "tollgate: which machine is this? 1";

/// How many hexadecimal digits of a hash form a name: the probability that two of a million
/// machines share one is less than one in ten million.
const DIGITS: usize = 16;

/// A name for the machine that reveals nothing else about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// A salted hash of the machine's ID and its firmware.
    pub id: String,
    /// The source of its ID.
    pub source: Source,
    /// The host's name, if the user allowed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

/// The source of a machine's ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// /etc/machine-id, which is permanent.
    MachineId,
    /// The kernel's boot ID, which changes when the machine restarts: in containers without
    /// /etc/machine-id.
    BootId,
}

impl Identity {
    /// This machine's; `None` if it has neither ID.
    pub fn read(tree: &Tree, with_name: bool) -> Option<Self> {
        let file = |path| tree.text(path).filter(|text| !text.is_empty());
        let (id, source) = file("/etc/machine-id")
            .filter(|id| id != "uninitialized")
            .map(|id| (id, Source::MachineId))
            .or_else(|| Some((file("/proc/sys/kernel/random/boot_id")?, Source::BootId)))?;
        let firmware = hardware::firmware(tree);
        let firmware = firmware
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<_> = [id].into_iter().chain(firmware).collect();
        Some(Self {
            id: pseudonym(&parts.join("\0")),
            source,
            host_name: with_name
                .then(|| file("/proc/sys/kernel/hostname"))
                .flatten(),
        })
    }
}

/// A name that stands for another one.
pub fn pseudonym(name: &str) -> String {
    let mut hash = files::sha256(format!("{SALT}\0{name}").as_bytes());
    hash.truncate(DIGITS);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn read(files: &[(&str, &str)]) -> Option<Identity> {
        let (_folder, tree) = laid_out(files);
        Identity::read(&tree, false)
    }

    #[test]
    fn a_machine_keeps_its_identity_and_hides_its_id() {
        let files = [
            ("etc/machine-id", ID),
            ("proc/sys/kernel/random/boot_id", "today"),
            ("sys/class/dmi/id/bios_version", "1.2"),
        ];
        let identity = read(&files).unwrap();
        assert_eq!(identity.source, Source::MachineId);
        assert_eq!(identity.id.len(), DIGITS);
        let mut restarted = files;
        restarted[1].1 = "tomorrow";
        assert_eq!(read(&restarted).unwrap(), identity);
        // The hash alone, which others may have published.
        assert!(!files::sha256(ID.as_bytes()).starts_with(&identity.id));
        for changed in [0, 2] {
            let mut files = files;
            files[changed].1 = "another";
            assert_ne!(read(&files).unwrap().id, identity.id, "{changed}");
        }
    }

    #[test]
    fn a_container_without_an_id_has_that_of_the_kernels_start() {
        let boot = ("proc/sys/kernel/random/boot_id", "today");
        for id in [None, Some("uninitialized"), Some("")] {
            let id = id.map(|id| ("etc/machine-id", id));
            let files: Vec<_> = id.into_iter().chain([boot]).collect();
            assert_eq!(read(&files).unwrap().source, Source::BootId, "{id:?}");
        }
        assert_eq!(read(&[("proc/stat", "")]), None);
    }

    #[test]
    fn the_hosts_name_needs_permission() {
        let files = [("etc/machine-id", ID), ("proc/sys/kernel/hostname", "hal")];
        let (_folder, tree) = laid_out(&files);
        let name = |allowed| Identity::read(&tree, allowed).unwrap().host_name;
        assert_eq!(name(false), None);
        assert_eq!(name(true).as_deref(), Some("hal"));
    }
}
