//! From consoles to `samples.csv`, `counts.csv` and `boots.csv`.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use contract::{Method, SystemCall};
use eval::facts::BootFacts;
use eval::log::{self, Log};
use eval::quads::{self, Unit};
use eval::rounds;
use eval::samples;
use eval::watches;
use vmm::End;

use host::files;

use crate::run::{BootRecord, BootRow, BootState, Gathered, Manifest, Placed, RunError, RunFolder};
use crate::schedule::PlannedBoot;

/// The result of parsing.
pub struct Parsed {
    /// Every planned boot.
    pub boots: Vec<BootRow>,
    /// A line for each target whose boots were not alike.
    pub disagreements: Vec<String>,
}

impl Parsed {
    /// How many boots are in that state.
    pub fn count(&self, state: BootState) -> usize {
        self.boots.iter().filter(|boot| boot.state == state).count()
    }
}

/// Parses every console of a run, and writes what the later stages read.
///
/// # Errors
///
/// The manifest cannot be read, or a file cannot be written. A console that cannot be used
/// makes its boot a failed one.
pub fn parse(run: &RunFolder) -> Result<Parsed, RunError> {
    let manifest = Manifest::read(run)?;
    let mut rows = Vec::new();
    let mut known_rounds = Vec::new();
    let (mut counts, mut checks, mut watched) = (Vec::new(), Vec::new(), Vec::new());
    let mut gathered = Gathered::default();
    files::write_with(&run.samples(), |out| {
        let mut writer = samples::Writer::new(out).map_err(io::Error::other)?;
        for (position, planned) in manifest.plan.iter().enumerate() {
            let (row, log) = read_boot(run, &manifest, planned, position);
            if let Some(log) = log {
                for sample in samples::of_log(Arc::from(&*planned.target), planned.boot, &log) {
                    writer.write(&sample).map_err(io::Error::other)?;
                }
                let (unit, of_boot) = quads::of_log(&planned.target, planned.boot, &log);
                match unit {
                    Unit::Instructions => counts.extend(of_boot),
                    Unit::Ticks => checks.extend(of_boot),
                }
                watched.extend(watches::of_log(&planned.target, planned.boot, &log));
                known_rounds.extend(rounds::of_log(&planned.target, planned.boot, &log));
                gathered.add(&planned.target, planned.boot, &log.meta);
            }
            rows.push(row);
        }
        writer.finish().map_err(io::Error::other)?;
        Ok(())
    })?;
    files::write_with(&run.rounds(), |out| {
        rounds::write_csv(out, known_rounds).map_err(io::Error::other)
    })?;
    for (path, unit, quads) in [
        (run.counts(), Unit::Instructions, &counts),
        (run.quads(), Unit::Ticks, &checks),
    ] {
        files::write_with(&path, |out| {
            quads::write_csv(out, unit, quads).map_err(io::Error::other)
        })?;
    }
    files::write_with(&run.watches(), |out| {
        watches::write_csv(out, &watched).map_err(io::Error::other)
    })?;
    files::write_with(&run.boots(), |out| write_rows(out, &rows))?;
    let guests = gathered.finish();
    files::write_json(&run.guests(), &guests)?;
    // With the manifest's hash, so that no table describes another machine.
    let made = [
        run.samples(),
        run.counts(),
        run.quads(),
        run.rounds(),
        run.watches(),
        run.boots(),
        run.guests(),
        run.manifest(),
    ];
    files::write_sums(&run.parse_sums(), &made)?;
    Ok(Parsed {
        boots: rows,
        disagreements: guests.disagreements(),
    })
}

fn read_boot(
    run: &RunFolder,
    manifest: &Manifest,
    planned: &PlannedBoot,
    position: usize,
) -> (BootRow, Option<Log>) {
    let row = BootRow::not_run(&planned.target, planned.boot, position);
    let placed = manifest.place(run, position, planned);
    if !placed.run.is_finished(&placed.planned) && manifest.ended.is_none() {
        return (row, None);
    }
    match read_finished(&placed) {
        Ok((log, record)) => {
            let row = BootRow {
                state: BootState::Ok,
                samples: match log.method {
                    _ if !log.watches.is_empty() => {
                        log.watches.iter().map(|watch| watch.slopes.len()).sum()
                    }
                    Some(Method::Exact) => log.quads.len(),
                    _ => log.samples.len(),
                },
                syscall_500: log
                    .answer(SystemCall::Noop)
                    .map(|answer| SystemCall::Noop.answered(answer))
                    .unwrap_or_default()
                    .to_owned(),
                facts: BootFacts::of_log(&log),
                guest_pages: record
                    .pages
                    .map(|pages| pages.to_string())
                    .unwrap_or_default(),
                kvm_page_faults: record.kvm_page_faults(),
                seconds: record.timings.ended.as_secs_f64(),
                ..row
            };
            (row, Some(log))
        }
        Err(reason) => {
            let row = BootRow {
                state: BootState::Failed,
                reason,
                ..row
            };
            (row, None)
        }
    }
}

/// The log of a finished boot, or why it cannot be used.
fn read_finished(placed: &Placed) -> Result<(Log, BootRecord), String> {
    let Placed {
        run,
        id,
        planned,
        position,
    } = placed;
    if !run.is_finished(planned) {
        return Err(format!(
            "{} is missing, although the run had finished; resume the run with --resume, which repeats missing boots",
            run.record(planned).display()
        ));
    }
    let record: BootRecord = files::read_json(&run.record(planned), BootRecord::REMEDY)
        .map_err(|error| format!("{error:#}"))?;
    if record.run != *id {
        return Err(format!(
            "{} belongs to another run; {}",
            run.record(planned).display(),
            BootRecord::REMEDY
        ));
    }
    if (&record.target, record.boot, record.position) != (&planned.target, planned.boot, *position)
    {
        return Err(format!(
            "{} belongs to another boot, {} of {}; {}",
            run.record(planned).display(),
            record.boot,
            record.target,
            BootRecord::REMEDY
        ));
    }
    let path = run.console(planned);
    let at = |why: &dyn Display| format!("{}: {why}", path.display());
    let console = files::read(&path).map_err(|error| {
        format!(
            "{error}; delete {} and resume the run with --resume, which repeats missing boots",
            run.record(planned).display()
        )
    })?;
    if files::sha256(&console) != record.console_sha256 {
        return Err(at(&format!(
            "the console has changed since the boot; delete {} and resume the run with --resume",
            run.record(planned).display()
        )));
    }
    // The failure of the guest is the cause; what its log lacks is the consequence.
    if record.end.is_fault() {
        return Err(at(&end_and_log(&record.end, &console)));
    }
    let log = log::parse(&console).map_err(|error| at(&error))?;
    Ok((log, record))
}

fn end_and_log(end: &End, console: &[u8]) -> String {
    match log::parse(console) {
        Ok(_) => end.to_string(),
        Err(error) => format!("{end} ({error})"),
    }
}

fn write_rows(out: &mut dyn io::Write, rows: &[BootRow]) -> io::Result<()> {
    // The names of the facts' columns are in the contract, not in a field.
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(out);
    if !rows.is_empty() {
        writer.write_record(BootRow::columns())?;
    }
    for row in rows {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    writer.flush()
}
