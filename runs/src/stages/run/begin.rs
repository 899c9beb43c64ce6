//! A new run: its folder, with everything that its boots need.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use host::files::{self, FileError};
use host::machine::Machine;
use host::machine::identity::Identity;
use host::program;
use host::tree::Tree;
use host::tune::Tuning;
use initramfs::Compression;
use jiff::Timestamp;

use super::{Order, Ready, examine};
use crate::engine::EngineKind;
use crate::experiment::{Experiment, ExperimentError};
use crate::run::targets::{self, Prepared};
use crate::run::{FileId, Manifest, Placement, ProgramId, RunError, RunFolder};
use crate::schedule;
use crate::shard::Scheduled;

/// Creates a run's folder. It appears complete or not at all.
pub fn begin(
    order: &Order,
    placement: &Placement,
    path: &Path,
    tuning: Option<&Tuning>,
) -> Result<Ready, RunError> {
    let experiment = &order.experiment;
    let draft = RunFolder::draft(path)?;
    let lock = draft.run.lock()?;
    let console = draft.run.console_folder();
    fs::create_dir(&console).map_err(files::writing(&console))?;
    files::check_regular(&experiment.program)?;
    let program = files::read(&experiment.program)?;
    check_watches(experiment, &program)?;
    let archive = initramfs::build(&program, Compression::Gzip).map_err(RunError::Initramfs)?;
    let text = files::read(&experiment.file)?;
    files::write(&draft.run.experiment(), &text)?;
    files::write(&draft.run.program(), &program)?;
    make_executable(&draft.run.program())?;
    files::write(&draft.run.initramfs(), &archive)?;

    let machine = Machine::read(&Tree::default(), order.tool);
    let program_sha256 = files::sha256(&program);
    // Boots find the files at the run's final path.
    let run = RunFolder::planned(path);
    let targets = targets::prepare(
        experiment,
        &run,
        &program_sha256,
        machine.tsc.hz(),
        placement,
    )?;
    check(&targets, &experiment.program, &program)?;
    let boots = boots(&targets);
    if let Some(Scheduled { shard, .. }) = &order.shard {
        shard.check(schedule::blocks(&boots))?;
    }
    let seed = experiment.seed.unwrap_or_else(rand::random);
    let manifest = Manifest {
        format: Manifest::FORMAT,
        id: format!("{:032x}", rand::random::<u128>()),
        tool: order.tool.version.to_owned(),
        experiment: experiment.name.clone(),
        experiment_file: experiment.file.display().to_string(),
        experiment_sha256: files::sha256(&text),
        seed,
        program: ProgramId {
            file: FileId {
                path: experiment.program.display().to_string(),
                sha256: program_sha256,
            },
            initramfs_sha256: files::sha256(&archive),
        },
        targets: targets.iter().map(|target| target.id.clone()).collect(),
        plan: schedule::plan(&boots, seed, order.shard.as_ref().map(|of| of.shard)),
        shard: order.shard.clone(),
        machine,
        identity: Identity::read(&Tree::default(), order.name_hosts),
        doctor: examine(&targets, placement),
        tune: tuning.cloned(),
        courses: Vec::new(),
        merged: None,
        started: Timestamp::now(),
        ended: None,
    };
    manifest.write(&draft.run)?;
    Ok(Ready {
        run: draft.finish(path)?,
        lock,
        manifest,
        targets,
    })
}

/// Only a program that carries out watches may be asked to.
fn check_watches(experiment: &Experiment, program: &[u8]) -> Result<(), ExperimentError> {
    let mark = contract::WATCHES_MARK.as_bytes();
    let carries_out = program.windows(mark.len()).any(|part| part == mark);
    let watched = experiment
        .targets
        .iter()
        .find(|target| !target.watch.is_empty());
    match watched {
        Some(target) if !carries_out => Err(ExperimentError::cannot_watch(
            &experiment.file,
            &target.name,
            &experiment.program,
        )),
        _ => Ok(()),
    }
}

/// Finds before the first boot what would make every boot fail.
fn check(targets: &[Prepared], path: &Path, program: &[u8]) -> Result<(), RunError> {
    let mut hints = targets.iter().map(|target| target.id.missing.as_ref());
    if let Some(Some(hint)) = hints.clone().next()
        && hints.all(|hint| hint.is_some())
    {
        return Err(RunError::NoImage(hint.clone()));
    }
    let mut booted = targets.iter().filter(|target| target.boot.is_some());
    if booted.any(|target| target.id.engine.name != EngineKind::Host) {
        program::check_init(path, program)?;
    }
    Ok(program::check(path, program)?)
}

/// The targets that can be booted, and how often.
fn boots(prepared: &[Prepared]) -> Vec<(String, u32)> {
    let bootable = prepared.iter();
    bootable
        .filter_map(|target| Some((target.id.name.clone(), target.boot.as_ref()?.boots)))
        .collect()
}

fn make_executable(path: &Path) -> Result<(), FileError> {
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(files::writing(path))
}
