//! The file's structure, and its valid values.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use contract::{Benchmark, MAX_ROUNDS, MAX_SAMPLES, Method};
use serde::Deserialize;

use super::counted::SUFFIX;
use super::watch::WatchTables;
use super::{BenchmarkSettings, EngineName, Exact, Experiment, ProgramAs, Sampling, Target};

/// Reads and checks the file at `path`. The error names the place.
pub(super) fn parse(text: &str, path: &Path) -> Result<Experiment, String> {
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

/// The file's structure.
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
            // Each boot has to repeat the other's count.
            boots: 2,
            samples: 64,
            // Its kernel needs the usual mitigations; that of `max` hardly needs any.
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
    #[serde(default)]
    watch: WatchTables,
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
                    // Counted boots are all alike: two of them show that.
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
                "`exact.boots` is 1, but a second boot has to confirm the first one's counts (0 \
                 turns counting off)"
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
    /// Keys that no target's method uses are a mistake.
    fn check_keys(&self, default: Method, methods: &[Method]) -> Result<(), String> {
        let used = |method| default == method || methods.contains(&method);
        let keys = [
            ("samples", self.samples.is_some(), Method::Precise),
            ("batch-us", self.batch_us.is_some(), Method::Precise),
            ("iterations", self.iterations.is_some(), Method::Paper),
        ];
        match keys.iter().find(|(_, given, of)| *given && !used(*of)) {
            Some((key, _, _)) => {
                let instead = match default {
                    Method::Exact => " (`[exact]` has its own keys)",
                    Method::Paper | Method::Precise => "",
                };
                Err(format!(
                    "`benchmark.{key}` has no effect with method = {:?}; leave it out{instead}",
                    default.name()
                ))
            }
            None => Ok(()),
        }
    }

    fn checked(&self, method: Method, exact: &Exact) -> Result<BenchmarkSettings, String> {
        let rounds = within("`benchmark.rounds`", self.rounds, 1, MAX_ROUNDS as u32)?;
        let settings = BenchmarkSettings {
            // Rounds show changes over time, which counts do not have.
            rounds: if method == Method::Exact { 1 } else { rounds },
            warmup: self.warmup,
            benchmarks: self.chosen(method)?,
            sampling: self.sampling(method, exact)?,
        };
        match settings.samples() {
            n if n <= MAX_SAMPLES => Ok(settings),
            n => Err(format!(
                "`benchmark` requests {n} samples per boot, but a boot holds at most {MAX_SAMPLES}; \
                 reduce `rounds` or `samples`"
            )),
        }
    }

    fn chosen(&self, method: Method) -> Result<Vec<Benchmark>, String> {
        let choice = || {
            Benchmark::in_a_round()
                .into_iter()
                .filter(|b| b.is_choice())
        };
        let Some(names) = &self.benchmarks else {
            let default = choice().filter(|b| b.is_default() && b.is_by(method));
            return Ok(default.collect());
        };
        if names.is_empty() {
            return Err("`benchmark.benchmarks` is empty; leave it out for the default".into());
        }
        let known = |name: &String| {
            let found = Benchmark::from_name(name).filter(|b| b.is_choice());
            found.ok_or_else(|| {
                let names: Vec<_> = choice().map(Benchmark::name).collect();
                let names = names.join(", ");
                format!("`benchmark.benchmarks` names {name:?}; choose from {names}")
            })
        };
        let chosen: Vec<_> = names.iter().map(known).collect::<Result<_, _>>()?;
        if chosen.iter().collect::<HashSet<_>>().len() != chosen.len() {
            return Err("`benchmark.benchmarks` contains a name twice".into());
        }
        // The original's method subtracts an empty measurement from every sample.
        if method == Method::Paper && !chosen.contains(&Benchmark::Tsc) {
            return Err(
                "`benchmark.benchmarks` lacks \"tsc\", which method = \"paper\" needs".into(),
            );
        }
        let measured: Vec<_> = chosen.into_iter().filter(|b| b.is_by(method)).collect();
        if measured.is_empty() {
            return Err(format!(
                "`benchmark.benchmarks` does not contain a benchmark that method = {:?} measures; \
                 leave it out for the default",
                method.name()
            ));
        }
        Ok(measured)
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
        let method = benchmark.sampling.method();
        let counted = method == Method::Exact;
        if counted && !(self.engine.is_auto() || self.engine == EngineName::Qemu) {
            return Err(format!(
                "{} is \"exact\", but only QEMU's emulator counts instructions: \
                 write engine = \"qemu\" or \"auto\"",
                field("method")
            ));
        }
        if self.cpu.is_some() && !(counted || self.engine == EngineName::Qemu) {
            return Err(format!(
                "{} is set, but only QEMU emulates a given processor: \
                 leave it out, or write engine = \"qemu\" or method = \"exact\"",
                field("cpu")
            ));
        }
        if self.engine == EngineName::Host && self.image.is_some() {
            return Err(format!(
                "{} is set, but engine = \"host\" does not boot an image",
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
            watch: self
                .watch
                .checked(&field("watch"), self.program_as, method)?,
            name,
        })
    }
}

fn name(field: &str, name: String) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(good) || name.starts_with('-') {
        return Err(format!(
            "`{field}` is {name:?}; it is used in file names: up to 64 of a-z, 0-9, - and _"
        ));
    }
    Ok(name)
}

/// A QEMU processor, with features switched on or off: `EPYC,-xsaves`.
fn cpu_model(field: &str, model: String) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.,+=".contains(c);
    // QEMU takes this as a request for help.
    let is_question = model == "help";
    if model.is_empty() || is_question || !model.chars().all(good) {
        return Err(format!(
            "{field} is {model:?}; `qemu-system-x86_64 -cpu help` lists the possible values"
        ));
    }
    Ok(model)
}

fn one_line(field: &str, text: String) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{field} contains a line break or another control character"
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
        return Err("the file does not have a [[target]]".into());
    }
    let mut seen = HashSet::new();
    if let Some(twice) = targets.iter().find(|target| !seen.insert(&target.name)) {
        return Err(format!("two targets are named {:?}", twice.name));
    }
    let also_counts = |target: &&Target| {
        target.engine.is_auto() && seen.contains(&format!("{}{SUFFIX}", target.name))
    };
    match targets.iter().find(also_counts) {
        Some(Target { name, .. }) => Err(format!(
            "a target is named \"{name}{SUFFIX}\", which is reserved for the target that counts \
             for {name:?}; rename it"
        )),
        None => Ok(()),
    }
}
