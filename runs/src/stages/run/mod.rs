//! Boots every target many times, and keeps each console.

mod begin;
mod boots;
mod resume;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use eval::verdict::Verdict;
use host::files::FileError;
use host::measuring_cpus::HostCpus;
use host::tool::Tool;
use host::tree::Tree;
use host::tune::{self, Tuning};
use host::{cpus, doctor, kvm};
use jiff::Timestamp;
use vmm::End;

use crate::experiment::{self, Experiment, ExperimentError};
use crate::run::targets::Prepared;
use crate::run::{Manifest, Placement, RunError, RunFolder, measurement, results};
use crate::schedule::PlannedBoot;
use crate::shard::{Scheduled, ShardError};

/// What to run, and where to keep it.
pub struct Order {
    /// What to run: [`select`].
    pub experiment: Experiment,
    /// Where to keep it.
    pub folder: Folder,
    /// The part of the boots to run; `None`: all, or with [`Folder::Resume`] that of the run.
    pub shard: Option<Scheduled>,
    /// Whether the run may say the host's name.
    pub name_hosts: bool,
    /// How the machine is tuned during the run; `None`: not at all.
    pub tune: Option<Tune>,
    /// The folder that contains the machine's settings.
    pub tune_root: PathBuf,
    /// The program that uses this library.
    pub tool: Tool,
}

/// Where a run is kept.
pub enum Folder {
    /// In a new folder; `None`: in a folder of `results/`, to which `results/latest` then
    /// points.
    New(Option<PathBuf>),
    /// With the boots that already exist.
    Resume {
        /// The run's folder; `None`: the newest of the experiment.
        folder: Option<PathBuf>,
        /// Whether failed boots are repeated.
        retry_failed: bool,
    },
}

/// How the machine is tuned during a run.
pub struct Tune {
    /// Take the other threads of the measuring CPUs' cores offline.
    pub offline_siblings: bool,
    /// Stop irqbalance.
    pub stop_irqbalance: bool,
}

/// The events of a run, for observers.
pub enum Event<'a> {
    /// A line for people.
    Note(&'a str),
    /// Everything is ready to be booted.
    Begins(&'a RunFolder, &'a Manifest),
    /// The next boot of the plan was already finished.
    Kept,
    /// The next boot of the plan starts.
    Boots(&'a PlannedBoot),
    /// It has ended.
    Ended(&'a PlannedBoot, &'a End),
    /// This was the last boot.
    Over,
}

/// The result of a run.
pub struct Ended {
    /// Its folder.
    pub folder: PathBuf,
    /// Boots of the plan.
    pub planned: usize,
    /// Boots that are finished. Fewer than planned: the run was interrupted.
    pub kept: usize,
    /// Those of them that failed.
    pub failed: usize,
}

/// A run with everything that its boots need, which no other process fills.
struct Ready {
    run: RunFolder,
    lock: File,
    manifest: Manifest,
    targets: Vec<Prepared>,
}

/// An experiment, or one of its targets, as it can be measured on this machine.
///
/// # Errors
///
/// The experiment is wrong, or does not have the target.
pub fn select(file: &Path, only: Option<&str>) -> Result<Experiment, ExperimentError> {
    let experiment = experiment::load(file)?;
    let names: Vec<_> = experiment.targets.iter().map(|t| t.name.clone()).collect();
    let mut experiment = experiment.measured(|| kvm::probe().is_real());
    if let Some(only) = only {
        experiment
            .targets
            .retain(|target| target.name == only || target.counts_for.as_deref() == Some(only));
        if experiment.targets.is_empty() {
            return Err(ExperimentError::no_such_target(file, only, &names));
        }
    }
    Ok(experiment)
}

/// Starts or continues a run, and boots the unfinished boots. `stop` ends it between two boots,
/// or ends the current boot.
///
/// # Errors
///
/// The run cannot be started or continued, or a file cannot be written. A failed boot is not an
/// error.
pub fn run(order: &Order, stop: &AtomicBool, watch: &dyn Fn(Event<'_>)) -> Result<Ended, RunError> {
    let placement = placement(order)?;
    let say = |line: &str| watch(Event::Note(line));
    let Some(tune) = &order.tune else {
        if let Some(leftover) = tune::leftover(&order.tune_root) {
            say(&format!("note: {leftover}"));
        }
        // What an earlier `tune apply` did is part of how this run is measured.
        let tuning = Tuning::standing(&order.tune_root).ok().flatten();
        return fill(order, &placement, tuning.as_ref(), stop, watch);
    };
    let request = tune::Request {
        cpus: placement.measuring(&order.experiment),
        offline_siblings: tune.offline_siblings,
        stop_irqbalance: tune.stop_irqbalance,
        freq: None,
    };
    if request.cpus.is_empty() {
        say(
            "tune: a target may run on every CPU, so all CPUs get a constant clock, and \
             interrupts are not moved",
        );
    }
    tune::during(&order.tune_root, &request, order.tool, &say, |tuning| {
        // Siblings may be offline now.
        let placement = placement.on(host_cpus());
        fill(order, &placement, Some(tuning), stop, watch)
    })
}

fn placement(order: &Order) -> Result<Placement, RunError> {
    match &order.folder {
        Folder::New(_) => {
            if order.shard.is_some() {
                check_pins(&order.experiment)?;
            }
            Ok(Placement::choose(&order.experiment, host_cpus()))
        }
        Folder::Resume { folder, .. } => {
            let run = open(order, folder.as_deref())?;
            let manifest = Manifest::read(&run)?;
            if manifest.merged.is_some() {
                return Err(RunError::Merged {
                    folder: run.path().to_owned(),
                });
            }
            resume::check_tune_words(&manifest, order.tune.is_some())?;
            Ok(Placement::of_run(&manifest.targets, host_cpus()))
        }
    }
}

/// A scheduler gives its tasks CPUs of their own. A process may still move to others, and two
/// tasks of one machine would then measure on the same CPU.
fn check_pins(experiment: &Experiment) -> Result<(), ShardError> {
    let allowed = cpus::allowed();
    for target in &experiment.targets {
        let mut pinned = target.pin.iter().flatten();
        if let Some(&cpu) = pinned.find(|cpu| !allowed.contains(cpu)) {
            return Err(ShardError::Pinned {
                target: target.name.clone(),
                cpu,
                allowed,
            });
        }
    }
    Ok(())
}

fn host_cpus() -> HostCpus {
    HostCpus::read(&Tree::default())
}

fn open(order: &Order, folder: Option<&Path>) -> Result<RunFolder, RunError> {
    match (folder, &order.shard) {
        (Some(folder), _) => RunFolder::open(folder),
        (None, Some(Scheduled { shard, .. })) => {
            RunFolder::open(&results::of_shard(&order.experiment.name, *shard))
        }
        (None, None) => RunFolder::open(&results::newest(&order.experiment.name)?),
    }
}

/// Creates or opens a run, and boots the unfinished boots.
fn fill(
    order: &Order,
    placement: &Placement,
    tuning: Option<&Tuning>,
    stop: &AtomicBool,
    watch: &dyn Fn(Event<'_>),
) -> Result<Ended, RunError> {
    let mut ready = match &order.folder {
        Folder::New(Some(folder)) => begin::begin(order, placement, folder, tuning)?,
        Folder::New(None) if let Some(Scheduled { shard, .. }) = order.shard => {
            let folder = results::of_shard(&order.experiment.name, shard);
            begin::begin(order, placement, &folder, tuning)?
        }
        Folder::New(None) => {
            let folder = results::fresh(&order.experiment.name);
            let ready = begin::begin(order, placement, &folder, tuning)?;
            results::point_latest_at(&folder)?;
            ready
        }
        Folder::Resume { folder, .. } => {
            let run = open(order, folder.as_deref())?;
            resume::resume(order, placement, run, tuning)?
        }
    };
    watch(Event::Begins(&ready.run, &ready.manifest));
    if let Folder::Resume {
        retry_failed: true, ..
    } = order.folder
    {
        ready.set_failed_aside()?;
    }
    ready.watched(|ready| ready.boot_all(stop, watch))?;
    watch(Event::Over);
    ready.end(&order.tune_root)
}

impl Ready {
    /// Runs the boots, and records what happened to the machine in the meantime.
    fn watched(
        &mut self,
        boot: impl FnOnce(&Self) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        let before = self.finished().count();
        let pinned = self.manifest.targets.iter();
        let pinned: BTreeSet<_> = pinned.flat_map(|target| target.pin.clone()).collect();
        let pinned: Vec<_> = pinned.into_iter().collect();
        let beginning = doctor::Beginning::now(&Tree::default(), &pinned);
        boot(self)?;
        if self.finished().count() > before {
            self.manifest.courses.push(beginning.end());
            self.manifest.write(&self.run)?;
        }
        Ok(())
    }

    /// Records the end, if all boots are finished.
    fn end(mut self, tune_root: &Path) -> Result<Ended, RunError> {
        let planned = self.manifest.plan.len();
        let kept = self.finished().count();
        if kept == planned && self.manifest.ended.is_none() {
            self.manifest.ended = Some(Timestamp::now());
            let tune = self.manifest.tune.take();
            self.manifest.tune = tune.map(|tuning| tuning.checked(tune_root));
            self.manifest.write(&self.run)?;
        }
        let failed = if kept == planned {
            self.failed()?.len()
        } else {
            0
        };
        drop(self.lock);
        Ok(Ended {
            folder: self.run.path().to_owned(),
            planned,
            kept,
            failed,
        })
    }
}

/// Asks the doctor about the needs of these targets.
fn examine(targets: &[Prepared], placement: &Placement) -> Verdict {
    let targets: Vec<_> = targets.iter().map(|target| target.id.clone()).collect();
    doctor::examine(&Tree::default(), &measurement(&targets, placement.host()))
}
