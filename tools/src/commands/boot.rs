//! `tollgate boot`: one kernel image, its console, its status.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use vmm::kvm::{KvmOptions, NewVm, ReadyVm, Report, Seccomp, Teardown};
use vmm::probe::KvmKind;
use vmm::{BootOutcome, BootSpec, End, Protocol};

use crate::cli::{BootArgs, BootEngine, KvmArgs, ProtocolArg};
use crate::exit::{self, Code};
use crate::output::Console;
use host::{files, interrupt};
use runs::engine::{Engine, EngineError, Machine, Qemu, kvm};

/// Boots an image; the console goes to standard output, how it ended to standard error.
/// `new` is its machine, if it is on its way already.
pub fn run(args: &BootArgs, new: Option<NewVm>) -> Result<Code> {
    let began = process_start();
    let spec = spec(args);
    // Engines would name neither the file nor the remedy.
    for file in [Some(&spec.kernel), spec.initrd.as_ref()]
        .into_iter()
        .flatten()
    {
        files::check_regular(file)?;
    }
    let options = options(&args.kvm);
    // The first thing that takes its time, and needs nothing of what comes next.
    let choice = choose(args, &spec, &options, new, began)?;
    let stop = interrupt::flag().context("cannot watch for signals")?;
    let mut console = Console::default();
    let end = match choice {
        Choice::Kvm(ready) => {
            let kernel = kvm::open(&options, &spec)?;
            let report = kvm::boot(ready, kernel, &mut console, &stop);
            if args.kvm.for_run {
                console.close()?;
                tell!(
                    "{}",
                    kvm::report(&report.outcome).context("cannot report to the run")?
                );
                return Ok(exit::of_end(&report.outcome.end));
            }
            tell(&report, args.kvm.stats);
            report.outcome.end
        }
        Choice::Qemu(qemu) => boot_by_qemu(&qemu, &spec, &mut console, &stop)?,
    };
    tell!("tollgate: {end}");
    console.close()?;
    Ok(exit::of_end(&end))
}

/// When this process began. Its first thread has not waited for anything but its CPU and
/// its own pages since: all the time that it took is CPU time.
fn process_start() -> Instant {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let used = Duration::try_from(used).unwrap_or_default();
    let now = Instant::now();
    now.checked_sub(used).unwrap_or(now)
}

enum Choice<'a> {
    Kvm(ReadyVm<'a>),
    Qemu(Qemu),
}

fn choose<'a>(
    args: &BootArgs,
    spec: &'a BootSpec,
    options: &'a KvmOptions,
    new: Option<NewVm>,
    began: Instant,
) -> Result<Choice<'a>, EngineError> {
    let qemu = match (args.engine, flag_for_kvm(&args.kvm)) {
        (BootEngine::Kvm, _) => return kvm::prepare(new, options, spec, began).map(Choice::Kvm),
        (BootEngine::Qemu | BootEngine::QemuKvm, Some(flag)) => {
            return Err(EngineError::OnlyKvm { flag });
        }
        (BootEngine::QemuKvm, None) => Qemu::under(&host::kvm::probe()),
        (BootEngine::Auto, flag) if auto(host::kvm::probe(), flag)? => {
            return kvm::prepare(new, options, spec, began).map(Choice::Kvm);
        }
        (BootEngine::Qemu | BootEngine::Auto, _) => Qemu::find(Machine::Emulated("max".into())),
    };
    qemu.map(Choice::Qemu)
}

/// Whether `auto` takes KVM. Where it does not, and `flag` needs it, that is no mistake in
/// the command line, which is right on other machines.
fn auto(kind: KvmKind, flag: Option<&'static str>) -> Result<bool, EngineError> {
    let is_real = kind.is_real();
    match flag {
        Some(flag) if !is_real => Err(EngineError::NotByAuto { flag, kind }),
        _ => {
            let name = if is_real { "kvm" } else { "qemu" };
            tell!("tollgate: engine {name}, because /dev/kvm: {kind}");
            Ok(is_real)
        }
    }
}

/// A flag that QEMU could only ignore.
fn flag_for_kvm(args: &KvmArgs) -> Option<&'static str> {
    let given = [
        ("--protocol", args.protocol.is_some()),
        ("--debug-exit", !args.debug_exit.is_empty()),
        ("--prefault", args.prefault),
        ("--huge-pages", args.huge_pages),
        ("--no-seccomp", args.no_seccomp),
        ("--stats", args.stats),
        ("--for-run", args.for_run),
    ];
    given
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
}

fn boot_by_qemu(
    qemu: &Qemu,
    spec: &BootSpec,
    console: &mut Console,
    stop: &AtomicBool,
) -> Result<End> {
    qemu.check(spec)?;
    Ok(qemu.boot(spec, console, stop).end)
}

/// What only our own VMM can tell.
fn tell(report: &Report, wants_stats: bool) {
    if let Some(diagnosis) = &report.diagnosis {
        tell!("{diagnosis}");
    }
    if wants_stats {
        let BootOutcome { timings, pages, .. } = &report.outcome;
        tell!("{}", report.stats.to_string().trim_end());
        if let Some(pages) = pages {
            tell!("guest memory's pages: {pages}");
        }
        for (event, time) in [
            ("first guest instruction", timings.guest_started),
            ("first console byte", timings.first_byte),
            ("end", Some(timings.ended)),
        ] {
            if let Some(time) = time {
                tell!("{event}: {:.3} ms", time.as_secs_f64() * 1e3);
            }
        }
    }
}

fn spec(args: &BootArgs) -> BootSpec {
    BootSpec {
        kernel: args.image.clone(),
        initrd: args.initrd.clone(),
        cmdline: args.append.clone(),
        memory_mib: args.memory,
        cpus: args.cpus,
        pin: args
            .pin
            .as_ref()
            .map(|pin| pin.0.clone())
            .unwrap_or_default(),
        timeout: Duration::from_secs(args.timeout.into()),
    }
}

fn options(args: &KvmArgs) -> KvmOptions {
    KvmOptions {
        protocol: args.protocol.map(|protocol| match protocol {
            ProtocolArg::Linux64 => Protocol::Linux64,
            ProtocolArg::Pvh => Protocol::Pvh,
            ProtocolArg::Multiboot => Protocol::Multiboot,
        }),
        debug_exit_ports: args.debug_exit.clone(),
        // No page fault of the host's may fall into a measurement, and as few misses of the
        // TLB as can be.
        prefault: args.prefault || args.for_run,
        huge_pages: args.huge_pages || args.for_run,
        count_pages: args.stats || args.for_run,
        // The process boots this one guest. In a run, the next one must not begin beside it.
        teardown: match args.for_run {
            true => Teardown::Wait,
            false => Teardown::LeaveToKernel,
        },
        seccomp: match args.no_seccomp {
            true => Seccomp::Off,
            false => Seccomp::Process,
        },
        ..KvmOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use clap::Parser;

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

    #[test]
    fn a_flag_that_auto_cannot_serve_is_told_with_the_reason() {
        let kinds = [
            (
                KvmKind::SoftwareEmulated {
                    rate: None,
                    reason: "no vmx".into(),
                },
                ["emulated in software: no vmx", "take --engine kvm"],
            ),
            (KvmKind::NoDevice, ["there is no /dev/kvm", "leave it out"]),
        ];
        for (kind, words) in kinds {
            assert!(matches!(auto(kind.clone(), None), Ok(false)));
            let error = auto(kind, Some("--stats")).unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with("--stats needs the engine kvm"),
                "{message}"
            );
            for word in words {
                assert!(message.contains(word), "{message}");
            }
            let code = exit::of_error(&error.into());
            assert_eq!(u8::from(code), 69);
        }
        let real = KvmKind::Hardware {
            extension: "svm".into(),
            rate: 1.0,
        };
        assert!(matches!(auto(real, Some("--stats")), Ok(true)));
    }
}
