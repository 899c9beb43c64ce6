//! From samples to `summary.csv` and `summary.json`.

mod host_effects;
mod machines;
mod method;
mod watches;

use std::collections::BTreeSet;
use std::io;

use contract::{Answer, Benchmark, Fact, Method, SystemCall};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::quads::Unit;
use eval::summary::{self, BootInfo, GuestCpu, Missing, RunInfo, TargetInfo, Tsc};
use eval::units::TscHz;
use eval::verdict::Finding;

use host::files;

use self::method::MethodChecks;
use crate::run::{
    BootRow, BootState, Guests, Manifest, RunError, RunFolder, TargetId, one_frequency, parsed,
};

/// Of merged runs.
const FREQUENCIES: &str = "The machines' time stamp counters run at different frequencies, so \
     that their ticks cannot be compared: compare ratios, and nanoseconds by machine.";

/// Computes a run's statistics, and writes them.
///
/// # Errors
///
/// The results of `parse` are missing, damaged, from another state of the run, or cannot be
/// summarised; or a file cannot be written.
pub fn process(run: &RunFolder) -> Result<(), RunError> {
    let manifest = Manifest::read(run)?;
    parsed::check_manifest(run)?;
    let rows = parsed::read_rows(run)?;
    let rounds = parsed::read_rounds(run)?;
    let quads = parsed::read_quads(run, Unit::Ticks)?;
    let guests = parsed::read_guests(run)?;
    let checks = MethodChecks::new(&manifest, &rows, &rounds, &quads, &guests);
    let levels = parsed::read_samples(run)?;
    let counts: Counts = parsed::read_quads(run, Unit::Instructions)?
        .iter()
        .collect();
    let targets = manifest
        .targets
        .iter()
        .map(|target| info(target, &rows, checks.of(target), &guests))
        .collect();
    let parts = manifest.read_parts(run)?;
    let measured = measured(&manifest, &levels, &counts);
    let mut info = run_info(&manifest, &rows, &measured);
    if !one_frequency(&parts) {
        info.tsc = None;
        info.notes.push(FREQUENCIES.into());
    }
    info.notes.extend(guests.disagreements());
    let mut summary = summary::summarize(info, targets, &boots(&rows), &levels, &counts)
        .map_err(RunError::Summary)?;
    summary.fleet = machines::fleet(&manifest, &parts, &summary);
    files::write_with(&run.summary(), |out| {
        summary::write_json(out, &summary).map_err(io::Error::other)
    })?;
    files::write_with(&run.summary_csv(), |out| {
        summary::write_csv(out, &summary).map_err(io::Error::other)
    })?;
    files::write_json(&run.watch_costs(), &watches::of_run(run, &manifest)?)?;
    // With the hash of the inputs, so that a later parse is noticed.
    let made = [
        run.summary(),
        run.summary_csv(),
        run.watch_costs(),
        run.parse_sums(),
    ];
    files::write_sums(&run.process_sums(), &made)?;
    Ok(())
}

/// What was timed or counted on each target, in the experiment's order.
type Measured<'m> = Vec<(&'m str, BTreeSet<Benchmark>)>;

fn measured<'m>(manifest: &'m Manifest, levels: &Levels, counts: &Counts) -> Measured<'m> {
    let names = manifest.targets.iter().map(|target| target.name.as_str());
    let of = |name| {
        let timed = levels.benchmarks(name).map(|(benchmark, _)| benchmark);
        let counted = counts.benchmarks(name).map(|(benchmark, _)| benchmark);
        (name, timed.chain(counted).collect())
    };
    names.map(of).collect()
}

fn run_info(manifest: &Manifest, rows: &[BootRow], measured: &Measured) -> RunInfo {
    let tsc = &manifest.machine.tsc;
    let finished = rows.iter().filter(|row| row.state != BootState::NotRun);
    RunInfo {
        experiment: manifest.experiment.clone(),
        incomplete: manifest.incomplete(finished.count()),
        tsc: Some(Tsc {
            hz: TscHz(tsc.hz()),
            source: tsc.source().to_owned(),
        }),
        notes: notes(manifest, rows, measured),
        doctor: Some(manifest.verdict()),
    }
}

/// What a reader must know before the first number.
fn notes(manifest: &Manifest, rows: &[BootRow], measured: &Measured) -> Vec<String> {
    let mut notes = Vec::new();
    let cpu = manifest.machine.cpu.get("model name");
    notes.push(format!(
        "{}, {}",
        cpu.map_or("unknown processor", String::as_str),
        manifest.started.strftime("%Y-%m-%d %H:%M UTC")
    ));
    let reasons: BTreeSet<_> = manifest.targets.iter().filter_map(reason).collect();
    notes.extend(reasons);
    notes.extend(
        SystemCall::ALL
            .into_iter()
            .filter_map(|call| without(call, measured)),
    );
    let not_run = rows
        .iter()
        .filter(|row| row.state == BootState::NotRun)
        .count();
    if not_run > 0 {
        notes.push(format!(
            "Unfinished: {not_run} of {} boots were not run.",
            rows.len()
        ));
    }
    notes
}

/// Which targets lack a system call, and what their rows are.
fn without(call: SystemCall, measured: &Measured) -> Option<String> {
    let works = Benchmark::of_call(call, Answer::Works)?;
    let refused = Benchmark::of_call(call, Answer::Enosys)?;
    let targets = measured
        .iter()
        .filter(|(_, benchmarks)| benchmarks.contains(&refused));
    let targets: Vec<_> = targets.map(|(target, _)| *target).collect();
    if targets.is_empty() {
        return None;
    }
    Some(format!(
        "Without system call {}: {}; \"{}\" is the cost of a refused call, a different path \
         through the kernel than \"{}\".",
        call.number(),
        targets.join(", "),
        refused.name(),
        works.name()
    ))
}

fn reason(target: &TargetId) -> Option<String> {
    let reason = target.engine_reason.as_ref()?;
    Some(format!("Engine: {}, because {reason}.", target.engine.name))
}

/// All boots in order of time.
fn boots(rows: &[BootRow]) -> Vec<BootInfo> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| row.position);
    let boot = |row: &BootRow| BootInfo {
        target: row.target.clone(),
        boot: row.boot,
        chain_ops: row.facts.get(Fact::ChainOps),
    };
    rows.into_iter().map(boot).collect()
}

fn info(target: &TargetId, rows: &[BootRow], checks: Vec<Finding>, guests: &Guests) -> TargetInfo {
    let count = |state| {
        let rows = rows.iter().filter(|row| row.target == target.name);
        rows.filter(|row| row.state == state).count() as u32
    };
    TargetInfo {
        name: target.name.clone(),
        label: target.label.clone(),
        method: Method::from_name(&target.method),
        engine: target.engine.name.to_string(),
        emulated: target.engine.emulated,
        counts_for: target.counts_for.clone(),
        cpu_model: target.engine.cpu_model.clone(),
        cpu_lacks: target.engine.cpu_lacks.clone(),
        guest: guests.targets.get(&target.name).and_then(|guest| {
            let facts = guest.same.iter();
            GuestCpu::of(facts.map(|(name, value)| (name.as_str(), value.as_str())))
        }),
        checks,
        missing: target.missing.as_ref().map(|hint| Missing {
            what: "no image".into(),
            hint: hint.clone(),
        }),
        boots_ok: count(BootState::Ok),
        boots_failed: count(BootState::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_a_kernel_lacks_is_explained() {
        let measured = vec![
            (
                "linux",
                BTreeSet::from([Benchmark::Scall, Benchmark::Getppid]),
            ),
            (
                "ring0",
                BTreeSet::from([Benchmark::Scall, Benchmark::GetppidEnosys]),
            ),
        ];
        assert_eq!(without(SystemCall::Noop, &measured), None);
        let note = without(SystemCall::Getppid, &measured);
        let expected = "Without system call 110: ring0; \"getppid-enosys\" is the cost of a \
                        refused call, a different path through the kernel than \"getppid\".";
        assert_eq!(note.as_deref(), Some(expected));
    }

    #[test]
    fn every_call_of_the_table_is_explained() {
        for call in SystemCall::ALL {
            let refused = Benchmark::of_call(call, Answer::Enosys).unwrap();
            let measured = vec![("guest", BTreeSet::from([refused]))];
            let note = without(call, &measured).unwrap();
            assert!(note.contains(&format!("\"{}\"", refused.name())), "{note}");
        }
    }
}
