//! An existing run: does everything still match its manifest?

use host::files;
use host::machine::Machine;
use host::machine::identity::{Identity, Source};
use host::tree::Tree;
use host::tune::{By, Tuning};

use super::{Order, Ready, examine};
use crate::run::targets::{self, Prepared};
use crate::run::{Manifest, Placement, RunError, RunFolder};
use crate::shard::{Scheduled, ShardError};

/// Opens a run again, if nothing has changed on which its boots depend.
pub fn resume(
    order: &Order,
    placement: &Placement,
    run: RunFolder,
    tuning: Option<&Tuning>,
) -> Result<Ready, RunError> {
    let lock = run.lock()?;
    let mut manifest = Manifest::read(&run)?;
    continue_shard(&mut manifest, order.shard.as_ref())?;
    check_tuning(&manifest, tuning)?;
    let targets = unchanged_targets(order, placement, &run, &manifest)?;
    let manifest = examine_again(&run, manifest, &targets, placement)?;
    Ok(Ready {
        run,
        lock,
        manifest,
        targets,
    })
}

/// The same shard, if the user named one, and the same machine.
fn continue_shard(manifest: &mut Manifest, now: Option<&Scheduled>) -> Result<(), RunError> {
    let then = manifest.shard.as_mut();
    match (then, now) {
        (Some(then), Some(now)) if then.shard == now.shard => {
            then.starts.extend(now.starts.iter().cloned());
        }
        (then, Some(now)) => {
            let then = then.map(|then| format!("shard {}", then.shard));
            return Err(RunError::Shard(ShardError::Another {
                then: then.unwrap_or_else(|| "a whole run".into()),
                now: now.shard,
            }));
        }
        (_, None) => {}
    }
    let here = Identity::read(&Tree::default(), false);
    match (&manifest.identity, here) {
        // The ID of a kernel's start is another one after the next start.
        (Some(then), Some(here))
            if [then.source, here.source] == [Source::MachineId; 2] && then.id != here.id =>
        {
            Err(changed("the machine (it is another one of the same kind)"))
        }
        _ => Ok(()),
    }
}

/// A run continues as it was started, with or without --tune: checked before anything is tuned.
pub fn check_tune_words(manifest: &Manifest, tunes: bool) -> Result<(), RunError> {
    let by_run = |tuning: &Tuning| tuning.by == By::Run;
    match (manifest.tune.as_ref().is_some_and(by_run), tunes) {
        (true, false) => Err(RunError::Tuning("with", "add --tune")),
        (false, true) => Err(RunError::Tuning("without", "leave out --tune")),
        _ => Ok(()),
    }
}

/// All boots of a run have the same tuning.
fn check_tuning(manifest: &Manifest, now: Option<&Tuning>) -> Result<(), RunError> {
    let is_like = match (&manifest.tune, now) {
        (Some(then), Some(now)) => then.is_like(now),
        (then, now) => then.is_none() && now.is_none(),
    };
    if is_like {
        Ok(())
    } else {
        Err(changed("how the machine is tuned (tollgate tune status)"))
    }
}

/// The targets, ready to be booted, if everything matches the manifest.
fn unchanged_targets(
    order: &Order,
    placement: &Placement,
    run: &RunFolder,
    manifest: &Manifest,
) -> Result<Vec<Prepared>, RunError> {
    let mut experiment = order.experiment.clone();
    let program = &manifest.program;
    let name = experiment.file.display().to_string();
    let text = files::sha256(&files::read(&experiment.file)?);
    unchanged(&name, &text, &manifest.experiment_sha256)?;
    let copy = files::sha256_of(&run.program())?;
    unchanged("the run's copy of the program", &copy, &program.file.sha256)?;
    let archive = files::sha256_of(&run.initramfs())?;
    unchanged("the run's initramfs", &archive, &program.initramfs_sha256)?;
    let machine = Machine::read(&Tree::default(), order.tool);
    if let Some(what) = machine.difference(&manifest.machine) {
        return Err(changed(&format!("the machine ({what})")));
    }
    let planned = |name: &str| manifest.targets.iter().any(|id| id.name == name);
    experiment.targets.retain(|target| planned(&target.name));
    // With the frequency of that time, so that batches have the same length.
    let tsc_hz = manifest.machine.tsc.hz();
    let targets = targets::prepare(&experiment, run, &copy, tsc_hz, placement)?;
    for (now, then) in targets.iter().zip(&manifest.targets) {
        if let Some(what) = now.id.difference(then) {
            return Err(changed(&format!("the target {:?} ({what})", then.name)));
        }
    }
    Ok(targets)
}

fn unchanged(what: &str, now: &str, then: &str) -> Result<(), RunError> {
    if now == then {
        Ok(())
    } else {
        Err(changed(what))
    }
}

fn changed(what: &str) -> RunError {
    RunError::Changed { what: what.into() }
}

/// Later boots may find the machine in another state: the worse verdict is kept.
fn examine_again(
    run: &RunFolder,
    manifest: Manifest,
    targets: &[Prepared],
    placement: &Placement,
) -> Result<Manifest, RunError> {
    if manifest.ended.is_some() {
        return Ok(manifest);
    }
    let manifest = Manifest {
        doctor: manifest.doctor.worse(examine(targets, placement)),
        ..manifest
    };
    manifest.write(run)?;
    Ok(manifest)
}
