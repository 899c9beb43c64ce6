//! What a run's folder has to add.

use std::collections::BTreeMap;
use std::path::Path;

use host::files;

use super::MergeError;
use super::union::{Part, Progress, Source, Union};
use crate::run::{BootRecord, Manifest, RunFolder, TargetId};
use crate::schedule::PlannedBoot;

/// A run, or each part of a merged one.
pub fn union(run: &RunFolder) -> Result<Union, MergeError> {
    let manifest = Manifest::read(run)?;
    let Some(merged) = &manifest.merged else {
        return Ok(Union::of(part(run, &manifest, run)?));
    };
    let mut union = Union::default();
    for id in &merged.parts {
        let folder = RunFolder::open(&run.part(&id.run))?;
        let manifest = Manifest::read(&folder)?;
        // It was decided when they were merged whether a shard may be there twice.
        union = union.join(Union::of(part(&folder, &manifest, run)?), true)?;
    }
    Ok(union)
}

/// `top` has what all parts of a merged run have in common.
fn part(run: &RunFolder, manifest: &Manifest, top: &RunFolder) -> Result<Part, MergeError> {
    let identity = manifest.identity.as_ref();
    let identity = identity.ok_or_else(|| MergeError::NoMachine {
        run: run.path().to_owned(),
    })?;
    check_name(run, &manifest.id)?;
    check_name(run, &identity.id)?;
    let (text, sha256) = (run.manifest(), files::sha256_of(&run.manifest())?);
    Ok(Part {
        run: manifest.id.clone(),
        machine: identity.id.clone(),
        shard: manifest.shard.as_ref().map(|scheduled| scheduled.shard),
        same: same(manifest),
        progress: Progress {
            ended: manifest.ended.is_some(),
            starts: manifest.courses.len(),
            manifest: sha256.clone(),
        },
        folder: run.path().to_owned(),
        manifest: Source { path: text, sha256 },
        common: common(top, manifest)?,
        files: consoles(run, manifest)?,
    })
}

/// It becomes a part of a path.
fn check_name(run: &RunFolder, id: &str) -> Result<(), MergeError> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(damaged(&run.manifest(), format!("{id:?} is not an ID")))
}

/// What has to be the same in all runs.
fn same(manifest: &Manifest) -> BTreeMap<String, String> {
    let names: Vec<_> = manifest.targets.iter().map(|t| t.name.as_str()).collect();
    let mut same = BTreeMap::from([
        ("experiment".to_owned(), manifest.experiment_sha256.clone()),
        (
            "benchmark program".into(),
            manifest.program.file.sha256.clone(),
        ),
        ("list of targets".into(), names.join(", ")),
    ]);
    for target in &manifest.targets {
        let image = target.image.as_ref().map_or("none", |image| &image.sha256);
        let of = |what: &str| format!("{what} of {}", target.name);
        same.insert(of("method"), target.method.clone());
        same.insert(of("engine"), engine(target));
        same.insert(of("image"), image.to_owned());
    }
    same
}

/// The experiment and the program, unless somebody removed them.
fn common(run: &RunFolder, manifest: &Manifest) -> Result<BTreeMap<String, Source>, MergeError> {
    let known = [
        (run.experiment(), &manifest.experiment_sha256),
        (run.program(), &manifest.program.file.sha256),
    ];
    let mut common = BTreeMap::new();
    for (path, sha256) in known {
        if !path.exists() {
            continue;
        }
        if files::sha256_of(&path)? != *sha256 {
            return Err(damaged(&path, "it is not the one in the manifest".into()));
        }
        let sha256 = sha256.clone();
        common.insert(name(&path), Source { path, sha256 });
    }
    Ok(common)
}

fn engine(target: &TargetId) -> String {
    let emulated = if target.engine.emulated {
        ", emulated"
    } else {
        ""
    };
    let model = target.engine.cpu_model.as_deref().unwrap_or_default();
    format!("{} {model}{emulated}", target.engine.name)
}

/// Consoles and records of finished boots, and of failed ones that were repeated.
fn consoles(run: &RunFolder, manifest: &Manifest) -> Result<BTreeMap<String, Source>, MergeError> {
    let mut found = BTreeMap::new();
    for (position, planned) in manifest.plan.iter().enumerate() {
        if run.is_finished(planned) {
            for source in boot(run, &manifest.id, planned, position)? {
                found.insert(name(&source.path), source);
            }
        } else if manifest.ended.is_some() {
            const REMEDY: &str = "resume the run, which repeats missing boots";
            return Err(MergeError::Damaged {
                file: run.record(planned),
                reason: "it is missing, although the run had ended".into(),
                remedy: REMEDY,
            });
        }
    }
    for name in files::names(&run.console_folder())? {
        if name.contains(".failed-") {
            let path = run.console_folder().join(&name);
            let sha256 = files::sha256_of(&path)?;
            found.insert(name, Source { path, sha256 });
        }
    }
    Ok(found)
}

/// A finished boot's files, if they are as they were.
fn boot(
    run: &RunFolder,
    id: &str,
    planned: &PlannedBoot,
    position: usize,
) -> Result<[Source; 2], MergeError> {
    let path = run.record(planned);
    let record: BootRecord = files::read_json(&path, BootRecord::REMEDY)?;
    if (&*record.run, &record.target, record.boot, record.position)
        != (id, &planned.target, planned.boot, position)
    {
        return Err(damaged(&path, "it belongs to another run or boot".into()));
    }
    let console = run.console(planned);
    let sha256 = files::sha256_of(&console)?;
    if sha256 != record.console_sha256 {
        return Err(damaged(&console, "it has changed since the boot".into()));
    }
    let hash = files::sha256_of(&path)?;
    Ok([
        Source {
            path: console,
            sha256,
        },
        Source { path, sha256: hash },
    ])
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn damaged(file: &Path, reason: String) -> MergeError {
    const REMEDY: &str = "copy the run again, or leave it out";
    MergeError::Damaged {
        file: file.to_owned(),
        reason,
        remedy: REMEDY,
    }
}
