//! What is traced: a target of an experiment, or an image.

use std::path::{Path, PathBuf};
use std::time::Duration;

use host::files::{self, Damaged, FileError};
use initramfs::Compression;
use vmm::BootSpec;

use super::TraceError;
use super::symbols::{self, Symbols};
use crate::experiment::{self, Experiment, ExperimentError, ProgramAs, Target};

/// What is traced.
pub struct Subject {
    /// The target's name, or the image's.
    pub name: String,
    /// How it is booted; the program's arguments are added.
    pub spec: BootSpec,
    /// The processor, by QEMU's name.
    pub cpu_model: String,
    /// The kernel's functions; `None` if no file has them.
    pub symbols: Option<Symbols>,
}

/// Where subjects are looked up by name, and how they are traced.
pub struct Subjects<'a> {
    /// The experiment that describes targets.
    pub experiment: &'a Path,
    /// How to boot an image that is not part of an experiment; its `kernel` is ignored.
    pub image: BootSpec,
    /// The processor, by QEMU's name; `None`: the target's own.
    pub cpu_model: Option<&'a str>,
    /// The file with the kernel's symbols; `None`: the image, or a file in its folder.
    pub symbols: Option<&'a Path>,
    /// The program in the forms that kernels load.
    pub folder: &'a Path,
    /// Called for a kernel without symbols.
    pub say: &'a dyn Fn(&str),
}

impl Subjects<'_> {
    /// A target of the experiment, or an image. Without an experiment, only an image.
    ///
    /// # Errors
    ///
    /// The target does not exist, or one of its files cannot be read.
    pub fn find(&self, name: &str) -> Result<Subject, TraceError> {
        let image = Path::new(name);
        let file = self.experiment;
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

    fn target(&self, experiment: &Experiment, target: &Target) -> Result<Subject, TraceError> {
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

    /// The experiment's program, in the form that the kernel loads.
    fn program(
        &self,
        experiment: &Experiment,
        program_as: ProgramAs,
    ) -> Result<PathBuf, TraceError> {
        let program = &experiment.program;
        files::check_regular(program)?;
        if program_as == ProgramAs::Initrd {
            return Ok(program.clone());
        }
        let archive =
            initramfs::build(&files::read(program)?, Compression::Gzip).map_err(|error| {
                TraceError::Pack {
                    program: program.clone(),
                    error,
                }
            })?;
        let path = self.folder.join("initramfs.cpio.gz");
        files::write(&path, archive)?;
        Ok(path)
    }

    fn image(&self, image: &Path) -> Result<Subject, TraceError> {
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let spec = BootSpec {
            kernel: image.to_owned(),
            ..self.image.clone()
        };
        self.subject(name.into_owned(), spec, "max")
    }

    fn subject(
        &self,
        name: String,
        spec: BootSpec,
        cpu_model: &str,
    ) -> Result<Subject, TraceError> {
        for file in [Some(&spec.kernel), spec.initrd.as_ref()]
            .into_iter()
            .flatten()
        {
            files::check_regular(file)?;
        }
        let cpu_model = self.cpu_model.unwrap_or(cpu_model);
        Ok(Subject {
            symbols: self.symbols(&spec.kernel)?,
            spec: with_quick_start(spec),
            cpu_model: cpu_model.to_owned(),
            name,
        })
    }

    fn symbols(&self, image: &Path) -> Result<Option<Symbols>, TraceError> {
        if let Some(file) = self.symbols {
            let symbols = Symbols::read(file)?;
            let none = || {
                FileError::from(Damaged {
                    path: file.to_owned(),
                    reason: "it does not contain code symbols".into(),
                    remedy: "use a vmlinux or System.map that does; those of Debian's kernels are \
                         in the package linux-image-VERSION-dbg",
                })
            };
            return Ok(Some(symbols.ok_or_else(none)?));
        }
        let found = symbols::of_image(image);
        if found.is_none() {
            (self.say)(&format!(
                "{}: neither the image nor its folder has symbols; functions are named by their \
                 addresses (use --symbols to name a vmlinux or a System.map)",
                image.display()
            ));
        }
        Ok(found.map(|(_, symbols)| symbols))
    }
}

/// If the counter counts instructions, Linux calibrates the local APIC's timer with it for 25
/// s; without that timer, the path is the same.
fn with_quick_start(spec: BootSpec) -> BootSpec {
    BootSpec {
        cmdline: format!("{} nolapic_timer", spec.cmdline),
        ..spec
    }
}

impl Subject {
    /// The same kernel with more words on its command line.
    pub fn with_words(self, words: &str) -> Self {
        let spec = BootSpec {
            cmdline: format!("{} {words}", self.spec.cmdline),
            ..self.spec
        };
        Self {
            name: format!("{} {words}", self.name),
            spec,
            ..self
        }
    }
}
