//! The command line of `tollgate trace`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use runs::trace::{Subject, Subjects, TraceError};
use vmm::BootSpec;

pub const EXAMPLES: &str = "\
Examples:
  tollgate trace linux
  tollgate trace linux --against linux-nomitig --into results/latest
  tollgate trace /boot/vmlinuz-6.12.48 --initrd build/initramfs.cpio.gz \\
      --symbols /usr/lib/debug/boot/vmlinux-6.12.48 --instructions

trace boots the target in QEMU's emulator, which counts instructions, and prints how many
of them each function executes in one system call. The counts add up to the number that
the exact method counts in the same boot; otherwise the command fails. They do not
measure time. docs/METHOD.md describes the method, docs/FORMATS.md the JSON and the file
of expected paths.

To check your own kernel in CI, record its path once and check every build. Without
--kernel-inputs, each build counts as a different kernel.
  tollgate trace ./bzImage --initrd initramfs.cpio.gz --kernel-inputs mine --record paths.toml
  tollgate trace ./bzImage --initrd initramfs.cpio.gz --kernel-inputs mine --check paths.toml

Exit codes: 0 done; 88 --check: the path has changed; 89 --check: the file has no path for
this kernel, QEMU and processor; others as in tollgate --help.";

/// `tollgate trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// A target of the experiment, or a kernel image (write ./NAME if a target has its name)
    #[arg(value_name = "TARGET|IMAGE")]
    pub subject: String,
    /// The experiment that describes the targets
    #[arg(long, value_name = "FILE", default_value = "experiments/table1.toml")]
    pub experiment: PathBuf,
    /// Also trace this target or image, and show how the first one differs from it
    #[arg(long, value_name = "TARGET|IMAGE")]
    pub against: Option<String>,
    /// Also trace the same kernel with these words on its command line
    #[arg(
        long,
        value_name = "WORDS",
        conflicts_with = "against",
        allow_hyphen_values = true
    )]
    pub against_append: Option<String>,
    /// Also print every instruction
    #[arg(long)]
    pub instructions: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Write trace-NAME.json and trace-NAME.svg into this folder, for example a run's folder
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Compare with the expected path in this file
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    pub check: Option<PathBuf>,
    /// Record this path as the expected one in this file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The kernel's name in that file [default: the hash of its build inputs, or of its image]
    #[arg(long, value_name = "WORD")]
    pub kernel_inputs: Option<String>,
    /// The processor that QEMU emulates [default: the target's, or the experiment's; for an
    /// image, max]
    #[arg(long, value_name = "MODEL")]
    pub cpu_model: Option<String>,
    /// The vmlinux or System.map of the kernel, or of both kernels [default: the image, or a
    /// file in its folder]
    #[arg(long, value_name = "FILE")]
    pub symbols: Option<PathBuf>,
    /// The plugin for QEMU [default: TOLLGATE_TRACE_PLUGIN, or the one installed with tollgate]
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    /// For an IMAGE
    #[command(flatten)]
    pub image: ImageArgs,
}

/// How to boot an image that is not part of an experiment.
#[derive(Debug, Args)]
#[command(next_help_heading = "With an IMAGE")]
pub struct ImageArgs {
    /// The initramfs with guest-bench as /init, or guest-bench itself for kernels that load an
    /// ELF file instead
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// The kernel's command line; guest-bench's arguments are appended
    #[arg(
        long,
        value_name = "CMDLINE",
        default_value = "console=ttyS0 quiet reboot=k panic=-1",
        allow_hyphen_values = true
    )]
    pub append: String,
    /// Guest memory
    #[arg(long, value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(8..=1 << 20))]
    pub memory: u32,
    /// Seconds after which the guest is killed
    #[arg(long, value_name = "S", default_value_t = 120,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
}

impl TraceArgs {
    /// Where subjects are found, and how they are traced.
    pub fn subjects<'a>(&'a self, folder: &'a Path, say: &'a dyn Fn(&str)) -> Subjects<'a> {
        Subjects {
            experiment: &self.experiment,
            image: BootSpec {
                kernel: PathBuf::new(),
                initrd: self.image.initrd.clone(),
                cmdline: self.image.append.clone(),
                memory_mib: self.image.memory,
                cpus: 1,
                pin: Vec::new(),
                timeout: Duration::from_secs(self.image.timeout.into()),
            },
            cpu_model: self.cpu_model.as_deref(),
            symbols: self.symbols.as_deref(),
            folder,
            say,
        }
    }

    /// What the subject is compared with, if it is.
    ///
    /// # Errors
    /// The target or image does not exist.
    pub fn against(&self, subjects: &Subjects<'_>) -> Result<Option<Subject>, TraceError> {
        match (&self.against, &self.against_append) {
            (Some(name), _) => subjects.find(name).map(Some),
            (None, Some(words)) => Ok(Some(subjects.find(&self.subject)?.with_words(words))),
            (None, None) => Ok(None),
        }
    }
}
