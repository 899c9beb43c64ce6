//! The merged run's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use host::files::{self, FileError};

use super::union::{Part, Source, Union};
use super::{MergeError, Merged, combine, exists};
use crate::run::{Manifest, MergedRuns, Origin, PartId, RunFolder};
use crate::schedule::PlannedBoot;
use crate::shard::Shard;

/// Copies every part, and adds a manifest of all.
pub fn write(union: &Union, out: &Path) -> Result<Merged, MergeError> {
    let draft = RunFolder::draft(out)?;
    let mut manifests = Vec::new();
    for part in union.parts() {
        let folder = RunFolder::planned(&draft.run.part(&part.run));
        copy_part(part, &folder)?;
        manifests.push(Manifest::read(&folder)?);
    }
    let manifest = manifest(union, &manifests)?;
    let common: BTreeMap<_, _> = union.parts().flat_map(|part| &part.common).collect();
    for (name, source) in common {
        copy(source, &draft.run.file(name))?;
    }
    manifest.write(&draft.run)?;
    // Once for all files: a full disk may only show now.
    let synced = File::open(draft.run.path()).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(files::writing(out))?;
    match draft.finish(out) {
        Ok(run) => {
            let finished = finished(union, &manifests);
            Ok(Merged {
                run,
                incomplete: manifest.incomplete(finished),
                finished,
                parts: manifests.len(),
                machines: union.machines().len(),
            })
        }
        // Another merge was faster.
        Err(FileError::Write { error, .. }) if is_taken(&error) => Err(exists(out)),
        Err(error) => Err(error.into()),
    }
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    matches!(
        error.kind(),
        AlreadyExists | DirectoryNotEmpty | NotADirectory
    )
}

fn copy_part(part: &Part, folder: &RunFolder) -> Result<(), MergeError> {
    let console = folder.console_folder();
    fs::create_dir_all(&console).map_err(files::writing(&console))?;
    copy(&part.manifest, &folder.manifest())?;
    for (name, source) in &part.files {
        copy(source, &console.join(name))?;
    }
    Ok(())
}

/// The copy has the bytes that were checked, whatever happens to the original meanwhile.
fn copy(source: &Source, to: &Path) -> Result<(), MergeError> {
    let bytes = files::read(&source.path)?;
    if files::sha256(&bytes) != source.sha256 {
        const REMEDY: &str = "wait until nothing writes to it, and merge again";
        return Err(MergeError::Damaged {
            file: source.path.clone(),
            reason: "it changed while it was merged".into(),
            remedy: REMEDY,
        });
    }
    Ok(fs::write(to, bytes).map_err(files::writing(to))?)
}

/// The manifest of all parts, which does not depend on when or where they were merged.
fn manifest(union: &Union, manifests: &[Manifest]) -> Result<Manifest, MergeError> {
    let first = manifests.first().ok_or(MergeError::Nothing)?;
    let (plan, boots) = plan(manifests);
    let parts = union.parts().map(|part| PartId {
        run: part.run.clone(),
        machine: part.machine.clone(),
        shard: part.shard,
    });
    let mut manifest = Manifest {
        id: id(union),
        tool: combine::text(manifests, |manifest| &manifest.tool),
        experiment_file: combine::text(manifests, |manifest| &manifest.experiment_file),
        targets: combine::targets(manifests),
        plan,
        shard: None,
        identity: None,
        machine: combine::machine(manifests).ok_or(MergeError::Nothing)?,
        doctor: combine::doctor(manifests),
        tune: combine::tune(manifests),
        courses: manifests.iter().flat_map(|m| m.courses.clone()).collect(),
        started: manifests
            .iter()
            .map(|m| m.started)
            .min()
            .unwrap_or(first.started),
        ended: None,
        merged: Some(MergedRuns {
            parts: parts.collect(),
            boots,
            missing: missing(union),
        }),
        ..first.clone()
    };
    if manifest.incomplete(finished(union, manifests)).is_none() {
        manifest.ended = manifests.iter().filter_map(|m| m.ended).max();
    }
    Ok(manifest)
}

/// Boots of all parts, those at the same place of their runs next to each other: clocks of
/// different machines may disagree, and a difference between machines is then not a trend.
fn plan(manifests: &[Manifest]) -> (Vec<PlannedBoot>, Vec<Origin>) {
    let mut all = Vec::new();
    for (part, manifest) in manifests.iter().enumerate() {
        for (position, planned) in manifest.plan.iter().enumerate() {
            let origin = Origin {
                part,
                boot: planned.boot,
                position,
            };
            all.push((origin, &*planned.target));
        }
    }
    all.sort_by_key(|(origin, _)| (origin.position, origin.part));
    let mut numbers = BTreeMap::<&str, u32>::new();
    let number = |(_, target): &(Origin, &'_ str)| (*target).to_owned();
    let targets: Vec<String> = all.iter().map(number).collect();
    let mut plan = Vec::new();
    for target in &targets {
        let next = numbers.entry(target).or_default();
        plan.push(PlannedBoot {
            target: target.clone(),
            boot: *next,
        });
        *next += 1;
    }
    (plan, all.into_iter().map(|(origin, _)| origin).collect())
}

/// Shards that no part is.
fn missing(union: &Union) -> Vec<u32> {
    let shards: BTreeSet<_> = union.parts().filter_map(|part| part.shard).collect();
    let of = shards.first().map_or(0, |shard| shard.of);
    let is_missing = |index: &u32| !shards.contains(&Shard { index: *index, of });
    (1..=of).filter(is_missing).collect()
}

/// The number of finished boots.
fn finished(union: &Union, manifests: &[Manifest]) -> usize {
    let parts = union.parts().zip(manifests);
    let of_part = |(part, manifest): (&Part, &Manifest)| {
        let plan = manifest.plan.iter();
        let record = |planned: &PlannedBoot| {
            let PlannedBoot { target, boot } = planned;
            part.files.contains_key(&format!("{target}.{boot}.json"))
        };
        plan.filter(|planned| record(planned)).count()
    };
    parts.map(of_part).sum()
}

/// The same for the same content, independently of who merges it.
fn id(union: &Union) -> String {
    let mut text = String::new();
    for part in union.parts() {
        text += &format!("{} {} {}\n", part.machine, part.run, part.manifest.sha256);
        for (name, source) in &part.files {
            text += &format!("{name} {}\n", source.sha256);
        }
    }
    let mut id = files::sha256(text.as_bytes());
    id.truncate(32);
    id
}
