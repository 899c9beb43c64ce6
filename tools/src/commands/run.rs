//! `tollgate run`: boots every target, many times, and keeps each console.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use initramfs::Compression;
use jiff::{Timestamp, Zoned};
use vmm::End;

use crate::cli::RunArgs;
use crate::exit::Code;
use crate::experiment::{self, Experiment, ExperimentError};
use crate::machine::Machine;
use crate::run::targets::{self, Bootable, Prepared};
use crate::run::{BootRecord, FileId, Manifest, ProgramId, RunError, RunFolder};
use crate::schedule::{self, PlannedBoot};
use crate::{files, interrupt, progress};

/// Begins a run, or goes on with one.
pub fn run(args: &RunArgs) -> Result<Code> {
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let experiment = chosen(args)?;
    let (run, manifest, prepared) = if args.resume {
        resume(args, &experiment)?
    } else {
        begin(args, &experiment)?
    };
    announce(&run, &manifest);
    let failed = boot_all(&run, &manifest, &prepared, &stop)?;
    check_done(&run, &manifest, args)?;
    finish(&run, manifest)?;
    Ok(summarise(&run, failed))
}

/// The experiment, or one target of it.
fn chosen(args: &RunArgs) -> Result<Experiment> {
    let mut experiment = experiment::load(&args.experiment)?;
    if let Some(only) = &args.only {
        let names: Vec<_> = experiment.targets.iter().map(|t| t.name.clone()).collect();
        experiment.targets.retain(|target| target.name == *only);
        if experiment.targets.is_empty() {
            bail!(ExperimentError::no_such_target(
                &args.experiment,
                only,
                &names
            ));
        }
    }
    Ok(experiment)
}

type Ready = (RunFolder, Manifest, Vec<Prepared>);

fn begin(args: &RunArgs, experiment: &Experiment) -> Result<Ready> {
    // All that can fail fails before a folder is made.
    let program = files::read(&experiment.program)?;
    let archive =
        initramfs::build(&program, Compression::Gzip).context("cannot build the initramfs")?;
    let machine = Machine::read();
    let words = targets::words(&experiment.benchmark, machine.tsc.hz());
    let path = args
        .run
        .clone()
        .unwrap_or_else(|| fresh_folder(&experiment.name));
    check_targets(experiment, &path, &program, &words)?;

    let run = RunFolder::create(&path)?;
    let text = files::read(&args.experiment)?;
    files::write(&run.experiment(), &text)?;
    files::write(&run.program(), &program)?;
    make_executable(&run.program())?;
    files::write(&run.initramfs(), &archive)?;
    let program_sha256 = files::sha256(&program);
    let prepared = targets::prepare(experiment, &run, &program_sha256, &words)?;
    let seed = experiment.seed.unwrap_or_else(rand::random);
    let manifest = Manifest {
        format: Manifest::FORMAT,
        tool: crate::VERSION.to_owned(),
        experiment: experiment.name.clone(),
        experiment_file: args.experiment.clone(),
        experiment_sha256: files::sha256(&text),
        seed,
        program: ProgramId {
            file: FileId {
                path: experiment.program.clone(),
                sha256: program_sha256,
            },
            initramfs_sha256: files::sha256(&archive),
            words,
        },
        targets: prepared.iter().map(|target| target.id.clone()).collect(),
        plan: schedule::plan(&bootable_names(&prepared), experiment.boots, seed),
        machine,
        started: Timestamp::now(),
        ended: None,
    };
    manifest.write(&run)?;
    if args.run.is_none() {
        point_latest_at(&path)?;
    }
    Ok((run, manifest, prepared))
}

/// The same checks as those of the real thing, in a place that does not exist yet.
fn check_targets(experiment: &Experiment, path: &Path, program: &[u8], words: &str) -> Result<()> {
    if path.exists() {
        bail!(RunError::Exists {
            folder: path.to_owned()
        });
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let run = RunFolder::create(&scratch.path().join("run"))?;
    targets::prepare(experiment, &run, &files::sha256(program), words)?;
    Ok(())
}

fn bootable_names(prepared: &[Prepared]) -> Vec<String> {
    let bootable = prepared.iter().filter(|target| target.boot.is_some());
    bootable.map(|target| target.id.name.clone()).collect()
}

/// Where runs go unless the user says otherwise.
const RESULTS: &str = "results";
const LATEST: &str = "latest";

fn fresh_folder(name: &str) -> PathBuf {
    let now = Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    Path::new(RESULTS).join(format!("{name}-{now}"))
}

/// `results/latest` becomes a link to the run, in one step.
fn point_latest_at(run: &Path) -> Result<()> {
    let Some(name) = run.file_name() else {
        return Ok(());
    };
    let link = Path::new(RESULTS).join(LATEST);
    let beside = Path::new(RESULTS).join(format!(".{LATEST}-{}", std::process::id()));
    let linked = symlink(name, &beside).and_then(|()| fs::rename(&beside, &link));
    linked.map_err(files::writing(&link))?;
    Ok(())
}

fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, permissions).map_err(files::writing(path))?;
    Ok(())
}

fn resume(args: &RunArgs, experiment: &Experiment) -> Result<Ready> {
    let path = match &args.run {
        Some(path) => path.clone(),
        None => newest_of(&experiment.name)?,
    };
    let run = RunFolder::open(&path)?;
    let manifest = Manifest::read(&run)?;
    let same = |what: &str, now: &str, then: &str| match now == then {
        true => Ok(()),
        false => Err(RunError::Changed { what: what.into() }),
    };
    let experiment_now = files::sha256(&files::read(&args.experiment)?);
    let name = args.experiment.display().to_string();
    same(&name, &experiment_now, &manifest.experiment_sha256)?;
    let program = files::sha256_of(&run.program())?;
    same(
        "the run's copy of the program",
        &program,
        &manifest.program.file.sha256,
    )?;
    let archive = files::sha256_of(&run.initramfs())?;
    same(
        "the run's initramfs",
        &archive,
        &manifest.program.initramfs_sha256,
    )?;
    let words = &manifest.program.words;
    let mut prepared = targets::prepare(experiment, &run, &program, words)?;
    prepared.retain(|target| manifest.targets.iter().any(|id| id.name == target.id.name));
    for (now, then) in prepared.iter().zip(&manifest.targets) {
        if now.id != *then {
            bail!(RunError::Changed {
                what: format!("the target {:?} (image, engine or machine)", then.name)
            });
        }
    }
    Ok((run, manifest, prepared))
}

/// The newest run of that experiment in `results/`; names sort by time.
fn newest_of(name: &str) -> Result<PathBuf, RunError> {
    let results = Path::new(RESULTS);
    let is_one = |path: &PathBuf| {
        let file = path
            .file_name()
            .map(|file| file.to_string_lossy().into_owned());
        let time =
            file.and_then(|file| Some(file.strip_prefix(name)?.strip_prefix('-')?.to_owned()));
        time.is_some_and(|time| time.chars().all(|c| c.is_ascii_digit() || c == '-'))
    };
    let runs = fs::read_dir(results).into_iter().flatten();
    let paths = runs.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(is_one).max().ok_or(RunError::NotARun {
        folder: results.join(format!("{name}-*")),
    })
}

fn announce(run: &RunFolder, manifest: &Manifest) {
    let targets: Vec<_> = manifest.targets.iter().map(|t| t.name.as_str()).collect();
    eprintln!(
        "{}: {} boots of {} into {}",
        manifest.experiment,
        manifest.plan.len(),
        targets.join(", "),
        run.path().display()
    );
    for target in &manifest.targets {
        if let Some(reason) = &target.engine_reason {
            eprintln!(
                "{}: engine {}, because {reason}",
                target.name, target.engine.name
            );
        }
        if let Some(hint) = &target.missing {
            eprintln!("{}: no image; {hint}", target.name);
        }
    }
}

/// Boots what is not finished yet; gives the number of boots that failed.
fn boot_all(
    run: &RunFolder,
    manifest: &Manifest,
    prepared: &[Prepared],
    stop: &AtomicBool,
) -> Result<usize> {
    let bar = progress::bar(manifest.plan.len());
    let mut failed = 0;
    for (position, planned) in manifest.plan.iter().enumerate() {
        if run.is_finished(planned) {
            bar.inc(1);
            continue;
        }
        let Some(target) = find(prepared, planned) else {
            continue;
        };
        bar.set_message(planned.target.clone());
        match boot_one(run, target, planned, position, stop)? {
            End::Interrupted => break,
            end if end.is_success() => {}
            end => {
                failed += 1;
                let PlannedBoot { target, boot } = planned;
                bar.suspend(|| eprintln!("{target}, boot {boot}: {end}"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(failed)
}

fn find<'p>(prepared: &'p [Prepared], planned: &PlannedBoot) -> Option<&'p Bootable> {
    let target = prepared
        .iter()
        .find(|target| target.id.name == planned.target);
    target?.boot.as_ref()
}

fn boot_one(
    run: &RunFolder,
    Bootable { spec, engine }: &Bootable,
    planned: &PlannedBoot,
    position: usize,
    stop: &AtomicBool,
) -> Result<End> {
    let started = Timestamp::now();
    let outcome = engine.boot(spec, &mut io::sink(), stop);
    if outcome.end == End::Interrupted || stop.load(Ordering::Relaxed) {
        return Ok(End::Interrupted);
    }
    // The record comes last: where it is, the console is whole.
    files::write(&run.console(planned), &outcome.console)?;
    let record = BootRecord {
        target: planned.target.clone(),
        boot: planned.boot,
        position,
        started,
        end: outcome.end,
        timings: outcome.timings,
        console_sha256: files::sha256(&outcome.console),
    };
    files::write_json(&run.record(planned), &record)?;
    Ok(record.end)
}

fn check_done(run: &RunFolder, manifest: &Manifest, args: &RunArgs) -> Result<(), RunError> {
    let planned = manifest.plan.len();
    let kept = manifest
        .plan
        .iter()
        .filter(|boot| run.is_finished(boot))
        .count();
    if kept == planned {
        return Ok(());
    }
    Err(RunError::Interrupted {
        kept,
        planned,
        folder: run.path().to_owned(),
        command: format!(
            "tollgate run {} --resume --run {}",
            args.experiment.display(),
            run.path().display()
        ),
    })
}

fn finish(run: &RunFolder, mut manifest: Manifest) -> Result<()> {
    manifest.ended.get_or_insert_with(Timestamp::now);
    manifest.write(run)?;
    Ok(())
}

fn summarise(run: &RunFolder, failed: usize) -> Code {
    let folder = run.path().display();
    if failed == 0 {
        eprintln!("all boots are in {folder}");
        return Code::Done;
    }
    eprintln!("all boots are in {folder}; {failed} of them failed, see console/*.json there");
    Code::BootsFailed
}
