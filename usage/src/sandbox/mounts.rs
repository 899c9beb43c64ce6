//! The mounts of this machine (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub place: PathBuf,
    /// The type of its file system.
    pub kind: String,
}

/// File systems that do not hold anybody's files, and therefore do not need a layer.
const VIRTUAL: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

impl Mount {
    /// Whether it holds files.
    pub fn has_files(&self) -> bool {
        !VIRTUAL.contains(&self.kind.as_str())
    }
}

/// The mounts of a mountinfo file, each place once; invalid lines are ignored.
pub fn parse(mountinfo: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in mountinfo.split(|byte| *byte == b'\n').filter_map(line) {
        // The later one is on top.
        mounts.retain(|other| other.place != mount.place);
        mounts.push(mount);
    }
    mounts
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let place = unescaped(words.nth(4)?);
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    Some(Mount {
        place: OsString::from_vec(place).into(),
        kind: String::from_utf8_lossy(kind).into_owned(),
    })
}

/// Blanks and backslashes are written as three octal digits.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let [first, after @ ..] = rest {
        let digits = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => Some((a, b, c)),
            _ => None,
        };
        if let Some((a, b, c)) = digits {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_kinds_are_read() {
        let text = b"24 1 0:22 / /proc rw,relatime - proc proc rw\n\
            25 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n\
            26 25 8:2 /x /mnt/a\\040b\\134 rw - vfat /dev/sdb rw\n\
            27 25 0:30 / /mnt/a\\040b\\134 rw - tmpfs tmpfs rw\n\
            nonsense\n";
        let mount = |place: &str, kind: &str| Mount {
            place: place.into(),
            kind: kind.into(),
        };
        let expected = [
            mount("/proc", "proc"),
            mount("/", "ext4"),
            mount("/mnt/a b\\", "tmpfs"),
        ];
        assert_eq!(parse(text), expected);
        assert!(!expected[0].has_files());
        assert!(expected[2].has_files());
    }
}
