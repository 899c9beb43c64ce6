//! The command line of `tollgate boot`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use runs::engine::single::Wish;
use vmm::kvm::{KvmOptions, Seccomp, Teardown};
use vmm::{BootSpec, Protocol};

use super::{Pin, parse_pin};

pub const EXAMPLES: &str = "\
Examples:
  tollgate boot build/linux/bzImage --initrd build/initramfs.cpio.gz
  tollgate boot build/ring0 --initrd build/guest-bench --append '-- rounds=2'
  tollgate boot build/linux/vmlinux --initrd build/initramfs.cpio.gz \\
      --append 'console=ttyS0 mitigations=off' --cpus 2 --timeout 30

The guest's console goes to standard output unchanged, and a line on how the guest ended
to standard error. With the engine kvm, standard input goes to the guest's serial port.
Exit codes: see tollgate --help.";

/// `tollgate boot`.
#[derive(Debug, Args)]
pub struct BootArgs {
    /// The kernel: bzImage, vmlinux, or an ELF file with a PVH note or a Multiboot header
    pub image: PathBuf,
    /// The initial ramdisk, or the program for kernels that load an ELF file instead
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// The kernel's command line
    #[arg(
        long,
        value_name = "CMDLINE",
        default_value = "console=ttyS0 reboot=k panic=-1",
        allow_hyphen_values = true
    )]
    pub append: String,
    /// The engine that boots it
    #[arg(long, value_enum, default_value_t = BootEngine::Auto)]
    pub engine: BootEngine,
    /// Guest memory
    #[arg(long, value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(8..=1 << 20))]
    pub memory: u32,
    /// vCPUs
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=255))]
    pub cpus: u32,
    /// Host CPUs to run on, like 1,4-7 [default: any]
    #[arg(long, value_name = "LIST", value_parser = parse_pin)]
    pub pin: Option<Pin>,
    /// Seconds after which the guest is killed
    #[arg(long, value_name = "S", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
    /// With the engine kvm
    #[command(flatten)]
    pub kvm: KvmArgs,
}

/// The engine of `tollgate boot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BootEngine {
    /// kvm if KVM really runs guests on the CPU, otherwise qemu
    Auto,
    /// tollgate's own VMM
    Kvm,
    /// QEMU, software emulation
    Qemu,
    /// The same QEMU under KVM, with the host's processor
    QemuKvm,
}

/// Options that only the kvm engine has.
#[derive(Debug, Args)]
#[command(next_help_heading = "With the engine kvm")]
pub struct KvmArgs {
    /// The boot protocol [default: the best one that the image supports]
    #[arg(long, value_enum)]
    pub protocol: Option<ProtocolArg>,
    /// A port, in addition to 0xf4 and 0x501, to which the guest writes its exit status
    #[arg(long, value_name = "PORT", value_parser = parse_port)]
    pub debug_exit: Vec<u16>,
    /// Allocate all guest memory before the guest starts
    #[arg(long)]
    pub prefault: bool,
    /// Request huge pages for guest memory
    #[arg(long)]
    pub huge_pages: bool,
    /// Run without the seccomp filter
    #[arg(long)]
    pub no_seccomp: bool,
    /// Print exits by reason and port, the time spent in the guest, and a timeline since
    /// process start
    #[arg(long)]
    pub stats: bool,
    /// Boot as in a run: allocate all memory as huge pages before the guest starts, and report
    /// to `tollgate run`
    #[arg(long, hide = true)]
    pub for_run: bool,
}

/// A way to enter a kernel.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ProtocolArg {
    /// Linux's 64-bit boot protocol, for bzImage and vmlinux
    Linux64,
    /// Xen's direct boot of an ELF file with an ELF note
    Pvh,
    /// Multiboot 1
    Multiboot,
}

fn parse_port(text: &str) -> Result<u16, String> {
    let port = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    port.map_err(|_| format!("{text:?} is not an I/O port; write it like 0xf4"))
}

impl From<BootEngine> for Wish {
    fn from(engine: BootEngine) -> Self {
        match engine {
            BootEngine::Auto => Self::Auto,
            BootEngine::Kvm => Self::Kvm,
            BootEngine::Qemu => Self::Qemu,
            BootEngine::QemuKvm => Self::QemuKvm,
        }
    }
}

impl BootArgs {
    /// The request to the engine.
    pub fn spec(&self) -> BootSpec {
        BootSpec {
            kernel: self.image.clone(),
            initrd: self.initrd.clone(),
            cmdline: self.append.clone(),
            memory_mib: self.memory,
            cpus: self.cpus,
            pin: self
                .pin
                .as_ref()
                .map(|pin| pin.0.clone())
                .unwrap_or_default(),
            timeout: Duration::from_secs(self.timeout.into()),
        }
    }
}

impl KvmArgs {
    /// The options for the engine kvm alone.
    pub fn options(&self) -> KvmOptions {
        KvmOptions {
            protocol: self.protocol.map(|protocol| match protocol {
                ProtocolArg::Linux64 => Protocol::Linux64,
                ProtocolArg::Pvh => Protocol::Pvh,
                ProtocolArg::Multiboot => Protocol::Multiboot,
            }),
            debug_exit_ports: self.debug_exit.clone(),
            // The host's page faults must not occur during a measurement, and TLB misses
            // should be rare.
            prefault: self.prefault || self.for_run,
            huge_pages: self.huge_pages || self.for_run,
            count_pages: self.stats || self.for_run,
            // The process boots only this guest. In a run, the next one must not start at the
            // same time.
            teardown: if self.for_run {
                Teardown::Wait
            } else {
                Teardown::LeaveToKernel
            },
            seccomp: if self.no_seccomp {
                Seccomp::Off
            } else {
                Seccomp::Process
            },
            ..KvmOptions::default()
        }
    }

    /// The first given option that does not apply to QEMU.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--protocol", self.protocol.is_some()),
            ("--debug-exit", !self.debug_exit.is_empty()),
            ("--prefault", self.prefault),
            ("--huge-pages", self.huge_pages),
            ("--no-seccomp", self.no_seccomp),
            ("--stats", self.stats),
            ("--for-run", self.for_run),
        ];
        given
            .into_iter()
            .find_map(|(flag, given)| given.then_some(flag))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;
    use runs::engine::kvm;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn a_run_boots_by_words_of_ours() {
        let spec = BootSpec {
            kernel: "-kernel".into(),
            initrd: Some("-init rd".into()),
            cmdline: "-- rounds=2 \"a b\"".into(),
            memory_mib: 300,
            cpus: 2,
            pin: vec![1, 3],
            timeout: Duration::from_secs(7),
        };
        let words = [OsString::from("tollgate")]
            .into_iter()
            .chain(kvm::words(&spec));
        let Command::Boot(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("another command");
        };
        let args = args.0;
        assert!(args.kvm.for_run && args.engine == BootEngine::Kvm);
        assert_eq!((args.image, args.initrd), (spec.kernel, spec.initrd));
        assert_eq!((args.append, args.memory), (spec.cmdline, 300));
        assert_eq!((args.cpus, args.timeout), (2, 7));
        assert_eq!(args.pin.unwrap().0, [1, 3]);
    }
}
