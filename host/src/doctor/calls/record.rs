//! The earlier cost of a system call under the same kernel, in a small state file.
//!
//! Only root can see who watches system calls. Every user can see that a call costs more than
//! before.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cost::CoreCycles;
use crate::files::{self, FileError};
use crate::tree::Tree;
use crate::trust::{self, Untrusted};

/// The record of a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The lowest cost of a call.
    pub cycles: CoreCycles,
    /// When it was measured.
    pub at: Timestamp,
    /// Whether root had found that no program watched system calls.
    pub nobody_watched: bool,
}

/// The file's content: a record for each kernel and machine, by the hash of their descriptions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    version: u32,
    records: BTreeMap<String, Record>,
}

const VERSION: u32 = 1;
/// The number of kernels that are remembered; beyond it, the oldest record goes.
const MOST: usize = 16;
const FILE: &str = "system-call.json";
/// The folder of root's record, which everybody can read.
const SHARED: &str = "/var/lib/tollgate";
const REMEDY: &str = "delete it; the next `tollgate doctor` writes a new one";

/// Everything that determines the cost of a call, apart from watchers: the kernel, its command
/// line and mitigations, the processor with its microcode, and the settings of this process.
pub fn kernel(tree: &Tree) -> String {
    let text = |path| tree.text(path).unwrap_or_default();
    let cpuinfo = text("/proc/cpuinfo");
    let processor = cpuinfo.lines().take_while(|line| !line.is_empty());
    let processor = of_names(processor, &["model name", "stepping", "microcode"]);
    let status = text("/proc/self/status");
    let process = of_names(
        status.lines(),
        &[
            "Seccomp",
            "Seccomp_filters",
            "Speculation_Store_Bypass",
            "SpeculationIndirectBranch",
        ],
    );
    let mitigations = crate::doctor::vulnerabilities(tree);
    let mitigations = mitigations
        .into_iter()
        .map(|(name, text)| name + ": " + &text);
    let parts = [text("/proc/version"), text("/proc/cmdline")].into_iter();
    let parts: Vec<_> = parts
        .chain(processor)
        .chain(mitigations)
        .chain(process)
        .collect();
    files::sha256(parts.join("\n").as_bytes())
}

fn of_names<'t>(
    lines: impl Iterator<Item = &'t str>,
    names: &'t [&str],
) -> impl Iterator<Item = String> {
    let named = lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        names.contains(&name)
    });
    named.map(str::to_owned)
}

/// The folders that may have a record, this user's own first; the first one is written to.
pub fn folders(is_root: bool) -> Vec<PathBuf> {
    let own = of_user(env::var_os("XDG_STATE_HOME"), env::var_os("HOME"), is_root);
    let shared = PathBuf::from(SHARED);
    own.into_iter().chain([shared]).collect()
}

/// XDG Base Directory Specification: a path that is not absolute is ignored.
fn of_user(state: Option<OsString>, home: Option<OsString>, is_root: bool) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    match state.and_then(absolute) {
        Some(state) => Some(state.join("tollgate")),
        // `sudo tollgate doctor` should make a record that its caller finds.
        None if is_root => None,
        None => Some(home.and_then(absolute)?.join(".local/state/tollgate")),
    }
}

/// The best record of that kernel: the first without watchers, otherwise the first of all.
pub fn read(folders: &[PathBuf], kernel: &str) -> Option<Record> {
    let records = folders.iter().filter_map(|folder| {
        check(folder).ok()?;
        // A damaged record is ignored and overwritten.
        let all: Records = files::read_json(&folder.join(FILE), REMEDY).ok()?;
        (all.version == VERSION).then(|| all.records.get(kernel).cloned())?
    });
    let records: Vec<_> = records.collect();
    let best = records.iter().find(|record| record.nobody_watched);
    best.or(records.first()).cloned()
}

/// Keeps the record in the first of these folders.
///
/// # Errors
///
/// If the file or its folder cannot be written.
pub fn write(folders: &[PathBuf], kernel: &str, record: Record) -> Result<(), FileError> {
    let Some(folder) = folders.first() else {
        return Ok(());
    };
    let path = folder.join(FILE);
    check(folder).map_err(|error| files::writing(&path)(io::Error::other(error)))?;
    let mut all: Records = files::read_json(&path, REMEDY).unwrap_or_default();
    if all.version != VERSION {
        all = Records::default();
    }
    all.version = VERSION;
    all.records.insert(kernel.to_owned(), record);
    while all.records.len() > MOST {
        let oldest = all.records.iter().min_by_key(|(_, record)| record.at);
        let Some(oldest) = oldest.map(|(kernel, _)| kernel.clone()) else {
            break;
        };
        all.records.remove(&oldest);
    }
    create(folder)?;
    files::write_json(&path, &all)
}

/// A record of somebody else's could call a watched kernel unwatched, and root writes nothing
/// where somebody else may put links: the folder and the file have to be root's or ours.
fn check(folder: &Path) -> Result<(), Untrusted> {
    if rustix::process::geteuid().is_root() {
        trust::check_way(folder)?;
    }
    trust::check(folder)?;
    trust::check(&folder.join(FILE))?;
    Ok(())
}

/// Not writable by others, with any umask.
fn create(folder: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.map_err(files::writing(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(second: i64, nobody_watched: bool) -> Record {
        Record {
            cycles: CoreCycles(300.0 + second as f64),
            at: Timestamp::from_second(second).unwrap(),
            nobody_watched,
        }
    }

    #[test]
    fn records_of_several_kernels_stand_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("state/tollgate")];
        assert_eq!(read(&folders, "a"), None);
        for n in 0..20 {
            write(&folders, &format!("kernel {n}"), record(n, false)).unwrap();
        }
        assert_eq!(read(&folders, "kernel 3"), None);
        assert_eq!(read(&folders, "kernel 19"), Some(record(19, false)));
        assert_eq!(read(&folders, "kernel 4"), Some(record(4, false)));
    }

    #[test]
    fn a_record_by_root_counts_more_than_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let [own, shared] = ["own", "shared"].map(|name| folder.path().join(name));
        write(std::slice::from_ref(&own), "a", record(1, false)).unwrap();
        write(std::slice::from_ref(&shared), "a", record(2, true)).unwrap();
        assert_eq!(read(&[own, shared], "a"), Some(record(2, true)));
    }

    #[test]
    fn a_damaged_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(read(&folders, "a"), None);
        write(&folders, "a", record(1, true)).unwrap();
        assert_eq!(read(&folders, "a"), Some(record(1, true)));
        // A change by another program, which the seal reveals.
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        std::fs::write(folder.path().join(FILE), text.replace("301", "999")).unwrap();
        assert_eq!(read(&folders, "a"), None);
    }

    #[test]
    fn a_record_that_others_may_change_is_neither_believed_nor_written() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("tollgate")];
        write(&folders, "a", record(1, true)).unwrap();
        assert_eq!(read(&folders, "a"), Some(record(1, true)));
        let file = folders[0].join(FILE);
        for (path, good) in [(&file, 0o644), (&folders[0], 0o755)] {
            set_permissions(path, Permissions::from_mode(0o777)).unwrap();
            assert_eq!(read(&folders, "a"), None, "{}", path.display());
            let refused = write(&folders, "a", record(2, true)).unwrap_err();
            let refused = format!("{refused:#}");
            assert!(refused.contains("is not trusted"), "{refused}");
            set_permissions(path, Permissions::from_mode(good)).unwrap();
        }
        assert_eq!(read(&folders, "a"), Some(record(1, true)));
    }

    #[test]
    fn root_shares_its_record_unless_told_otherwise() {
        let of = |state: Option<&str>, home: Option<&str>, is_root| {
            of_user(state.map(Into::into), home.map(Into::into), is_root)
        };
        let (state, home) = (Some("/state"), Some("/home/a"));
        assert_eq!(of(state, home, true), Some("/state/tollgate".into()));
        assert_eq!(of(None, home, true), None);
        let own = "/home/a/.local/state/tollgate";
        assert_eq!(of(None, home, false), Some(own.into()));
        assert_eq!(of(Some("relative"), home, false), Some(own.into()));
        assert_eq!(of(None, None, false), None);
    }
}
