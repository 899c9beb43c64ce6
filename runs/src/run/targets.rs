//! From an experiment's targets to boots for an engine.

use std::time::Duration;

use vmm::BootSpec;

use super::placement::{self, Placement};
use super::{FileId, PinnedBy, RunError, RunFolder, TargetId};
use crate::engine::{self, About, Chosen, Engine, EngineError, EngineKind};
use crate::experiment::{
    BenchmarkSettings, EngineName, Experiment, ExperimentError, ProgramAs, Sampling, Target,
    Watching,
};
use host::files;

/// A row of the experiment.
pub struct Prepared {
    /// Its entry in the manifest.
    pub id: TargetId,
    /// How to boot it; `None` if it does not have an image.
    pub boot: Option<Bootable>,
}

/// How to boot a target.
pub struct Bootable {
    /// The request to the engine.
    pub spec: BootSpec,
    /// What boots it.
    pub engine: Box<dyn Engine>,
    /// How often.
    pub boots: u32,
    /// Where tollgate's own threads run during a boot; empty: anywhere.
    pub others: Vec<usize>,
}

/// The program's arguments: the settings, with batches in ticks of this machine.
fn words(settings: &BenchmarkSettings, tsc_hz: f64) -> String {
    let names: Vec<_> = settings.benchmarks.iter().map(|b| b.name()).collect();
    let warmup = if settings.warmup { "y" } else { "n" };
    let how = match settings.sampling {
        Sampling::Paper { iterations } => format!("iterations={iterations}"),
        Sampling::Precise { samples, batch_us } => {
            let ticks = (batch_us * 1e-6 * tsc_hz).round().max(1.0);
            format!("samples={samples} batch_ticks={ticks}")
        }
        Sampling::Exact { samples } => format!("samples={samples}"),
    };
    format!(
        "method={} rounds={} benchmarks={} warmup={warmup} {how}",
        settings.sampling.method().name(),
        settings.rounds,
        names.join(",")
    )
}

/// Prepares and checks every target before anything is booted.
pub fn prepare(
    experiment: &Experiment,
    run: &RunFolder,
    program_sha256: &str,
    tsc_hz: f64,
    placement: &Placement,
) -> Result<Vec<Prepared>, RunError> {
    let context = Context {
        experiment,
        run,
        program_sha256,
        tsc_hz,
        placement,
    };
    experiment
        .targets
        .iter()
        .map(|target| context.prepare(target))
        .collect()
}

struct Context<'a> {
    experiment: &'a Experiment,
    run: &'a RunFolder,
    program_sha256: &'a str,
    tsc_hz: f64,
    placement: &'a Placement,
}

impl Context<'_> {
    fn prepare(&self, target: &Target) -> Result<Prepared, RunError> {
        if target.engine != EngineName::Host && target.image.is_none() {
            return Ok(self.missing(target));
        }
        let cpu = target.cpu.as_deref();
        let chosen = if target.is_counted() {
            engine::counting(cpu).map(|chosen| Chosen {
                reason: target.counts_for.as_ref().map(|_| why_counted()),
                ..chosen
            })
        } else {
            engine::choose(target.engine, cpu)
        };
        let Chosen { engine, reason } = chosen.map_err(|error| self.placed(target, error))?;
        let spec = self.spec(target);
        if let Some(image) = &target.image {
            files::check_regular(image)?;
        }
        self.check(target, &*engine, &spec)?;
        let image = match &target.image {
            Some(image) => Some(FileId::of(image)?),
            None => None,
        };
        Ok(Prepared {
            id: TargetId {
                engine_reason: reason,
                ..self.id(target, engine.about(), &spec, image)
            },
            boot: Some(Bootable {
                others: self.others(&spec.pin),
                spec,
                engine,
                boots: target.boots,
            }),
        })
    }

    fn check(&self, target: &Target, engine: &dyn Engine, spec: &BootSpec) -> Result<(), RunError> {
        let checked = engine.check(spec);
        checked.map_err(|error| self.placed(target, error))
    }

    /// The error with the place in the experiment that it is about, if it is about one.
    fn placed(&self, target: &Target, error: EngineError) -> RunError {
        match error {
            EngineError::Pin(_) | EngineError::CpuModel { .. } => {
                ExperimentError::in_target(&self.experiment.file, &target.name, &error).into()
            }
            error => error.into(),
        }
    }

    fn spec(&self, target: &Target) -> BootSpec {
        let words = [words(&target.benchmark, self.tsc_hz)];
        let watches = target.watch.iter().map(Watching::word);
        let words = words
            .into_iter()
            .chain(watches)
            .collect::<Vec<_>>()
            .join(" ");
        let (kernel, initrd, cmdline) = match (target.engine, &target.image) {
            (engine, Some(image)) if engine != EngineName::Host => {
                let initrd = match target.program_as {
                    ProgramAs::Init => self.run.initramfs(),
                    ProgramAs::Initrd => self.run.program(),
                };
                // Everything after `--` belongs to the program (Linux, kernel-parameters.rst).
                let cmdline = format!("{} -- {words}", kernel_words(target));
                (image.clone(), Some(initrd), cmdline)
            }
            _ => (self.run.program(), None, words),
        };
        BootSpec {
            kernel,
            initrd,
            cmdline: cmdline.trim().to_owned(),
            memory_mib: target.memory_mib,
            cpus: target.cpus,
            pin: self.placement.pin(target),
            timeout: Duration::from_secs(target.timeout_s.into()),
        }
    }

    fn id(
        &self,
        target: &Target,
        engine: About,
        spec: &BootSpec,
        image: Option<FileId>,
    ) -> TargetId {
        TargetId {
            name: target.name.clone(),
            label: target.label.clone(),
            method: target.benchmark.sampling.method().name().to_owned(),
            engine,
            engine_reason: None,
            image,
            program_sha256: self.program_sha256.to_owned(),
            cmdline: spec.cmdline.clone(),
            memory_mib: spec.memory_mib,
            cpus: spec.cpus,
            pin: spec.pin.clone(),
            pinned_by: pinned_by(target, &spec.pin),
            pin_breaks: match spec.pin.as_slice() {
                [] => Vec::new(),
                pin => self.placement.host().judge(pin, placement::vcpus(target)),
            },
            missing: None,
            counts_for: target.counts_for.clone(),
        }
    }

    fn others(&self, pin: &[usize]) -> Vec<usize> {
        match pin {
            [] => Vec::new(),
            pin => self.placement.host().others(pin),
        }
    }

    fn missing(&self, target: &Target) -> Prepared {
        let about = About {
            name: EngineKind::None,
            version: String::new(),
            emulated: false,
            counts: false,
            cpu_model: None,
            cpu_lacks: Vec::new(),
        };
        let mut hint = format!(
            "give one with `image = \"PATH\"` under the target {:?} of {}",
            target.name,
            self.experiment.file.display()
        );
        if target.program_as == ProgramAs::Initrd {
            hint += "; kernels/unikraft/README.md lists what an image must offer";
        }
        let id = TargetId {
            missing: Some(hint),
            ..self.id(target, about, &self.spec(target), None)
        };
        Prepared { id, boot: None }
    }
}

/// Why `auto` counts, in addition to timing or instead of it.
fn why_counted() -> String {
    let kvm = host::kvm::probe();
    let kind = host::kvm::kind(&kvm);
    if kvm.is_real() {
        "it counts instructions, while KVM measures time".into()
    } else {
        format!("it counts instructions; time cannot be measured here, because /dev/kvm: {kind}")
    }
}

/// The kernel's own words. If the counter counts instructions, Linux calibrates the local
/// APIC's timer with it for 25 s; without that timer, the count is the same.
fn kernel_words(target: &Target) -> String {
    let calibrates = target.is_counted() && target.program_as == ProgramAs::Init;
    let more = if calibrates { " nolapic_timer" } else { "" };
    format!("{}{more}", target.cmdline)
}

fn pinned_by(target: &Target, pin: &[usize]) -> Option<PinnedBy> {
    match (&target.pin, pin) {
        (Some(_), _) => Some(PinnedBy::Experiment),
        (None, []) => None,
        (None, _) => Some(PinnedBy::Tollgate),
    }
}
