//! What the page tells beside the numbers, from the run's manifest.

use anyhow::Result;
use eval::report::{Facts, Group, Repeat};
use serde_json::Value;

use crate::files;
use crate::run::{Manifest, RunFolder, TargetId};

/// The environment, and how to make the run again.
pub fn of(run: &RunFolder, manifest: &Manifest) -> Result<Facts> {
    let machine = machine(&serde_json::to_value(&manifest.machine)?);
    let targets = manifest.targets.iter().map(target);
    Ok(Facts {
        environment: machine.into_iter().chain(targets).collect(),
        repeat: Repeat {
            commands: commands(manifest),
            remarks: remarks(manifest),
            hashes: hashes(run, manifest)?,
        },
    })
}

/// Everything that the manifest says of the machine, part by part.
fn machine(machine: &Value) -> Vec<Group> {
    let parts = machine.as_object().into_iter().flatten();
    let parts = parts.map(|(part, value)| {
        let mut facts = Vec::new();
        flatten(String::new(), value, &mut facts);
        Group {
            title: format!("Machine: {}", words(part)),
            facts,
        }
    });
    parts.filter(|group| !group.facts.is_empty()).collect()
}

/// The values in a tree, by the way to them.
fn flatten(name: String, value: &Value, facts: &mut Vec<(String, String)>) {
    let below = |part: &str| match name.as_str() {
        "" => words(part),
        name => format!("{name}, {}", words(part)),
    };
    match value {
        Value::Object(parts) => {
            for (part, value) in parts {
                flatten(below(part), value, facts);
            }
        }
        Value::Null => {}
        Value::String(text) => facts.push((name, text.clone())),
        other => facts.push((name, other.to_string())),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn target(target: &TargetId) -> Group {
    let engine = format!("{} {}", target.engine.name, target.engine.version);
    let cpus: Vec<_> = target.pin.iter().map(ToString::to_string).collect();
    let pinned = match cpus.is_empty() {
        true => "to no CPU".to_owned(),
        false => format!("to CPU {}", cpus.join(", ")),
    };
    let mut facts = vec![("engine", engine.trim().to_owned())];
    facts.extend(
        target
            .engine_reason
            .clone()
            .map(|why| ("chosen because", why)),
    );
    facts.extend(
        target
            .image
            .as_ref()
            .map(|image| ("image", image.path.clone())),
    );
    facts.extend(target.missing.clone().map(|hint| ("no image", hint)));
    facts.push(("command line", target.cmdline.clone()));
    if target.image.is_some() {
        facts.push(("memory", format!("{} MiB", target.memory_mib)));
        facts.push(("vCPUs", target.cpus.to_string()));
    }
    facts.push(("pinned", pinned));
    let named = |(name, value): (&str, String)| (name.to_owned(), value);
    Group {
        title: format!("Target {}: {}", target.name, target.label),
        facts: facts.into_iter().map(named).collect(),
    }
}

/// The commit in a version like `0.1.0 (54e7042d57f1-dirty)`, and whether the tree held
/// more than it.
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
            "The boots come in the same order with `seed = {}` in the experiment's file; this \
             run's copy of it is experiment.toml.",
            manifest.seed
        ),
    ];
    if commit(&manifest.tool).is_none_or(|(_, changed)| changed) {
        remarks.push(
            "The tool was not built from a commit as it is: its tree held changes that no \
             commit has."
                .into(),
        );
    }
    remarks
}

/// What went in, and what came out.
fn hashes(run: &RunFolder, manifest: &Manifest) -> Result<Vec<(String, String)>> {
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
    fn every_value_of_the_machine_is_listed() {
        let tree = serde_json::json!({
            "cpu": { "model name": "EPYC", "flags": "fpu vme" },
            "tsc": { "measured_hz": 2.5e9, "cpuid_hz": null },
            "nothing": {},
        });
        let groups = machine(&tree);
        let titles: Vec<_> = groups.iter().map(|group| &*group.title).collect();
        assert_eq!(titles, ["Machine: cpu", "Machine: tsc"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let tsc = [pair("measured hz", "2500000000.0")];
        assert_eq!(groups.last().map(|group| &*group.facts), Some(&tsc[..]));
    }
}
