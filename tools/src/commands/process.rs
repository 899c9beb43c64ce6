//! `tollgate process`: from samples to `summary.csv` and `summary.json`.

use std::collections::BTreeSet;
use std::io;

use anyhow::{Context, Result, bail};
use contract::{Fact, Method};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::quads::Unit;
use eval::summary::{self, BootInfo, GuestCpu, Missing, RunInfo, TargetInfo, Tsc};
use eval::units::TscHz;
use eval::verdict::Finding;

use crate::cli::RunFolderArgs;
use crate::commands::checks::Checks;
use crate::commands::parse;
use crate::exit::Code;
use host::files::{self, Damaged, Hashing};
use runs::run::{BootRow, BootState, Guests, Manifest, RunFolder, TargetId};

/// Computes a run's statistics.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let manifest = Manifest::read(&run)?;
    parse::check_manifest(&run)?;
    let rows = parse::read_rows(&run)?;
    let rounds = parse::read_rounds(&run)?;
    let quads = parse::read_quads(&run, Unit::Ticks)?;
    let guests = parse::read_guests(&run)?;
    let checks = Checks::new(&manifest, &rows, &rounds, &quads, &guests);
    let levels = read_samples(&run)?;
    let counts: Counts = parse::read_quads(&run, Unit::Instructions)?
        .iter()
        .collect();
    let targets = manifest
        .targets
        .iter()
        .map(|target| info(target, &rows, checks.of(target), &guests))
        .collect();
    let mut info = run_info(&manifest, &rows);
    info.notes.extend(guests.disagreements());
    let summary = summary::summarize(info, targets, &boots(&rows), &levels, &counts)
        .context("cannot sum the run up")?;
    files::write_with(&run.summary(), |out| {
        summary::write_json(out, &summary).map_err(io::Error::other)
    })?;
    files::write_with(&run.summary_csv(), |out| {
        summary::write_csv(out, &summary).map_err(io::Error::other)
    })?;
    // With the hash of what they were made from, so that a later parse shows.
    let made = [run.summary(), run.summary_csv(), run.parse_sums()];
    files::write_sums(&run.process_sums(), &made)?;
    tell!("statistics are in {}", run.summary().display());
    Ok(Code::Done)
}

/// All values of a run.
pub fn read_samples(run: &RunFolder) -> Result<Levels> {
    let path = run.samples();
    let mut file = Hashing::new(files::open(&path)?.into_inner());
    match Levels::read(&mut file) {
        Ok(levels) => {
            files::check_hash(&run.parse_sums(), &path, &file.finish(), parse::AGAIN)?;
            Ok(levels)
        }
        Err(error) => {
            // Where the file has changed, that is the reason.
            files::check_sum(&run.parse_sums(), &path, parse::AGAIN)?;
            bail!(Damaged {
                path,
                reason: error.to_string(),
                remedy: parse::AGAIN,
            })
        }
    }
}

fn run_info(manifest: &Manifest, rows: &[BootRow]) -> RunInfo {
    let tsc = &manifest.machine.tsc;
    RunInfo {
        experiment: manifest.experiment.clone(),
        tsc: Some(Tsc {
            hz: TscHz(tsc.hz()),
            source: tsc.source().to_owned(),
        }),
        notes: notes(manifest, rows),
        doctor: Some(manifest.doctor.clone()),
    }
}

/// What a reader must know before the first number.
fn notes(manifest: &Manifest, rows: &[BootRow]) -> Vec<String> {
    let mut notes = Vec::new();
    let cpu = manifest.machine.cpu.get("model name");
    notes.push(format!(
        "{}, {}",
        cpu.map_or("unknown processor", String::as_str),
        manifest.started.strftime("%Y-%m-%d %H:%M UTC")
    ));
    let reasons: BTreeSet<_> = manifest.targets.iter().filter_map(reason).collect();
    notes.extend(reasons);
    let enosys: Vec<_> = manifest
        .targets
        .iter()
        .map(|target| target.name.as_str())
        .filter(|name| {
            rows.iter()
                .any(|row| row.target == *name && row.syscall_500 == "enosys")
        })
        .collect();
    if !enosys.is_empty() {
        notes.push(format!(
            "Without system call 500: {}; \"enosys\" is the cost of a refused call, \
             another path through the kernel than \"scall\".",
            enosys.join(", ")
        ));
    }
    let not_run = rows
        .iter()
        .filter(|row| row.state == BootState::NotRun)
        .count();
    if not_run > 0 {
        notes.push(format!(
            "Unfinished: {not_run} of {} boots were not run.",
            rows.len()
        ));
    }
    notes
}

fn reason(target: &TargetId) -> Option<String> {
    let reason = target.engine_reason.as_ref()?;
    Some(format!("Engine: {}, because {reason}.", target.engine.name))
}

/// All boots in the order of time.
fn boots(rows: &[BootRow]) -> Vec<BootInfo> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| row.position);
    let boot = |row: &BootRow| BootInfo {
        target: row.target.clone(),
        boot: row.boot,
        chain_ops: row.facts.get(Fact::ChainOps),
    };
    rows.into_iter().map(boot).collect()
}

fn info(target: &TargetId, rows: &[BootRow], checks: Vec<Finding>, guests: &Guests) -> TargetInfo {
    let count = |state| {
        let rows = rows.iter().filter(|row| row.target == target.name);
        rows.filter(|row| row.state == state).count() as u32
    };
    TargetInfo {
        name: target.name.clone(),
        label: target.label.clone(),
        method: Method::from_name(&target.method),
        engine: target.engine.name.clone(),
        emulated: target.engine.emulated,
        counts_for: target.counts_for.clone(),
        cpu_model: target.engine.cpu_model.clone(),
        cpu_lacks: target.engine.cpu_lacks.clone(),
        guest: guests.targets.get(&target.name).and_then(|guest| {
            let facts = guest.same.iter();
            GuestCpu::of(facts.map(|(name, value)| (name.as_str(), value.as_str())))
        }),
        checks,
        missing: target.missing.as_ref().map(|hint| Missing {
            what: "no image".into(),
            hint: hint.clone(),
        }),
        boots_ok: count(BootState::Ok),
        boots_failed: count(BootState::Failed),
    }
}
