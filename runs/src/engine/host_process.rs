//! No VM: the program runs as a process of the host, on one CPU.

use std::io::{self, Write};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use rustix::system::uname;
use vmm::{BootOutcome, BootSpec, End};

use super::child::{self, ChildEnd, ChildSpec};
use super::{About, Engine, EngineError, EngineKind, not_started, pin};

/// The host itself. The "kernel" of a [`BootSpec`] is the program, and its command line the
/// program's arguments.
pub struct Host;

impl Host {
    fn try_boot(
        spec: &BootSpec,
        console: &mut dyn Write,
        stop: &AtomicBool,
    ) -> io::Result<BootOutcome> {
        let mut command = Command::new(&spec.kernel);
        command.args(spec.cmdline.split_whitespace());
        let ran = child::run(ChildSpec {
            command,
            pin: pin(spec).map_err(io::Error::other)?,
            timeout: spec.timeout,
            stop,
            console,
            last_words: None,
            monitor: None,
        })?;
        let end = match ran.end {
            ChildEnd::Exited(code) => End::Exited {
                status: code as u32,
            },
            ChildEnd::Signaled(signal) => End::EngineFailed {
                reason: format!("the program was killed by signal {signal}"),
            },
            ChildEnd::Flooded => End::EngineFailed {
                reason: "the program was killed: it wrote too much output".into(),
            },
            ChildEnd::TimedOut => End::TimedOut,
            ChildEnd::Interrupted => End::Interrupted,
        };
        Ok(ran.outcome(end, None))
    }
}

impl Engine for Host {
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome {
        Self::try_boot(spec, console, stop)
            .unwrap_or_else(|error| not_started(&spec.kernel.display().to_string(), &error))
    }

    fn about(&self) -> About {
        let system = uname();
        About {
            name: EngineKind::Host,
            version: format!(
                "{} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy()
            ),
            emulated: false,
            counts: false,
            cpu_model: None,
            cpu_lacks: Vec::new(),
        }
    }

    fn check(&self, spec: &BootSpec) -> Result<(), EngineError> {
        pin(spec)?;
        Ok(())
    }
}
