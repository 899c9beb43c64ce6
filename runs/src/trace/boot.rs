//! Boots the traced target, and reads what it did.

use std::io::sink;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use contract::{Method, Operation as Timed, SystemCall};
use eval::Benchmark;
use eval::log::{self, Log};
use eval::quads::instructions;
use eval::units::Instructions;
use tempfile::TempDir;
use vmm::{BootSpec, End};

use super::record::{self, Operation, RecordError};
use super::{TraceError, shared};
use crate::engine::{Engine, EngineError, Machine, Qemu, Recording};
use host::files;

/// The system call whose path is shown.
const CALL: SystemCall = SystemCall::Noop;
/// Marked operations of each benchmark.
pub const MARKS: usize = 32;
/// Counted samples; nine tenths of them have to agree.
const SAMPLES: usize = 32;

/// What one boot showed.
pub struct Traced {
    /// The operation that represents all.
    pub operation: Operation,
    /// How many of [`MARKS`] operations took another path, because of an interrupt.
    pub others: usize,
}

/// Boots a kernel with the program, and finds the path of its system call.
///
/// # Errors
///
/// The boot failed, its operations share no path, or the exact method counted another
/// number of instructions than the path holds.
pub fn boot(
    spec: &BootSpec,
    cpu_model: &str,
    plugin: &Path,
    stop: &AtomicBool,
) -> Result<Traced, TraceError> {
    let folder = TempDir::new().map_err(TraceError::Folder)?;
    let out = folder.path().join("record");
    let recording = Recording {
        plugin: plugin.to_owned(),
        out: out.clone(),
    };
    let qemu = Qemu::find(Machine::Counting(cpu_model.to_owned()))?.recording(recording);
    let spec = BootSpec {
        cmdline: format!("{} -- {}", spec.cmdline, words()),
        ..spec.clone()
    };
    qemu.check(&spec)?;
    let outcome = qemu.boot(&spec, &mut sink(), stop);
    if let End::EngineFailed { .. } | End::Interrupted = outcome.end {
        return Err(TraceError::Ended(outcome.end));
    }
    let log = log::parse(&outcome.console).map_err(|error| TraceError::Boot {
        end: outcome.end,
        error,
    })?;
    if !out.exists() {
        return Err(RecordError::Missing.into());
    }
    let operations = record::parse(&files::read_text(&out)?)?;
    let call = crossing(&log)?;
    for benchmark in checks().chain([call]) {
        agree(&operations, &log, benchmark)?;
    }
    let (operation, others) = shared::path(&operations, call, MARKS)?;
    Ok(Traced {
        operation: operation.clone(),
        others,
    })
}

fn words() -> String {
    let call = Benchmark::ALL
        .into_iter()
        .filter(|benchmark| benchmark.is_choice() && benchmark.system_call() == Some(CALL));
    let names: Vec<_> = call.chain(checks()).map(Benchmark::name).collect();
    format!(
        "method=exact rounds=1 benchmarks={} warmup=y samples={SAMPLES} marks={MARKS}",
        names.join(",")
    )
}

/// Function calls are the check, because their instructions are known.
fn checks() -> impl Iterator<Item = Benchmark> {
    Benchmark::ALL.into_iter().filter(|benchmark| {
        matches!(benchmark.operation(), Timed::Function { .. }) && benchmark.is_by(Method::Exact)
    })
}

/// The kernel's system call, by the name of its answer.
fn crossing(log: &Log) -> Result<Benchmark, TraceError> {
    let answer = log.answer(CALL);
    let benchmark = answer.and_then(|answer| Benchmark::of_call(CALL, answer));
    benchmark.ok_or(TraceError::NoAnswer(CALL))
}

/// Checks that the path is as long as the exact method counted in the same boot.
fn agree(operations: &[Operation], log: &Log, benchmark: Benchmark) -> Result<(), TraceError> {
    let (operation, _) = shared::path(operations, benchmark, MARKS)?;
    let traced = Instructions(operation.path.len() as u64);
    let counted = counted(log, benchmark);
    if counted == Some(traced) {
        return Ok(());
    }
    Err(TraceError::Disagree {
        benchmark: benchmark.name(),
        traced,
        counted,
    })
}

/// The number on which nine tenths of a benchmark's samples agree.
fn counted(log: &Log, benchmark: Benchmark) -> Option<Instructions> {
    let quads = log.quads.iter().filter(|quad| quad.benchmark == benchmark);
    let mut values: Vec<_> = quads.map(instructions).collect();
    values.sort_unstable();
    let most = values
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())?;
    if most.len() * 10 < values.len() * 9 {
        return None;
    }
    *most.first()?
}

/// The version number of the installed QEMU.
///
/// # Errors
///
/// QEMU is not installed.
pub fn qemu_version() -> Result<String, EngineError> {
    let qemu = Qemu::find(Machine::Counting("max".into()))?;
    Ok(version(&qemu.about().version))
}

/// The number in "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)".
fn version(words: &str) -> String {
    let number = words
        .split_ascii_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or(words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_and_every_function_call_are_measured() {
        let words = words();
        let chosen = words
            .split(' ')
            .find_map(|word| word.strip_prefix("benchmarks="));
        assert_eq!(chosen, Some("scall,fcall,fcall_chain"));
    }

    #[test]
    fn a_version_is_its_number() {
        let words = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)";
        assert_eq!(version(words), "7.2.22");
        assert_eq!(version("of unknown version"), "of unknown version");
    }
}
