//! The path of one crossing into a kernel, instruction by instruction.
//!
//! QEMU boots the target with our plugin (`trace-plugin/`), which records what is executed
//! between the program's marks (`boot`). `record` reads that, `shared` finds the common path of
//! the operations, and `place` finds the function of each instruction with the kernel's
//! `symbols`. The exact method's count in the same boot has to be the path's length. `golden`
//! compares paths with expected ones.

mod boot;
mod golden;
pub mod kept;
mod kernel;
mod place;
pub mod plugin;
mod record;
mod shared;
mod subject;
mod symbols;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contract::SystemCall;
use eval::crossing::{Crossing, FORMAT_VERSION};
use eval::log::LogError;
use eval::units::Instructions;
use host::files::FileError;
use vmm::End;

use crate::engine::EngineError;
use crate::experiment::ExperimentError;

pub use boot::qemu_version;
pub use golden::{Golden, Verdict};
pub use place::Foreign;
pub use record::RecordError;
pub use shared::NoPath;
pub use subject::{Subject, Subjects};
pub use symbols::Symbols;

/// Why a path cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The plugin was not built, or is elsewhere.
    #[error(
        "the trace plugin does not exist: {path} (build it with `make trace-plugin`, or set it \
         with --plugin or {})",
        plugin::VARIABLE
    )]
    NoPlugin {
        /// The expected path.
        path: PathBuf,
    },
    /// QEMU refused the plugin or the processor, or was stopped.
    #[error("{0}")]
    Ended(End),
    /// The guest did not get to its log's end.
    #[error("{end}; its console: {error}")]
    Boot {
        /// How the boot ended.
        end: End,
        /// What is missing on its console.
        error: LogError,
    },
    /// The path and the count contradict each other.
    #[error(
        "the path of {benchmark} has {} instructions, but the exact method counted {} \
         in the same boot",
        .traced.0, .counted.map_or("not a whole number".into(), |counted| counted.0.to_string())
    )]
    Disagree {
        /// The benchmark.
        benchmark: &'static str,
        /// Instructions between its marks.
        traced: Instructions,
        /// The number on which nine tenths of its samples agree.
        counted: Option<Instructions>,
    },
    /// The console is complete, but the call is not on it.
    #[error(
        "its console lacks the answer of system call {} (fix: build the program again, \
         with `make guest-bench`)",
        .0.number()
    )]
    NoAnswer(SystemCall),
    /// The record cannot be stored.
    #[error("cannot create a folder for the record")]
    Folder(#[source] io::Error),
    /// The program cannot be packed.
    #[error("cannot pack {program}")]
    Pack {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The experiment is wrong, or has no such target.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// QEMU cannot boot the target.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The record cannot be read, or a file of the target.
    #[error(transparent)]
    File(#[from] FileError),
    /// What the plugin recorded is not whole.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The operations share no path.
    #[error(transparent)]
    NoPath(#[from] NoPath),
    /// The path leaves the code that is known.
    #[error(transparent)]
    Foreign(#[from] Foreign),
}

/// Boots a kernel, and finds the path of its system call. Passes remarks on what the path does
/// not show to `say`.
///
/// # Errors
///
/// The boot failed, its operations have no common path, or the path's length differs from the
/// exact method's count.
pub fn trace(
    subject: &Subject,
    plugin: &Path,
    stop: &AtomicBool,
    say: &dyn Fn(&str),
) -> Result<Crossing, TraceError> {
    let Subject {
        name,
        spec,
        cpu_model,
        symbols,
    } = subject;
    let boot = boot::boot(spec, cpu_model, plugin, stop)?;
    let steps = place::steps(&boot.operation, symbols.as_ref())?;
    if boot.others > 0 {
        say(&format!(
            "{name}: {} of {} operations took a different path and are left out",
            boot.others,
            boot::MARKS
        ));
    }
    Ok(Crossing {
        version: FORMAT_VERSION,
        target: name.clone(),
        benchmark: boot.operation.benchmark.name().to_owned(),
        cpu_model: cpu_model.clone(),
        qemu: qemu_version()?,
        kernel_inputs: kernel::inputs(&spec.kernel)?,
        total: Instructions(steps.len() as u64),
        functions: place::functions(&steps),
        instructions: Some(steps),
    })
}
