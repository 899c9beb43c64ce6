//! A run's numbers for other tools.

use eval::export::{self, Context};
use eval::summary::Summary;

use crate::run::{Manifest, RunError, RunFolder, parsed, processed};

/// A format of another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Go's benchmark format, for benchstat.
    Benchfmt,
    /// Bencher Metric Format.
    Bencher,
    /// Prometheus' text format.
    Prometheus,
}

/// A run in that format.
///
/// # Errors
///
/// The run was not processed, or one of its files is damaged.
pub fn export(run: &RunFolder, format: Format) -> Result<String, RunError> {
    let manifest = Manifest::read(run)?;
    parsed::check_manifest(run)?;
    let summary = processed::read_summary(run)?;
    let context = context(&manifest, &summary);
    Ok(match format {
        Format::Benchfmt => export::benchfmt(&summary, &context),
        Format::Bencher => format!("{:#}\n", export::bencher(&summary)),
        Format::Prometheus => {
            let ended = manifest
                .ended
                .map(|ended| ended.as_millisecond() as f64 / 1e3);
            export::prometheus(&summary, &context, ended)
        }
    })
}

fn context(manifest: &Manifest, summary: &Summary) -> Context {
    let (cpu, software) = (&manifest.machine.cpu, &manifest.machine.software);
    let identity = manifest
        .identity
        .as_ref()
        .map(|identity| identity.id.clone());
    let machines = summary
        .fleet
        .as_ref()
        .map(|fleet| fleet.machines.len().to_string());
    let known = [
        ("experiment", Some(manifest.experiment.clone())),
        ("tollgate", Some(manifest.tool.clone())),
        ("machine", identity),
        ("machines", machines),
        ("cpu", cpu.get("model name").cloned()),
        ("microcode", cpu.get("microcode").cloned()),
        ("kernel", software.get("kernel.release").cloned()),
        ("doctor", Some(manifest.doctor.name().to_owned())),
        ("incomplete", summary.info.incomplete.clone()),
    ];
    let known = known.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
