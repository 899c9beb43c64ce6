//! What to measure: the TOML file, read and checked. `docs/FORMATS.md` describes it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use console_format::{Benchmark, MAX_ROUNDS, MAX_SAMPLES, Method};
use serde::Deserialize;

use crate::files;

/// An experiment, checked.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The file that it was read from.
    pub file: PathBuf,
    /// Its name; the run's folder is named after it.
    pub name: String,
    /// The benchmark program, the same for every target.
    pub program: PathBuf,
    /// Seed of the order of boots; drawn where the file gives none.
    pub seed: Option<u64>,
    /// The rows of the table, in its order.
    pub targets: Vec<Target>,
    /// How instructions are counted.
    pub exact: Exact,
}

/// How instructions are counted, where they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// Boots of each target; none: nothing is counted unless a target's own method says so.
    pub boots: u32,
    /// Samples of each benchmark in a boot.
    pub samples: u32,
    /// The processor that QEMU emulates, by QEMU's name for it.
    pub cpu: String,
}

/// What the program is told to do on a target.
#[derive(Clone, Debug)]
pub struct BenchmarkSettings {
    /// Passes over all benchmarks inside a boot.
    pub rounds: u32,
    /// One pass first that is not counted.
    pub warmup: bool,
    /// Which of tsc, scall, fcall and, by the precise method, fcall_chain.
    pub benchmarks: Vec<Benchmark>,
    /// How samples are taken.
    pub sampling: Sampling,
}

impl BenchmarkSettings {
    /// How many samples a boot gives.
    fn samples(&self) -> u64 {
        let a_round = match self.sampling {
            Sampling::Paper { .. } => 1,
            Sampling::Precise { samples, .. } | Sampling::Exact { samples } => u64::from(samples),
        };
        self.benchmarks.len() as u64 * u64::from(self.rounds) * a_round
    }
}

/// How samples are taken, and what that method needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The original's method.
    Paper {
        /// Calls a sample.
        iterations: u64,
    },
    /// Short batches.
    Precise {
        /// Samples a round and benchmark.
        samples: u32,
        /// How long the smaller batch shall take, in microseconds.
        batch_us: f64,
    },
    /// Instructions.
    Exact {
        /// Samples a round and benchmark.
        samples: u32,
    },
}

impl Sampling {
    /// The method's name on the console.
    pub fn method(self) -> Method {
        match self {
            Self::Paper { .. } => Method::Paper,
            Self::Precise { .. } => Method::Precise,
            Self::Exact { .. } => Method::Exact,
        }
    }
}

/// One row: what is booted, and by what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Short name, used in file names.
    pub name: String,
    /// How tables and plots name it.
    pub label: String,
    /// What the program is told to do there.
    pub benchmark: BenchmarkSettings,
    /// How often it is booted.
    pub boots: u32,
    /// What boots it.
    pub engine: EngineName,
    /// The processor that QEMU emulates, by QEMU's name for it; none: all that it can.
    pub cpu: Option<String>,
    /// The timed target whose instructions this one counts.
    pub counts_for: Option<String>,
    /// The kernel image; none for the host, nor for a target that cannot run yet.
    pub image: Option<PathBuf>,
    /// How the kernel gets the program.
    pub program_as: ProgramAs,
    /// The kernel's command line; the program's words are appended.
    pub cmdline: String,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// vCPUs.
    pub cpus: u32,
    /// Host CPUs to run on; none: the engine's default.
    pub pin: Option<Vec<usize>>,
    /// Seconds after which a boot is killed.
    pub timeout_s: u32,
}

/// What boots a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// `kvm` where KVM really runs guests on the CPU, otherwise `qemu`.
    Auto,
    /// Our own VMM.
    Kvm,
    /// An external QEMU, software emulation.
    Qemu,
    /// The same QEMU under KVM, with the host's processor: the original's engine.
    QemuKvm,
    /// `qemu-kvm` where KVM really runs guests on the CPU, otherwise `qemu`.
    AutoQemu,
    /// No VM: the program runs as a process.
    Host,
}

impl EngineName {
    /// Whether the machine decides.
    pub fn is_auto(self) -> bool {
        matches!(self, Self::Auto | Self::AutoQemu)
    }
}

/// How a kernel gets the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramAs {
    /// As `/init` of an initramfs: Linux.
    #[default]
    Init,
    /// Itself in the place of the initial ramdisk: ELF loaders.
    Initrd,
}

/// Why an experiment is refused.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ExperimentError {
    path: PathBuf,
    reason: String,
}

impl ExperimentError {
    /// `--only` names a target that the experiment lacks.
    pub fn no_such_target(path: &Path, name: &str, targets: &[String]) -> Self {
        Self {
            path: path.to_owned(),
            reason: format!(
                "there is no target {name:?}; there are {}",
                targets.join(", ")
            ),
        }
    }

    /// A target that has no image cannot be traced.
    pub fn no_image(path: &Path, name: &str) -> Self {
        Self {
            path: path.to_owned(),
            reason: format!("target {name:?} has no image: no kernel of its own, or none given"),
        }
    }

    /// A target of it cannot be booted as it says.
    pub fn in_target(path: &Path, name: &str, error: &dyn std::error::Error) -> Self {
        Self {
            path: path.to_owned(),
            reason: format!("target {name:?}: {error}"),
        }
    }
}

/// Reads and checks an experiment. Paths in it count from its own folder.
///
/// # Errors
///
/// The file cannot be read, is no TOML, has an unknown key, lacks a field, or
/// holds a value that cannot be. Each error names the place.
pub fn load(path: &Path) -> anyhow::Result<Experiment> {
    files::check_regular(path)?;
    let text = files::read_text(path)?;
    Ok(parse(&text, path).map_err(|reason| ExperimentError {
        path: path.to_owned(),
        reason,
    })?)
}

fn parse(text: &str, path: &Path) -> Result<Experiment, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let exact = file.exact.checked()?;
    let experiment = Experiment {
        file: path.to_owned(),
        targets: file.targets(&exact, folder)?,
        name: name("name", file.name)?,
        program: folder.join(file.program),
        seed: file.seed,
        exact,
    };
    distinct(&experiment.targets)?;
    Ok(experiment)
}

fn method(field: &str, name: &str) -> Result<Method, String> {
    Method::from_name(name).ok_or_else(|| {
        format!("{field} is {name:?}; it can be \"precise\", \"exact\" or \"paper\"")
    })
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    program: PathBuf,
    boots: u32,
    seed: Option<u64>,
    benchmark: BenchmarkTable,
    #[serde(default)]
    exact: ExactTable,
    #[serde(rename = "target")]
    targets: Vec<TargetTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ExactTable {
    boots: u32,
    samples: u32,
    cpu: String,
}

impl Default for ExactTable {
    fn default() -> Self {
        Self {
            // Each boot has to repeat what the other counted.
            boots: 2,
            samples: 64,
            // Its kernel needs the usual mitigations, as that of `max` hardly does.
            cpu: "Skylake-Server".into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BenchmarkTable {
    method: String,
    rounds: u32,
    #[serde(default = "yes")]
    warmup: bool,
    benchmarks: Option<Vec<String>>,
    samples: Option<u32>,
    batch_us: Option<f64>,
    iterations: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TargetTable {
    name: String,
    label: Option<String>,
    method: Option<String>,
    engine: EngineName,
    cpu: Option<String>,
    image: Option<PathBuf>,
    #[serde(default)]
    program_as: ProgramAs,
    #[serde(default)]
    cmdline: String,
    #[serde(default = "default_memory")]
    memory_mib: u32,
    #[serde(default = "default_cpus")]
    cpus: u32,
    pin: Option<Vec<usize>>,
    #[serde(default = "default_timeout")]
    timeout_s: u32,
}

fn yes() -> bool {
    true
}

fn default_memory() -> u32 {
    256
}

fn default_cpus() -> u32 {
    1
}

fn default_timeout() -> u32 {
    120
}

impl File {
    fn targets(&mut self, exact: &Exact, folder: &Path) -> Result<Vec<Target>, String> {
        let tables = std::mem::take(&mut self.targets);
        let default = method("`benchmark.method`", &self.benchmark.method)?;
        let own = |target: &TargetTable| match &target.method {
            Some(own) => method(&format!("target {:?}: `method`", target.name), own),
            None => Ok(default),
        };
        let methods = tables.iter().map(own).collect::<Result<Vec<_>, _>>()?;
        self.benchmark.check_keys(default, &methods)?;
        let timed = within("`boots`", self.boots, 1, 100_000)?;
        tables
            .into_iter()
            .zip(methods)
            .map(|(target, method)| {
                let settings = self.benchmark.checked(method, exact)?;
                let boots = match method {
                    // Counted boots are all alike: two of them show it.
                    Method::Exact => exact.boots.max(2),
                    Method::Paper | Method::Precise => timed,
                };
                target.checked(settings, boots, folder)
            })
            .collect()
    }
}

impl ExactTable {
    fn checked(&self) -> Result<Exact, String> {
        if self.boots == 1 {
            return Err(
                "`exact.boots` is 1; a second boot has to repeat the first one's counts \
                 (0 counts nothing)"
                    .into(),
            );
        }
        Ok(Exact {
            boots: within("`exact.boots`", self.boots, 0, 100_000)?,
            samples: within("`exact.samples`", self.samples, 1, 16_384)?,
            cpu: cpu_model("`exact.cpu`", self.cpu.clone())?,
        })
    }
}

impl BenchmarkTable {
    /// Keys that no target's method knows are a mistake.
    fn check_keys(&self, default: Method, methods: &[Method]) -> Result<(), String> {
        let used = |method| default == method || methods.contains(&method);
        let keys = [
            ("samples", self.samples.is_some(), Method::Precise),
            ("batch-us", self.batch_us.is_some(), Method::Precise),
            ("iterations", self.iterations.is_some(), Method::Paper),
        ];
        match keys.iter().find(|(_, given, of)| *given && !used(*of)) {
            Some((key, _, _)) => Err(format!(
                "`benchmark.{key}` means nothing to method = {:?}; leave it out",
                default.name()
            )),
            None => Ok(()),
        }
    }

    fn checked(&self, method: Method, exact: &Exact) -> Result<BenchmarkSettings, String> {
        let rounds = within("`benchmark.rounds`", self.rounds, 1, MAX_ROUNDS as u32)?;
        let settings = BenchmarkSettings {
            // Rounds show what changes with time, and a count does not.
            rounds: if method == Method::Exact { 1 } else { rounds },
            warmup: self.warmup,
            benchmarks: self.chosen(method)?,
            sampling: self.sampling(method, exact)?,
        };
        match settings.samples() {
            n if n <= MAX_SAMPLES => Ok(settings),
            n => Err(format!(
                "`benchmark` asks for {n} samples a boot, and a boot holds {MAX_SAMPLES}; \
                 lower `rounds` or `samples`"
            )),
        }
    }

    fn chosen(&self, method: Method) -> Result<Vec<Benchmark>, String> {
        let choice = [
            Benchmark::Tsc,
            Benchmark::Scall,
            Benchmark::Fcall,
            Benchmark::FcallChain,
        ];
        let of_method = |b: &Benchmark| match method {
            Method::Precise => true,
            Method::Exact => *b != Benchmark::Tsc,
            Method::Paper => *b != Benchmark::FcallChain,
        };
        let Some(names) = &self.benchmarks else {
            return Ok(choice.into_iter().filter(of_method).collect());
        };
        if names.is_empty() {
            return Err("`benchmark.benchmarks` is empty; leave it out to measure all".into());
        }
        let known = |name: &String| {
            let found = Benchmark::from_name(name).filter(|b| choice.contains(b));
            found.ok_or(format!(
                "`benchmark.benchmarks` names {name:?}; choose from tsc, scall, fcall and fcall_chain"
            ))
        };
        let chosen: Vec<_> = names.iter().map(known).collect::<Result<_, _>>()?;
        if chosen.iter().collect::<HashSet<_>>().len() != chosen.len() {
            return Err("`benchmark.benchmarks` names one twice".into());
        }
        // The original's method subtracts an empty measurement from every sample.
        if method == Method::Paper && !chosen.contains(&Benchmark::Tsc) {
            return Err(
                "`benchmark.benchmarks` lacks \"tsc\", which method = \"paper\" needs".into(),
            );
        }
        Ok(chosen.into_iter().filter(of_method).collect())
    }

    fn sampling(&self, method: Method, exact: &Exact) -> Result<Sampling, String> {
        Ok(match method {
            Method::Exact => Sampling::Exact {
                samples: exact.samples,
            },
            Method::Paper => Sampling::Paper {
                iterations: within(
                    "`benchmark.iterations`",
                    self.iterations.unwrap_or(1_000_000),
                    1,
                    1_000_000_000_000,
                )?,
            },
            Method::Precise => Sampling::Precise {
                samples: within(
                    "`benchmark.samples`",
                    self.samples.unwrap_or(100),
                    1,
                    65_536,
                )?,
                batch_us: within(
                    "`benchmark.batch-us`",
                    self.batch_us.unwrap_or(25.0),
                    0.1,
                    1e6,
                )?,
            },
        })
    }
}

impl TargetTable {
    fn checked(
        self,
        benchmark: BenchmarkSettings,
        boots: u32,
        folder: &Path,
    ) -> Result<Target, String> {
        let name = name("target.name", self.name)?;
        let field = |field: &str| format!("target {name:?}: `{field}`");
        let counted = benchmark.sampling.method() == Method::Exact;
        if counted && !(self.engine.is_auto() || self.engine == EngineName::Qemu) {
            return Err(format!(
                "{} is \"exact\", and only QEMU's emulator counts instructions: \
                 write engine = \"qemu\" or \"auto\"",
                field("method")
            ));
        }
        if self.cpu.is_some() && !(counted || self.engine == EngineName::Qemu) {
            return Err(format!(
                "{} is given, and only QEMU emulates a processor of choice: \
                 leave it out, or write engine = \"qemu\" or method = \"exact\"",
                field("cpu")
            ));
        }
        if self.engine == EngineName::Host && self.image.is_some() {
            return Err(format!(
                "{} is given, but engine = \"host\" boots no image",
                field("image")
            ));
        }
        if self.pin.as_ref().is_some_and(Vec::is_empty) {
            return Err(format!("{} is empty; leave it out instead", field("pin")));
        }
        Ok(Target {
            label: match self.label {
                Some(label) if label.trim().is_empty() => {
                    return Err(format!("{} is empty; leave it out instead", field("label")));
                }
                Some(label) => one_line(&field("label"), label)?,
                None => name.clone(),
            },
            benchmark,
            boots,
            engine: if counted {
                EngineName::Qemu
            } else {
                self.engine
            },
            cpu: self
                .cpu
                .map(|cpu| cpu_model(&field("cpu"), cpu))
                .transpose()?,
            counts_for: None,
            image: self.image.map(|image| folder.join(image)),
            program_as: self.program_as,
            cmdline: one_line(&field("cmdline"), self.cmdline)?,
            memory_mib: within(&field("memory-mib"), self.memory_mib, 8, 1 << 20)?,
            cpus: within(&field("cpus"), self.cpus, 1, 255)?,
            pin: self.pin,
            timeout_s: within(&field("timeout-s"), self.timeout_s, 1, 1_000_000)?,
            name,
        })
    }
}

fn name(field: &str, name: String) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(good) || name.starts_with('-') {
        return Err(format!(
            "`{field}` is {name:?}; it becomes a file's name: up to 64 of a-z, 0-9, - and _"
        ));
    }
    Ok(name)
}

/// A processor of QEMU's, with features switched on or off: `EPYC,-xsaves`.
fn cpu_model(field: &str, model: String) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.,+=".contains(c);
    if model.is_empty() || !model.chars().all(good) {
        return Err(format!(
            "{field} is {model:?}; `qemu-system-x86_64 -cpu help` lists what it can be"
        ));
    }
    Ok(model)
}

fn one_line(field: &str, text: String) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{field} holds a line break or another control character"
        ));
    }
    Ok(text)
}

fn within<T: PartialOrd + std::fmt::Display>(
    field: &str,
    value: T,
    least: T,
    most: T,
) -> Result<T, String> {
    if value >= least && value <= most {
        return Ok(value);
    }
    Err(format!(
        "{field} is {value}; it must be from {least} to {most}"
    ))
}

fn distinct(targets: &[Target]) -> Result<(), String> {
    if targets.is_empty() {
        return Err("there is no [[target]]".into());
    }
    let mut seen = HashSet::new();
    match targets.iter().find(|target| !seen.insert(&target.name)) {
        Some(twice) => Err(format!("two targets are named {:?}", twice.name)),
        None => Ok(()),
    }
}

mod counted;

#[cfg(test)]
mod tests;
