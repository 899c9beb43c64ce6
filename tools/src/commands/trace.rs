//! `tollgate trace`: the path of one crossing, by function.

mod print;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use eval::crossing::{self, Change, Crossing};
use eval::plot;
use initramfs::Compression;
use serde::Serialize;
use tempfile::TempDir;
use vmm::BootSpec;

use crate::cli::TraceArgs;
use crate::exit::Code;
use crate::output;
use host::files::Damaged;
use host::{files, interrupt};
use runs::experiment::{self, Experiment, ExperimentError, ProgramAs, Target};
use runs::trace::{self, Golden, Subject, Symbols, Verdict, kept, plugin};

/// Traces one subject, or two, and prints their paths.
pub fn run(args: &TraceArgs) -> Result<Code> {
    let folder = TempDir::new().context("cannot make a folder for the program")?;
    let subjects = Subjects {
        args,
        folder: folder.path(),
    };
    let subject = subjects.find(&args.subject)?;
    let other = match (&args.against, &args.against_append) {
        (Some(name), _) => Some(subjects.find(name)?),
        (None, Some(words)) => Some(with_words(subjects.find(&args.subject)?, words)),
        (None, None) => None,
    };
    let plugin = plugin::find(args.plugin.as_deref())?;
    let stop = interrupt::flag().context("cannot watch for signals")?;
    if let Some(warning) = plugin::warning(&trace::qemu_version()?) {
        tell!("warning: {warning}");
    }
    let say = |line: &str| tell!("{line}");
    let path = trace::trace(&subject, &plugin, &stop, &say)?;
    let path = Crossing {
        kernel_inputs: args.kernel_inputs.clone().unwrap_or(path.kernel_inputs),
        ..path
    };
    let against = match &other {
        Some(other) => Some(trace::trace(other, &plugin, &stop, &say)?),
        None => None,
    };
    print_all(args, &path, against.as_ref())?;
    if let Some(folder) = &args.into {
        let plot = plot::crossing(&path, against.as_ref())?;
        kept::write(folder, &without_instructions(&path), &plot.file())?;
    }
    if let Some(file) = &args.record {
        Golden::record(file, &path)?;
        tell!("{}: recorded in {}", path.target, file.display());
    }
    match &args.check {
        Some(file) => check(args, file, &path),
        None => Ok(Code::Done),
    }
}

/// What the command line names.
struct Subjects<'a> {
    args: &'a TraceArgs,
    /// For the program, as kernels take it.
    folder: &'a Path,
}

impl Subjects<'_> {
    /// A target of the experiment, or an image. Without an experiment, only an image.
    fn find(&self, name: &str) -> Result<Subject> {
        let image = Path::new(name);
        let file = &self.args.experiment;
        if !file.exists() && image.exists() {
            return self.image(image);
        }
        let experiment = experiment::load(file)?;
        match experiment.targets.iter().find(|target| target.name == name) {
            Some(target) => self.target(&experiment, target),
            None if image.exists() => self.image(image),
            None => {
                let names: Vec<_> = experiment.targets.iter().map(|t| t.name.clone()).collect();
                Err(ExperimentError::no_such_target(file, name, &names).into())
            }
        }
    }

    fn target(&self, experiment: &Experiment, target: &Target) -> Result<Subject> {
        let image = target
            .image
            .as_ref()
            .ok_or_else(|| ExperimentError::no_image(&experiment.file, &target.name))?;
        let spec = BootSpec {
            kernel: image.clone(),
            initrd: Some(self.program(experiment, target.program_as)?),
            cmdline: target.cmdline.clone(),
            memory_mib: target.memory_mib,
            cpus: target.cpus,
            pin: target.pin.clone().unwrap_or_default(),
            timeout: Duration::from_secs(target.timeout_s.into()),
        };
        let default = target.cpu.as_ref().unwrap_or(&experiment.exact.cpu);
        self.subject(target.name.clone(), spec, default)
    }

    /// The experiment's program, as the kernel takes it.
    fn program(&self, experiment: &Experiment, program_as: ProgramAs) -> Result<PathBuf> {
        let program = &experiment.program;
        files::check_regular(program)?;
        if program_as == ProgramAs::Initrd {
            return Ok(program.clone());
        }
        let archive = initramfs::build(&files::read(program)?, Compression::Gzip)
            .with_context(|| format!("cannot pack {}", program.display()))?;
        let path = self.folder.join("initramfs.cpio.gz");
        files::write(&path, archive)?;
        Ok(path)
    }

    fn image(&self, image: &Path) -> Result<Subject> {
        let args = &self.args.image;
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let spec = BootSpec {
            kernel: image.to_owned(),
            initrd: args.initrd.clone(),
            cmdline: args.append.clone(),
            memory_mib: args.memory,
            cpus: 1,
            pin: Vec::new(),
            timeout: Duration::from_secs(args.timeout.into()),
        };
        self.subject(name.into_owned(), spec, "max")
    }

    fn subject(&self, name: String, spec: BootSpec, cpu_model: &str) -> Result<Subject> {
        for file in [Some(&spec.kernel), spec.initrd.as_ref()]
            .into_iter()
            .flatten()
        {
            files::check_regular(file)?;
        }
        let cpu_model = self.args.cpu_model.as_deref().unwrap_or(cpu_model);
        Ok(Subject {
            symbols: self.symbols(&spec.kernel)?,
            spec: with_quick_start(spec),
            cpu_model: cpu_model.to_owned(),
            name,
        })
    }

    fn symbols(&self, image: &Path) -> Result<Option<Symbols>> {
        if let Some(file) = &self.args.symbols {
            let symbols = Symbols::read(file)?.ok_or_else(|| Damaged {
                path: file.clone(),
                reason: "it holds no symbols of code".into(),
                remedy: "name a vmlinux or System.map that does; Debian's kernels have theirs \
                         in the package linux-image-VERSION-dbg",
            })?;
            return Ok(Some(symbols));
        }
        let found = trace::of_image(image);
        if found.is_none() {
            tell!(
                "{}: no symbols in it or beside it; functions are named by their addresses \
                 (--symbols names a vmlinux or a System.map)",
                image.display()
            );
        }
        Ok(found.map(|(_, symbols)| symbols))
    }
}

/// Where the counter counts instructions, Linux calibrates the local APIC's timer by it for
/// 25 s; without that timer the path is the same.
fn with_quick_start(spec: BootSpec) -> BootSpec {
    BootSpec {
        cmdline: format!("{} nolapic_timer", spec.cmdline),
        ..spec
    }
}

fn with_words(subject: Subject, words: &str) -> Subject {
    let spec = BootSpec {
        cmdline: format!("{} {words}", subject.spec.cmdline),
        ..subject.spec
    };
    Subject {
        name: format!("{} {words}", subject.name),
        spec,
        ..subject
    }
}

/// Two paths as JSON.
#[derive(Serialize)]
struct Both<'a> {
    path: &'a Crossing,
    against: &'a Crossing,
    /// From the second one to the first one.
    changes: Vec<Change>,
}

fn print_all(args: &TraceArgs, path: &Crossing, against: Option<&Crossing>) -> Result<()> {
    let shown = |path: &Crossing| match args.instructions {
        true => path.clone(),
        false => without_instructions(path),
    };
    let text = match (args.json, against) {
        (true, None) => shown(path).json()?,
        (true, Some(against)) => {
            let both = Both {
                path: &shown(path),
                against: &shown(against),
                changes: crossing::changes(&against.functions, &path.functions),
            };
            serde_json::to_string_pretty(&both)? + "\n"
        }
        (false, against) => {
            let table = match against {
                None => print::table(path),
                Some(against) => print::comparison(against, path),
            };
            let steps = args.instructions.then_some(path.instructions.as_deref());
            table + &print::listing(steps.flatten().unwrap_or_default())
        }
    };
    output::print(&text)?;
    Ok(())
}

fn without_instructions(path: &Crossing) -> Crossing {
    Crossing {
        instructions: None,
        ..path.clone()
    }
}

/// Compares with the path that is expected, and says which function holds what is new.
fn check(args: &TraceArgs, file: &Path, path: &Crossing) -> Result<Code> {
    let Crossing { target, total, .. } = path;
    let total = total.0;
    Ok(match Golden::read(file)?.check(path) {
        Verdict::Same => {
            tell!(
                "{target}: {total} instructions, the path that {} expects",
                file.display()
            );
            Code::Done
        }
        Verdict::Changed { expected, changes } => {
            let expected = expected.0;
            let difference = total.cast_signed() - expected.cast_signed();
            tell!(
                "{target}: {total} instructions instead of {expected} ({difference:+}):\n{}",
                print::changes(&changes).trim_end()
            );
            Code::Regression
        }
        Verdict::NoEntry => {
            tell!(
                "{target}: not checked: {} has no path for the kernel {}, QEMU {} and {}; \
                 if this one is right, record it:\n  {}",
                file.display(),
                path.kernel_inputs,
                path.qemu,
                path.cpu_model,
                recording(args, file)
            );
            Code::CannotTell
        }
    })
}

/// What to type, so that this path is the expected one.
fn recording(args: &TraceArgs, file: &Path) -> String {
    let mut words = vec!["tollgate trace".to_owned(), args.subject.clone()];
    let experiment = args.experiment.display().to_string();
    if experiment != "experiments/table1.toml" {
        words.push(format!("--experiment {experiment}"));
    }
    if let Some(model) = &args.cpu_model {
        words.push(format!("--cpu-model {model}"));
    }
    if let Some(inputs) = &args.kernel_inputs {
        words.push(format!("--kernel-inputs {inputs}"));
    }
    if let Some(initrd) = &args.image.initrd {
        words.push(format!(
            "--initrd {} --append '{}'",
            initrd.display(),
            args.image.append
        ));
    }
    words.push(format!("--record {}", file.display()));
    words.join(" ")
}
