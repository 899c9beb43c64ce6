//! Boots the unfinished boots, and records how each of them went.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use host::cpus::Elsewhere;
use host::files::{self, FileError};
use jiff::Timestamp;
use vmm::End;

use super::{Event, Ready};
use crate::run::BootRecord;
use crate::run::targets::Bootable;
use crate::schedule::PlannedBoot;

impl Ready {
    /// Makes room for another try of each failed boot. The run is then not finished.
    pub(super) fn set_failed_aside(&mut self) -> Result<(), FileError> {
        let failed = self.failed()?;
        if failed.is_empty() {
            return Ok(());
        }
        self.manifest.ended = None;
        self.manifest.write(&self.run)?;
        for planned in failed {
            self.run.set_aside(&planned)?;
        }
        Ok(())
    }

    /// The boots that are finished but failed.
    pub(super) fn failed(&self) -> Result<Vec<PlannedBoot>, FileError> {
        let mut failed = Vec::new();
        for planned in self.finished() {
            let record: BootRecord =
                files::read_json(&self.run.record(planned), BootRecord::REMEDY)?;
            if record.end.is_fault() {
                failed.push(planned.clone());
            }
        }
        Ok(failed)
    }

    /// The boots that are finished.
    pub(super) fn finished(&self) -> impl Iterator<Item = &PlannedBoot> {
        let plan = self.manifest.plan.iter();
        plan.filter(|planned| self.run.is_finished(planned))
    }

    /// Boots the unfinished boots.
    pub(super) fn boot_all(
        &self,
        stop: &AtomicBool,
        watch: &dyn Fn(Event<'_>),
    ) -> Result<(), FileError> {
        for (position, planned) in self.manifest.plan.iter().enumerate() {
            if self.run.is_finished(planned) {
                watch(Event::Kept);
                continue;
            }
            let Some(target) = self.bootable(planned) else {
                continue;
            };
            watch(Event::Boots(planned));
            match self.boot(target, planned, position, stop)? {
                End::Interrupted => break,
                end => watch(Event::Ended(planned, &end)),
            }
        }
        Ok(())
    }

    fn bootable(&self, planned: &PlannedBoot) -> Option<&Bootable> {
        let mut targets = self.targets.iter();
        let target = targets.find(|target| target.id.name == planned.target);
        target?.boot.as_ref()
    }

    fn boot(
        &self,
        target: &Bootable,
        planned: &PlannedBoot,
        position: usize,
        stop: &AtomicBool,
    ) -> Result<End, FileError> {
        let started = Timestamp::now();
        let outcome = {
            let _off_the_measuring_cpus = Elsewhere::on(&target.others);
            target.engine.boot(&target.spec, &mut io::sink(), stop)
        };
        if outcome.end == End::Interrupted || stop.load(Ordering::Relaxed) {
            return Ok(End::Interrupted);
        }
        // The record comes last: if it exists, the console is complete.
        files::write(&self.run.console(planned), &outcome.console)?;
        let record = BootRecord {
            run: self.manifest.id.clone(),
            target: planned.target.clone(),
            boot: planned.boot,
            position,
            started,
            end: outcome.end,
            timings: outcome.timings,
            exits: outcome.exits,
            pages: outcome.pages,
            console_sha256: files::sha256(&outcome.console),
        };
        files::write_json(&self.run.record(planned), &record)?;
        Ok(record.end)
    }
}
