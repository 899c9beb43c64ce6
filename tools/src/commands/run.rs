//! `tollgate run`: boots every target, many times, and keeps each console.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use eval::verdict::Verdict;
use initramfs::Compression;
use jiff::{Timestamp, Zoned};
use vmm::End;

use crate::cli::RunArgs;
use crate::exit::Code;
use crate::progress;
use crate::version::TOOL;
use host::cpus::Elsewhere;
use host::doctor;
use host::machine::Machine;
use host::measuring_cpus::HostCpus;
use host::tree::Tree;
use host::tune::{self, Tuning};
use host::{files, interrupt, kvm};
use runs::experiment::{self, Experiment, ExperimentError};
use runs::run::targets::{self, Bootable, Prepared};
use runs::run::{
    BootRecord, FileId, Manifest, Placement, ProgramId, RunError, RunFolder, doctor_plan,
};
use runs::schedule::{self, PlannedBoot};

/// Begins a run, or goes on with one.
pub fn run(args: &RunArgs) -> Result<Code> {
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let experiment = chosen(args)?;
    let placement = match args.resume {
        true => {
            let run = RunFolder::open(&path_of(args, &experiment)?)?;
            let manifest = Manifest::read(&run)?;
            check_tune_words(args, &manifest)?;
            Placement::of_run(&manifest.targets, host_cpus())
        }
        false => Placement::choose(&experiment, host_cpus()),
    };
    if !args.tune {
        if let Some(leftover) = tune::leftover(&args.tune_root) {
            tell!("note: {leftover}");
        }
        return fill(args, &experiment, &placement, &stop, None);
    }
    let request = tune::Request {
        cpus: placement.measuring(&experiment),
        offline_siblings: args.offline_siblings,
        ..tune::Request::default()
    };
    if request.cpus.is_empty() {
        tell!(
            "tune: a target may run on every CPU, so that all CPUs get a constant clock, and \
             interrupts stay where they are"
        );
    }
    let say = |line: &str| tell!("{line}");
    tune::during(&args.tune_root, &request, TOOL, &say, |tuning| {
        // Siblings may be offline now.
        let placement = placement.on(host_cpus());
        fill(args, &experiment, &placement, &stop, Some(tuning))
    })
}

fn host_cpus() -> HostCpus {
    HostCpus::read(&Tree::default())
}

/// A run goes on as it was begun, with --tune or without: known before anything is tuned.
fn check_tune_words(args: &RunArgs, manifest: &Manifest) -> Result<(), RunError> {
    match (manifest.tune.is_some(), args.tune) {
        (true, false) => Err(RunError::Tuning("with", "add --tune")),
        (false, true) => Err(RunError::Tuning("without", "leave --tune out")),
        _ => Ok(()),
    }
}

fn path_of(args: &RunArgs, experiment: &Experiment) -> Result<PathBuf, RunError> {
    Ok(match (&args.run, args.resume) {
        (Some(path), _) => path.clone(),
        (None, true) => newest_of(&experiment.name)?,
        (None, false) => fresh_folder(&experiment.name),
    })
}

/// Begins a run, or opens one, and boots what is not booted yet.
fn fill(
    args: &RunArgs,
    experiment: &Experiment,
    placement: &Placement,
    stop: &AtomicBool,
    tuning: Option<&Tuning>,
) -> Result<Code> {
    let path = path_of(args, experiment)?;
    if !args.resume {
        begin(args, experiment, placement, &path, tuning)?;
    }
    let run = RunFolder::open(&path)?;
    let _lock = run.lock()?;
    let manifest = Manifest::read(&run)?;
    check_tuning(&manifest, tuning)?;
    let prepared = prepare(args, experiment, placement, &run, &manifest)?;
    let manifest = match args.resume {
        true => examine_again(&run, manifest, &prepared, placement)?,
        false => manifest,
    };
    announce(&run, &manifest);
    let manifest = match args.retry_failed {
        true => set_failed_aside(&run, manifest)?,
        false => manifest,
    };
    boot_all(&run, &manifest, &prepared, stop)?;
    check_done(&run, &manifest, args)?;
    finish(&run, &manifest, &args.tune_root)?;
    summarise(&run, &manifest)
}

/// The experiment, or one target of it.
fn chosen(args: &RunArgs) -> Result<Experiment> {
    let mut experiment = experiment::load(&args.experiment)?;
    let names: Vec<_> = experiment.targets.iter().map(|t| t.name.clone()).collect();
    experiment = experiment.measured(|| kvm::probe().is_real());
    if let Some(only) = &args.only {
        let is_it = |name: &String| name == only;
        experiment
            .targets
            .retain(|target| is_it(&target.name) || target.counts_for.as_ref().is_some_and(is_it));
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

/// Makes a run's folder, with all that its boots need. It is there whole or not at all.
fn begin(
    args: &RunArgs,
    experiment: &Experiment,
    placement: &Placement,
    path: &Path,
    tuning: Option<&Tuning>,
) -> Result<()> {
    let draft = RunFolder::draft(path)?;
    let run = &draft.run;
    files::check_regular(&experiment.program)?;
    let program = files::read(&experiment.program)?;
    let archive =
        initramfs::build(&program, Compression::Gzip).context("cannot build the initramfs")?;
    let text = files::read(&args.experiment)?;
    files::write(&run.experiment(), &text)?;
    files::write(&run.program(), &program)?;
    make_executable(&run.program())?;
    files::write(&run.initramfs(), &archive)?;

    let machine = Machine::read(&Tree::default(), TOOL);
    let program_sha256 = files::sha256(&program);
    let prepared = targets::prepare(
        experiment,
        run,
        &program_sha256,
        machine.tsc.hz(),
        placement,
    )?;
    let seed = experiment.seed.unwrap_or_else(rand::random);
    let manifest = Manifest {
        format: Manifest::FORMAT,
        id: format!("{:032x}", rand::random::<u128>()),
        tool: TOOL.version.to_owned(),
        experiment: experiment.name.clone(),
        experiment_file: args.experiment.display().to_string(),
        experiment_sha256: files::sha256(&text),
        seed,
        program: ProgramId {
            file: FileId {
                path: experiment.program.display().to_string(),
                sha256: program_sha256,
            },
            initramfs_sha256: files::sha256(&archive),
        },
        targets: prepared.iter().map(|target| target.id.clone()).collect(),
        plan: schedule::plan(&boots(&prepared), seed),
        machine,
        doctor: examine(&prepared, placement),
        tune: tuning.cloned(),
        started: Timestamp::now(),
        ended: None,
    };
    manifest.write(run)?;
    draft.finish(path)?;
    if args.run.is_none() {
        point_latest_at(path)?;
    }
    Ok(())
}

/// Asks the doctor about what these targets need.
fn examine(prepared: &[Prepared], placement: &Placement) -> Verdict {
    let targets: Vec<_> = prepared.iter().map(|target| target.id.clone()).collect();
    doctor::examine(&Tree::default(), &doctor_plan(&targets, placement.host()))
}

/// Boots that follow later may find another machine: the worse verdict stays.
fn examine_again(
    run: &RunFolder,
    manifest: Manifest,
    prepared: &[Prepared],
    placement: &Placement,
) -> Result<Manifest> {
    if manifest.ended.is_some() {
        return Ok(manifest);
    }
    let manifest = Manifest {
        doctor: manifest.doctor.worse(examine(prepared, placement)),
        ..manifest
    };
    manifest.write(run)?;
    Ok(manifest)
}

/// The targets that can be booted, and how often they are.
fn boots(prepared: &[Prepared]) -> Vec<(String, u32)> {
    let bootable = prepared.iter();
    bootable
        .filter_map(|target| Some((target.id.name.clone(), target.boot.as_ref()?.boots)))
        .collect()
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

/// The targets, ready to be booted, if all is as the manifest says.
fn prepare(
    args: &RunArgs,
    experiment: &Experiment,
    placement: &Placement,
    run: &RunFolder,
    manifest: &Manifest,
) -> Result<Vec<Prepared>> {
    let unchanged = |what: &str, now: &str, then: &str| match now == then {
        true => Ok(()),
        false => Err(RunError::Changed { what: what.into() }),
    };
    let program = &manifest.program;
    let name = args.experiment.display().to_string();
    let text = files::sha256(&files::read(&args.experiment)?);
    unchanged(&name, &text, &manifest.experiment_sha256)?;
    let copy = files::sha256_of(&run.program())?;
    unchanged("the run's copy of the program", &copy, &program.file.sha256)?;
    let archive = files::sha256_of(&run.initramfs())?;
    unchanged("the run's initramfs", &archive, &program.initramfs_sha256)?;
    if args.resume
        && let Some(what) = Machine::read(&Tree::default(), TOOL).difference(&manifest.machine)
    {
        bail!(RunError::Changed {
            what: format!("the machine ({what})")
        });
    }
    let mut experiment = experiment.clone();
    let planned = |name: &str| manifest.targets.iter().any(|id| id.name == name);
    experiment.targets.retain(|target| planned(&target.name));
    // By the frequency of then, so that batches are as long as they were.
    let tsc_hz = manifest.machine.tsc.hz();
    let prepared = targets::prepare(&experiment, run, &copy, tsc_hz, placement)?;
    for (now, then) in prepared.iter().zip(&manifest.targets) {
        if let Some(what) = now.id.difference(then) {
            bail!(RunError::Changed {
                what: format!("the target {:?} ({what})", then.name)
            });
        }
    }
    Ok(prepared)
}

/// Boots of one run are all made on a machine that is tuned alike.
fn check_tuning(manifest: &Manifest, now: Option<&Tuning>) -> Result<(), RunError> {
    match (&manifest.tune, now) {
        (Some(then), Some(now)) if !then.is_like(now) => Err(RunError::Changed {
            what: "what --tune can set here".into(),
        }),
        _ => Ok(()),
    }
}

/// The newest run of that experiment in `results/`; names sort by time.
fn newest_of(name: &str) -> Result<PathBuf, RunError> {
    let results = Path::new(RESULTS);
    let is_one = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let time = file
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'));
        time.is_some_and(is_time) && RunFolder::open(path).is_ok()
    };
    let runs = fs::read_dir(results).into_iter().flatten();
    let paths = runs.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(is_one).max().ok_or(RunError::NotARun {
        folder: results.join(format!("{name}-*")),
    })
}

/// Whether a name ends as [`fresh_folder`] ends it: `20261121-044227`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
}

fn announce(run: &RunFolder, manifest: &Manifest) {
    let targets: Vec<_> = manifest.targets.iter().map(|t| t.name.as_str()).collect();
    tell!(
        "{}: {} boots of {} into {}",
        manifest.experiment,
        manifest.plan.len(),
        targets.join(", "),
        run.path().display()
    );
    if let Some(unfit) = manifest.doctor.headline() {
        tell!("{unfit}");
    }
    for (reason, names) in reasons(manifest) {
        tell!("{}: {reason}", names.join(", "));
    }
}

/// What there is to say of targets, and of which.
fn reasons(manifest: &Manifest) -> BTreeMap<String, Vec<&str>> {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for target in &manifest.targets {
        let engine = target.engine_reason.iter();
        let engine = engine.map(|why| format!("engine {}, because {why}", target.engine.name));
        let missing = target.missing.iter();
        for reason in engine.chain(missing.map(|hint| format!("no image; {hint}"))) {
            reasons.entry(reason).or_default().push(&target.name);
        }
    }
    reasons
}

/// Makes room for another try of each boot that ended badly. The run has not ended, then.
fn set_failed_aside(run: &RunFolder, manifest: Manifest) -> Result<Manifest> {
    let mut failed = Vec::new();
    for planned in manifest.plan.iter().filter(|boot| run.is_finished(boot)) {
        let record: BootRecord = files::read_json(&run.record(planned), BootRecord::REMEDY)?;
        if record.end.is_fault() {
            failed.push(planned);
        }
    }
    if failed.is_empty() {
        return Ok(manifest);
    }
    let unfinished = Manifest {
        ended: None,
        ..manifest.clone()
    };
    unfinished.write(run)?;
    for planned in failed {
        run.set_aside(planned)?;
    }
    Ok(unfinished)
}

/// Boots what is not finished yet.
fn boot_all(
    run: &RunFolder,
    manifest: &Manifest,
    prepared: &[Prepared],
    stop: &AtomicBool,
) -> Result<()> {
    let bar = progress::bar(manifest.plan.len());
    for (position, planned) in manifest.plan.iter().enumerate() {
        if run.is_finished(planned) {
            bar.inc(1);
            continue;
        }
        let Some(target) = find(prepared, planned) else {
            continue;
        };
        bar.set_message(planned.target.clone());
        match boot_one((run, &manifest.id), target, planned, position, stop)? {
            End::Interrupted => break,
            end if !end.is_fault() => {}
            end => {
                let PlannedBoot { target, boot } = planned;
                bar.suspend(|| tell!("{target}, boot {boot}: {end}"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn find<'p>(prepared: &'p [Prepared], planned: &PlannedBoot) -> Option<&'p Bootable> {
    let target = prepared
        .iter()
        .find(|target| target.id.name == planned.target);
    target?.boot.as_ref()
}

fn boot_one(
    (run, id): (&RunFolder, &str),
    Bootable {
        spec,
        engine,
        others,
        ..
    }: &Bootable,
    planned: &PlannedBoot,
    position: usize,
    stop: &AtomicBool,
) -> Result<End> {
    let started = Timestamp::now();
    let outcome = {
        let _off_the_measuring_cpus = Elsewhere::on(others);
        engine.boot(spec, &mut io::sink(), stop)
    };
    if outcome.end == End::Interrupted || stop.load(Ordering::Relaxed) {
        return Ok(End::Interrupted);
    }
    // The record comes last: where it is, the console is whole.
    files::write(&run.console(planned), &outcome.console)?;
    let record = BootRecord {
        run: id.to_owned(),
        target: planned.target.clone(),
        boot: planned.boot,
        position,
        started,
        end: outcome.end,
        timings: outcome.timings,
        exits: outcome.exits,
        pages: outcome.pages,
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
            "{} run {} --resume --run {}{}",
            quoted(&std::env::args().next().unwrap_or_default()),
            quoted(&args.experiment.display().to_string()),
            quoted(&run.path().display().to_string()),
            match (args.tune, args.offline_siblings) {
                (false, _) => "",
                (true, false) => " --tune",
                (true, true) => " --tune --offline-siblings",
            }
        ),
    })
}

/// A word as a shell has to be given it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn finish(run: &RunFolder, manifest: &Manifest, root: &Path) -> Result<()> {
    if manifest.ended.is_none() {
        let ended = Some(Timestamp::now());
        let tune = manifest.tune.clone().map(|tuning| tuning.checked(root));
        let manifest = Manifest {
            ended,
            tune,
            ..manifest.clone()
        };
        manifest.write(run)?;
    }
    Ok(())
}

/// Says what became of all boots, those of an earlier part of the run included.
fn summarise(run: &RunFolder, manifest: &Manifest) -> Result<Code> {
    let mut failed = 0;
    for planned in &manifest.plan {
        let record: BootRecord = files::read_json(&run.record(planned), BootRecord::REMEDY)?;
        failed += usize::from(record.end.is_fault());
    }
    tell!("all boots are in {}", run.path().display());
    if failed == 0 {
        return Ok(Code::Done);
    }
    tell!("{failed} of them failed; --resume --retry-failed boots them again");
    Ok(Code::BootsFailed)
}
