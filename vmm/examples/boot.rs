//! Boots one kernel image under KVM: `boot IMAGE [--initrd F] [--append CMDLINE] [--memory MIB]
//! [--cpus N] [--timeout S] [--protocol linux64|pvh|multiboot] [--prefault] [--huge-pages]
//! [--no-seccomp] [--stats]`.
//!
//! A small version of `tollgate boot` with the same flags, for the rig and for work on this
//! crate alone. The last line of stderr says how the guest ended.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use vmm::kvm::{Io, KvmOptions, Report, Seccomp, Teardown, boot};
use vmm::{BootSpec, Protocol};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (spec, options, wants_stats) = parse(std::env::args().skip(1))?;
    let mut stdout = std::io::stdout();
    let io = Io {
        console: &mut |bytes| {
            // If writing fails, nobody is left to read an error.
            let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
        },
        input: None,
        stop: &AtomicBool::new(false),
    };
    let report = boot(&spec, &options, io);
    tell(&report, wants_stats);
    Ok(if report.outcome.end.is_fault() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn parse(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(BootSpec, KvmOptions, bool), Box<dyn Error>> {
    let mut spec = BootSpec {
        kernel: arguments.next().ok_or("no image")?.into(),
        initrd: None,
        cmdline: String::new(),
        memory_mib: 256,
        cpus: 1,
        pin: Vec::new(),
        timeout: Duration::from_secs(60),
    };
    let mut options = KvmOptions {
        seccomp: Seccomp::Process,
        teardown: Teardown::LeaveToKernel,
        ..Default::default()
    };
    let mut wants_stats = false;
    while let Some(flag) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{flag} needs a value"))
        };
        match flag.as_str() {
            "--initrd" => spec.initrd = Some(value()?.into()),
            "--append" => spec.cmdline = value()?,
            "--memory" => spec.memory_mib = value()?.parse()?,
            "--cpus" => spec.cpus = value()?.parse()?,
            "--pin" => spec.pin.push(value()?.parse()?),
            "--timeout" => spec.timeout = Duration::from_secs(value()?.parse()?),
            "--protocol" => options.protocol = Some(protocol(&value()?)?),
            "--prefault" => options.prefault = true,
            "--no-seccomp" => options.seccomp = Seccomp::Off,
            "--huge-pages" => options.huge_pages = true,
            "--stats" => {
                wants_stats = true;
                options.count_pages = true;
            }
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    Ok((spec, options, wants_stats))
}

fn protocol(name: &str) -> Result<Protocol, String> {
    match name {
        "linux64" => Ok(Protocol::Linux64),
        "pvh" => Ok(Protocol::Pvh),
        "multiboot" => Ok(Protocol::Multiboot),
        _ => Err(format!("unknown protocol {name}")),
    }
}

fn tell(report: &Report, wants_stats: bool) {
    if let Some(diagnosis) = &report.diagnosis {
        eprintln!("{diagnosis}");
    }
    if wants_stats {
        eprintln!("{}{:?}", report.stats, report.outcome.timings);
        if let Some(pages) = report.outcome.pages {
            eprintln!("guest memory's pages: {pages}");
        }
    }
    eprintln!("{}", report.outcome.end);
}
