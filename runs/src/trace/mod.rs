//! The path of one crossing into a kernel, instruction by instruction.
//!
//! QEMU boots the target with our plugin (`trace-plugin/`), which writes down what is
//! executed between the program's marks (`boot`). `record` reads that, `shared`
//! finds the path that the operations share, `place` gives each instruction its function
//! by the kernel's `symbols`; the exact method's count of the same boot has to be the
//! path's length. `golden` compares paths with those that are expected.

mod boot;
mod golden;
pub mod kept;
mod kernel;
mod place;
pub mod plugin;
mod record;
mod shared;
mod symbols;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use eval::crossing::{Crossing, FORMAT_VERSION};
use eval::log::LogError;
use eval::units::Instructions;
use vmm::{BootSpec, End};

pub use boot::qemu_version;
pub use golden::{Golden, Verdict};
pub use place::Foreign;
pub use record::RecordError;
pub use shared::NoPath;
pub use symbols::{Symbols, of_image};

/// What is traced.
pub struct Subject {
    /// The target's name, or the image's.
    pub name: String,
    /// How it is booted; the program's words are added.
    pub spec: BootSpec,
    /// The processor, by QEMU's name for it.
    pub cpu_model: String,
    /// The kernel's functions; none where nothing holds any.
    pub symbols: Option<Symbols>,
}

/// Why there is no path.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The plugin was not built, or lies elsewhere.
    #[error(
        "the trace plugin is not there: {path} (build it by `make trace-plugin`, or name it \
         with --plugin or {})",
        plugin::VARIABLE
    )]
    NoPlugin {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// QEMU refused the plugin or the processor, or was told to stop.
    #[error("{0}")]
    Engine(End),
    /// The guest did not get to its log's end.
    #[error("{end}; its console: {error}")]
    Boot {
        /// How the boot ended.
        end: End,
        /// What its console lacks.
        error: LogError,
    },
    /// Path and count contradict each other.
    #[error(
        "the path of {benchmark} holds {} instructions, and the exact method counted {} \
         in the same boot",
        .traced.0, .counted.map_or("no whole number".into(), |counted| counted.0.to_string())
    )]
    Disagree {
        /// The benchmark.
        benchmark: &'static str,
        /// Instructions between its marks.
        traced: Instructions,
        /// What nine tenths of its samples agree on.
        counted: Option<Instructions>,
    },
}

/// Boots a kernel, and finds the path of its system call. `say` hears what the path does
/// not show.
///
/// # Errors
///
/// The boot failed, its operations share no path, or the path's length is not what the
/// exact method counted.
pub fn trace(
    subject: &Subject,
    plugin: &Path,
    stop: &AtomicBool,
    say: &dyn Fn(&str),
) -> Result<Crossing> {
    let Subject {
        name,
        spec,
        cpu_model,
        symbols,
    } = subject;
    let boot =
        boot::boot(spec, cpu_model, plugin, stop).with_context(|| format!("no path of {name}"))?;
    let steps = place::steps(&boot.operation, symbols.as_ref())
        .with_context(|| format!("no path of {name}"))?;
    if boot.others > 0 {
        say(&format!(
            "{name}: {} of {} operations took another path, and are left out",
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
