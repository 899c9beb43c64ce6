//! The arrows between the crates of this workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that each crate may use. Arrows point down: a library is listed before the
/// crates that use it.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("contract", &[]),
    ("initramfs", &[]),
    ("trace-plugin", &["contract"]),
    ("guest-bench", &["contract"]),
    ("ring0", &["contract"]),
    ("probes", &["contract"]),
    ("vmm", &["contract"]),
    ("eval", &["contract"]),
    ("host", &["vmm", "eval", "contract"]),
    ("usage", &["host", "eval", "contract"]),
    ("runs", &["host", "vmm", "eval", "initramfs", "contract"]),
    (
        "tools",
        &[
            "runs",
            "probes",
            "usage",
            "host",
            "vmm",
            "eval",
            "initramfs",
            "contract",
        ],
    ),
];

/// The folders of the workspace's crates.
pub fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = manifest(&root);
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let folders = members.iter().map(|member| member.as_str().unwrap());
    folders.map(|member| root.join(member)).collect()
}

pub fn manifest(folder: &Path) -> toml::Table {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    text.parse().unwrap()
}

/// What a manifest names in any of its lists of dependencies, those of tests included.
fn dependencies(manifest: &toml::Table) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else {
            continue;
        };
        if key.ends_with("dependencies") {
            names.extend(table.keys().map(String::as_str));
        } else {
            // `target."cfg(…)".dependencies`.
            names.extend(dependencies(table));
        }
    }
    names
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let manifests: Vec<_> = folders().iter().map(|folder| manifest(folder)).collect();
    let name = |manifest: &toml::Table| manifest["package"]["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<_> = manifests.iter().map(name).collect();
    for manifest in &manifests {
        let name = name(manifest);
        let row = ALLOWED.iter().find(|(of, _)| *of == name);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{name} has no row in ALLOWED"));
        for used in dependencies(manifest) {
            assert!(
                !ours.contains(used) || allowed.contains(&used),
                "{name} uses {used}, and may use only {allowed:?}"
            );
        }
    }
}

#[test]
fn no_row_points_up() {
    for (at, (name, allowed)) in ALLOWED.iter().enumerate() {
        let above = &ALLOWED[..at];
        for used in *allowed {
            assert!(above.iter().any(|(of, _)| of == used), "{name} → {used}");
        }
    }
}

#[test]
fn every_list_of_dependencies_is_read() {
    let manifest: toml::Table = "[dependencies]\na.workspace = true\n\
         [dev-dependencies]\nb = \"1\"\n[target.'cfg(unix)'.dependencies]\nc = \"1\"\n"
        .parse()
        .unwrap();
    assert_eq!(dependencies(&manifest), ["a", "b", "c"].into());
}
