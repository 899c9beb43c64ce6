//! Boots a target as the run did, with other words for the program.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use host::files;
use jiff::Timestamp;
use vmm::{BootOutcome, BootSpec, End};

use super::{CallsError, Record};
use crate::engine::{self, Engine};
use crate::experiment::{self, Experiment, ProgramAs, Target};
use crate::run::{Manifest, RunError, RunFolder, TargetId};

/// A target of a run, ready to be booted again.
pub struct Subject<'a> {
    id: &'a TargetId,
    spec: BootSpec,
    engine: Box<dyn Engine>,
}

impl<'a> Subject<'a> {
    /// The target of that name, if its files are still those of the run.
    pub fn find(run: &RunFolder, manifest: &'a Manifest, name: &str) -> Result<Self, CallsError> {
        let id = manifest.targets.iter().find(|id| id.name == name);
        let id = id.ok_or_else(|| CallsError::NoTarget {
            run: run.path().display().to_string(),
            target: name.to_owned(),
            targets: manifest.targets.iter().map(|id| id.name.clone()).collect(),
        })?;
        let engine_name = id
            .engine
            .name
            .to_ask_for()
            .ok_or_else(|| CallsError::NoImage(name.to_owned()))?;
        let experiment = experiment::load(&run.experiment())?;
        let spec = spec(run, id, target(&experiment, id))?;
        let cpu = id.engine.cpu_model.as_deref();
        let engine = engine::choose(engine_name, cpu)?.engine;
        engine.check(&spec)?;
        Ok(Self { id, spec, engine })
    }

    /// Boots it once, without these calls.
    pub fn boot<'c>(
        &self,
        skip: impl Iterator<Item = &'c u32>,
        stop: &AtomicBool,
    ) -> (String, BootOutcome) {
        let skip: Vec<_> = skip.map(u32::to_string).collect();
        let words = match skip.join(",") {
            none if none.is_empty() => "calls=y".to_owned(),
            skip => format!("calls=y skip={skip}"),
        };
        let cmdline = format!("{}{words}", self.spec.cmdline);
        let spec = BootSpec {
            cmdline: cmdline.clone(),
            ..self.spec.clone()
        };
        (cmdline, self.engine.boot(&spec, &mut io::sink(), stop))
    }

    /// How it was measured.
    pub fn record(
        &self,
        manifest: &Manifest,
        cmdline: String,
        started: Timestamp,
        boots: usize,
        ended_by: BTreeMap<u32, End>,
        outcome: &BootOutcome,
    ) -> Record {
        Record {
            version: 1,
            run: manifest.id.clone(),
            target: self.id.name.clone(),
            image: self.id.image.clone(),
            program_sha256: self.id.program_sha256.clone(),
            engine: self.engine.about(),
            cmdline,
            started,
            boots,
            ended_by,
            end: outcome.end.clone(),
            console_sha256: files::sha256(&outcome.console),
            list_sha256: String::new(),
        }
    }
}

/// The target's entry in the run's copy of its experiment; of one that counts instructions, the
/// entry of the one that it counts for.
fn target<'e>(experiment: &'e Experiment, id: &TargetId) -> Option<&'e Target> {
    let named = |name: &str| experiment.targets.iter().find(|target| target.name == name);
    named(&id.name).or_else(|| named(id.counts_for.as_ref()?))
}

/// Calls that block are given up after a second, one after the other.
const LEAST_TIMEOUT: Duration = Duration::from_secs(60);

fn spec(run: &RunFolder, id: &TargetId, target: Option<&Target>) -> Result<BootSpec, CallsError> {
    let program = run.program();
    unchanged(
        "the run's copy of the program",
        &program,
        &id.program_sha256,
    )?;
    let (kernel, initrd, cmdline) = match &id.image {
        Some(image) => {
            let kernel = std::path::PathBuf::from(&image.path);
            unchanged(&image.path, &kernel, &image.sha256)?;
            let initrd = match target.map(|target| target.program_as) {
                Some(ProgramAs::Initrd) => program,
                Some(ProgramAs::Init) | None => run.initramfs(),
            };
            (
                kernel,
                Some(initrd),
                format!("{} -- ", kernel_words(&id.cmdline)),
            )
        }
        None => (program, None, String::new()),
    };
    let timeout = target.map_or(0, |target| target.timeout_s);
    Ok(BootSpec {
        kernel,
        initrd,
        cmdline: cmdline.trim_start().to_owned(),
        memory_mib: id.memory_mib,
        cpus: id.cpus,
        pin: id.pin.clone(),
        timeout: LEAST_TIMEOUT.max(Duration::from_secs(timeout.into())),
    })
}

/// Everything before the last `--`: what follows it was the program's.
fn kernel_words(cmdline: &str) -> &str {
    let words = cmdline.rsplit_once("-- ").map_or("", |(kernel, _)| kernel);
    words.trim()
}

fn unchanged(what: &str, path: &std::path::Path, sha256: &str) -> Result<(), CallsError> {
    if files::sha256_of(path)? == sha256 {
        return Ok(());
    }
    let what = what.to_owned();
    Err(RunError::Changed { what }.into())
}
