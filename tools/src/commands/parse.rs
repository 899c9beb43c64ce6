//! `tollgate parse`: from consoles to `samples.csv`, `counts.csv` and `boots.csv`.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use anyhow::{Result, bail};
use contract::{Fact, Method, SystemCall};
use csv::StringRecord;
use eval::facts::BootFacts;
use eval::log::{self, Log};
use eval::quads::{self, RunQuad, Unit};
use eval::rounds::{self, Round};
use eval::samples;
use vmm::End;

use crate::cli::RunFolderArgs;
use crate::exit::Code;
use host::files::{self, Damaged};
use runs::run::{BootRecord, BootRow, BootState, Gathered, Guests, Manifest, RunFolder};
use runs::schedule::PlannedBoot;

/// Parses every console of a run.
pub fn run(args: &RunFolderArgs) -> Result<Code> {
    let run = RunFolder::open(&args.run)?;
    let manifest = Manifest::read(&run)?;
    let mut rows = Vec::new();
    let mut known_rounds = Vec::new();
    let (mut counts, mut checks) = (Vec::new(), Vec::new());
    let mut gathered = Gathered::default();
    files::write_with(&run.samples(), |out| {
        let mut writer = samples::Writer::new(out).map_err(io::Error::other)?;
        for (position, planned) in manifest.plan.iter().enumerate() {
            let (row, log) = read_boot(&run, &manifest, planned, position);
            if let Some(log) = log {
                for sample in samples::of_log(Arc::from(&*planned.target), planned.boot, &log) {
                    writer.write(&sample).map_err(io::Error::other)?;
                }
                let (unit, of_boot) = quads::of_log(&planned.target, planned.boot, &log);
                match unit {
                    Unit::Instructions => counts.extend(of_boot),
                    Unit::Ticks => checks.extend(of_boot),
                }
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
    files::write_with(&run.boots(), |out| write_rows(out, &rows))?;
    let guests = gathered.finish();
    files::write_json(&run.guests(), &guests)?;
    guests
        .disagreements()
        .iter()
        .for_each(|line| tell!("{line}"));
    // With the manifest's hash, so that no table speaks of another machine.
    let made = [
        run.samples(),
        run.counts(),
        run.quads(),
        run.rounds(),
        run.boots(),
        run.guests(),
        run.manifest(),
    ];
    files::write_sums(&run.parse_sums(), &made)?;
    Ok(report(&run, &rows))
}

fn read_boot(
    run: &RunFolder,
    manifest: &Manifest,
    planned: &PlannedBoot,
    position: usize,
) -> (BootRow, Option<Log>) {
    let row = BootRow::not_run(&planned.target, planned.boot, position);
    if !run.is_finished(planned) && manifest.ended.is_none() {
        return (row, None);
    }
    match read_finished(run, &manifest.id, planned, position) {
        Ok((log, record)) => {
            let row = BootRow {
                state: BootState::Ok,
                samples: match log.method {
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

/// The log of a finished boot, or why it cannot be believed.
fn read_finished(
    run: &RunFolder,
    id: &str,
    planned: &PlannedBoot,
    position: usize,
) -> Result<(Log, BootRecord), String> {
    if !run.is_finished(planned) {
        return Err(format!(
            "{} is missing, though the run had ended; --resume the run, which boots again what is missing",
            run.record(planned).display()
        ));
    }
    let record: BootRecord = files::read_json(&run.record(planned), BootRecord::REMEDY)
        .map_err(|error| format!("{error:#}"))?;
    if record.run != id {
        return Err(format!(
            "{} is about a boot of another run; {}",
            run.record(planned).display(),
            BootRecord::REMEDY
        ));
    }
    if (&record.target, record.boot, record.position) != (&planned.target, planned.boot, position) {
        return Err(format!(
            "{} is about another boot, {} of {}; {}",
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
            "{error}; delete {} and --resume the run, which boots again what is missing",
            run.record(planned).display()
        )
    })?;
    if files::sha256(&console) != record.console_sha256 {
        return Err(at(&format!(
            "the console has changed since the boot; delete {} and --resume the run",
            run.record(planned).display()
        )));
    }
    // A guest that ended badly is the cause; what its log lacks is the consequence.
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
    // The names of the facts' columns are the contract's, and no field's.
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

/// What to do where a file that this stage made is damaged.
pub const AGAIN: &str = "make it again with `tollgate parse`";

/// Refuses samples that were parsed with another manifest than the run's.
pub fn check_manifest(run: &RunFolder) -> Result<()> {
    const SINCE: &str = "if it changed since, `tollgate parse` the run again";
    files::check_sum(&run.parse_sums(), &run.manifest(), SINCE)
}

/// Reads `guests.json` back.
pub fn read_guests(run: &RunFolder) -> Result<Guests> {
    let path = run.guests();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    files::read_json(&path, AGAIN)
}

/// Reads `boots.csv` back.
pub fn read_rows(run: &RunFolder) -> Result<Vec<BootRow>> {
    let path = run.boots();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    let mut reader = csv::Reader::from_reader(files::open(&path)?);
    let rows = reader.headers().cloned().and_then(|columns| {
        let records = reader.records();
        records.map(|row| read_row(&columns, &row?)).collect()
    });
    let damaged = |reason: String| Damaged {
        path: path.clone(),
        reason,
        remedy: AGAIN,
    };
    let rows: Vec<BootRow> = rows.map_err(|error: csv::Error| damaged(error.to_string()))?;
    let finished_since = |row: &BootRow| {
        let boot = PlannedBoot {
            target: row.target.clone(),
            boot: row.boot,
        };
        row.state == BootState::NotRun && run.is_finished(&boot)
    };
    match rows.iter().any(finished_since) {
        true => bail!(damaged("the run has gone on since".into())),
        false => Ok(rows),
    }
}

fn read_row(columns: &StringRecord, record: &StringRecord) -> Result<BootRow, csv::Error> {
    let mut row: BootRow = record.deserialize(Some(columns))?;
    let fact = |(fact, column)| {
        let place = columns.iter().position(|name| name == column)?;
        let text = record.get(place).filter(|text| !text.is_empty())?;
        let value = text.parse().map_err(|_| {
            let reason = format!("column `{column}`: {text:?} is not a whole number");
            csv::Error::from(io::Error::new(io::ErrorKind::InvalidData, reason))
        });
        Some(value.map(|value| (fact, value)))
    };
    row.facts = Fact::columns().filter_map(fact).collect::<Result<_, _>>()?;
    Ok(row)
}

/// Reads `counts.csv` or `quads.csv` back; nothing where an earlier version parsed the run.
pub fn read_quads(run: &RunFolder, unit: Unit) -> Result<Vec<RunQuad>> {
    let path = match unit {
        Unit::Instructions => run.counts(),
        Unit::Ticks => run.quads(),
    };
    if !files::has_sum(&run.parse_sums(), &path)? {
        return Ok(Vec::new());
    }
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    quads::read_csv(files::open(&path)?, unit).map_err(|error| {
        Damaged {
            path,
            reason: error.to_string(),
            remedy: AGAIN,
        }
        .into()
    })
}

/// Reads `rounds.csv` back.
pub fn read_rounds(run: &RunFolder) -> Result<Vec<Round>> {
    let path = run.rounds();
    files::check_sum(&run.parse_sums(), &path, AGAIN)?;
    rounds::read_csv(files::open(&path)?).map_err(|error| {
        Damaged {
            path,
            reason: error.to_string(),
            remedy: AGAIN,
        }
        .into()
    })
}

fn report(run: &RunFolder, rows: &[BootRow]) -> Code {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    for row in rows.iter().filter(|row| row.state == BootState::Failed) {
        tell!("{}, boot {}, failed: {}", row.target, row.boot, row.reason);
    }
    let (ok, failed) = (count(BootState::Ok), count(BootState::Failed));
    let not_run = count(BootState::NotRun);
    let samples: usize = rows.iter().map(|row| row.samples).sum();
    tell!(
        "{samples} samples of {ok} boots in {}; {failed} boots failed, {not_run} were not run",
        run.path().display()
    );
    match failed {
        0 => Code::Done,
        _ => Code::BootsFailed,
    }
}
