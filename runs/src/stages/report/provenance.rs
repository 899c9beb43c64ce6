//! The facts on the page, apart from the numbers, from the run's manifest and its guests.

use eval::report::{FactGroup, Provenance, Repeat};

use host::files::{self, FileError};

use crate::environment::{Environment, Side};
use crate::run::{Manifest, RunFolder, parsed};

/// The environment, and how to repeat the run.
pub fn of(run: &RunFolder, manifest: &Manifest) -> Result<Provenance, FileError> {
    let guests = parsed::read_guests(run)?;
    let environment = Environment::of(manifest, Some(&guests));
    Ok(Provenance {
        environment: groups(&environment),
        repeat: Repeat {
            commands: commands(manifest),
            remarks: remarks(manifest),
            hashes: hashes(run, manifest)?,
        },
    })
}

/// The facts side by side, with their names in `tollgate diff-env`. A side's facts are split by
/// the first part of their names, so that no list is too long.
fn groups(environment: &Environment) -> Vec<FactGroup> {
    let mut groups: Vec<FactGroup> = Vec::new();
    for (side, facts) in &environment.sides {
        let mut of_side: Vec<FactGroup> = Vec::new();
        for (name, value) in facts {
            let title = title(side, name);
            let fact = (name.clone(), value.clone());
            match of_side.iter_mut().find(|group| group.title == title) {
                Some(group) => group.facts.push(fact),
                None => of_side.push(FactGroup {
                    title,
                    facts: vec![fact],
                }),
            }
        }
        // Facts without a part come first.
        of_side.sort_by_key(|group| group.title.contains(": "));
        groups.extend(of_side);
    }
    groups
}

fn title(side: &Side, fact: &str) -> String {
    const PARTS: [&str; 5] = ["cpu", "vulnerability", "setting", "parameter", "doctor"];
    match fact.split_once('.') {
        Some((part, _)) if PARTS.contains(&part) => format!("{side}: {part}"),
        _ => side.to_string(),
    }
}

/// The commit in a version like `0.1.0 (54e7042d57f1-dirty)`, and whether the tree had
/// uncommitted changes.
fn commit(tool: &str) -> Option<(&str, bool)> {
    let (_, commit) = tool.strip_suffix(')')?.split_once(" (")?;
    let clean = commit.strip_suffix("-dirty");
    let known = clean.unwrap_or(commit);
    let is_hash = !known.is_empty() && known.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then_some((known, clean.is_some()))
}

fn commands(manifest: &Manifest) -> Vec<String> {
    let checkout = commit(&manifest.tool).map(|(commit, _)| format!("git checkout {commit}"));
    let make = format!("make all EXPERIMENT={}", manifest.experiment_file);
    checkout.into_iter().chain([make]).collect()
}

fn remarks(manifest: &Manifest) -> Vec<String> {
    let mut remarks = vec![
        format!(
            "Made by tollgate {}, from {} to {}.",
            manifest.tool,
            manifest.started.strftime("%Y-%m-%d %H:%M:%S UTC"),
            match &manifest.ended {
                Some(ended) => ended.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
                None => "an interruption".into(),
            }
        ),
        format!(
            "With `seed = {}` in the experiment's file, the boots have the same order; this run's \
             copy of the file is experiment.toml.",
            manifest.seed
        ),
    ];
    if commit(&manifest.tool).is_none_or(|(_, changed)| changed) {
        remarks.push(
            "The tool was not built from a clean commit: its source had uncommitted changes."
                .into(),
        );
    }
    remarks
}

/// Inputs and outputs.
fn hashes(run: &RunFolder, manifest: &Manifest) -> Result<Vec<(String, String)>, FileError> {
    let program = &manifest.program;
    let mut hashes = vec![
        (
            manifest.experiment_file.clone(),
            manifest.experiment_sha256.clone(),
        ),
        (program.file.path.clone(), program.file.sha256.clone()),
        ("initramfs.cpio.gz".into(), program.initramfs_sha256.clone()),
    ];
    let images = manifest.targets.iter().filter_map(|t| t.image.as_ref());
    for image in images {
        let known = (image.path.clone(), image.sha256.clone());
        if !hashes.contains(&known) {
            hashes.push(known);
        }
    }
    for sums in [run.parse_sums(), run.process_sums()] {
        let text = files::read_text(&sums)?;
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        hashes.extend(lines.map(|(hash, name)| (name.to_owned(), hash.to_owned())));
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_where_there_is_one() {
        assert_eq!(
            commit("0.1.0 (54e7042d57f1)"),
            Some(("54e7042d57f1", false))
        );
        let changed = commit("0.1.0 (54e7042d57f1-dirty)");
        assert_eq!(changed, Some(("54e7042d57f1", true)));
        assert_eq!(commit("0.1.0 (unknown commit)"), None);
        assert_eq!(commit("0.1.0"), None);
    }

    #[test]
    fn long_lists_are_split_and_keep_their_names() {
        let names = ["cpu.model", "kvm", "setting.smt", "tsc.mhz"];
        let facts = names.map(|name| (name.to_owned(), "value".to_owned()));
        let environment = Environment {
            sides: [(Side::Host, facts.into())].into(),
            has_guests: true,
        };
        let groups = groups(&environment);
        let titles: Vec<_> = groups.iter().map(|group| &*group.title).collect();
        assert_eq!(titles, ["host", "host: cpu", "host: setting"]);
        let facts = groups.iter().flat_map(|group| &group.facts);
        let found: Vec<_> = facts.map(|(name, _)| &**name).collect();
        assert_eq!(found, ["kvm", "tsc.mhz", "cpu.model", "setting.smt"]);
    }
}
