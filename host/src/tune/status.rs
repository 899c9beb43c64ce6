//! How the machine is set up: one table, or JSON.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::cpus;
use super::journal::{JournalFolder, boot_id};
use super::latency;
use super::policy::{Khz, Policy};
use super::seen::Seen;
use crate::tree::Tree;

/// Everything that `tollgate tune status` shows.
#[derive(Debug, Serialize)]
pub struct Status {
    /// What was asked about; all CPUs where it is empty.
    cpus: Vec<usize>,
    /// The machine.
    #[serde(flatten)]
    seen: Seen,
    /// The shortest idle latency that anybody asks for, in µs.
    cpu_dma_latency_us: Option<u32>,
    /// What an earlier process left.
    leftover: Option<Leftover>,
}

/// A journal that is still there.
#[derive(Debug, Serialize)]
pub struct Leftover {
    journal: PathBuf,
    /// When it was written; `None` where it cannot be read.
    started: Option<Timestamp>,
    /// Whether the machine was started anew since, which undid everything.
    other_boot: bool,
}

impl Leftover {
    /// Looks for one.
    pub fn find(root: &Path) -> Option<Self> {
        let folder = JournalFolder::below(root);
        let header = folder.header().transpose()?.ok();
        let now = boot_id(&Tree::at(root)).unwrap_or_default();
        Some(Self {
            journal: folder.journal(),
            other_boot: header.as_ref().is_some_and(|header| header.boot_id != now),
            started: header.map(|header| header.started),
        })
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let journal = self.journal.display();
        match (self.started, self.other_boot) {
            (None, _) => write!(
                f,
                "{journal} cannot be read; tollgate tune restore says why"
            ),
            (Some(_), true) => write!(
                f,
                "{journal} is from before the last reboot, which undid it; the next tollgate tune \
                 puts it aside"
            ),
            (Some(started), false) => write!(
                f,
                "the machine has been tuned since {started:.0}, and not been put back: \
                 tollgate tune restore (journal: {journal})"
            ),
        }
    }
}

impl Status {
    /// Reads everything.
    pub fn read(root: &Path, cpus: &[usize]) -> Self {
        let files = Tree::at(root);
        let seen = Seen::read(&files);
        Self {
            cpus: cpus.to_vec(),
            seen,
            cpu_dma_latency_us: latency::limit_us(&files),
            leftover: Leftover::find(root),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.lines() {
            let _ = writeln!(text, "{name:<20} {value}");
        }
        if self.seen.has_cpufreq() {
            text.push('\n');
            text += &table(&self.seen.policies);
        }
        text
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let seen = &self.seen;
        let or_absent = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
        let mut lines = vec![
            ("CPUs online", cpus::list(&seen.online)),
            ("frequency", self.driver()),
            ("turbo", self.turbo()),
            ("SMT siblings", self.siblings()),
            ("interrupts", self.interrupts()),
            ("perf samples/s", or_absent(&seen.perf_sample_rate)),
            ("perf time, %", or_absent(&seen.perf_cpu_percent)),
            ("NMI watchdog", or_absent(&seen.nmi_watchdog)),
            ("idle latency limit", self.latency()),
        ];
        if let Some(leftover) = &self.leftover {
            lines.push(("journal", leftover.to_string()));
        }
        lines
    }

    fn driver(&self) -> String {
        let mut drivers: Vec<_> = self
            .seen
            .policies
            .iter()
            .map(|p| p.driver.to_string())
            .collect();
        drivers.dedup();
        match drivers.is_empty() {
            true => "no cpufreq policy: the hypervisor or the firmware sets the clock".into(),
            false => drivers.join(", "),
        }
    }

    fn turbo(&self) -> String {
        match (self.seen.no_turbo.as_deref(), self.seen.boost.as_deref()) {
            (Some("0"), _) => "on (intel_pstate/no_turbo is 0)".into(),
            (Some(_), _) => "off (intel_pstate/no_turbo is 1)".into(),
            (None, Some("0")) => "off (cpufreq/boost is 0)".into(),
            (None, Some(_)) => "on (cpufreq/boost is 1)".into(),
            (None, None) => "cannot be told: there is no switch".into(),
        }
    }

    fn siblings(&self) -> String {
        let asked = match self.cpus.is_empty() {
            true => &self.seen.online,
            false => &self.cpus,
        };
        let mut cores: Vec<_> = asked
            .iter()
            .filter_map(|cpu| self.seen.siblings.get(cpu))
            .collect();
        cores.retain(|core| core.len() > 1);
        cores.sort();
        cores.dedup();
        let cores: Vec<_> = cores.into_iter().map(|core| cpus::list(core)).collect();
        match cores.is_empty() {
            true => "none".into(),
            false => format!("{} share a core", cores.join("; ")),
        }
    }

    /// The interrupts that may come to the measuring CPUs.
    fn interrupts(&self) -> String {
        if self.cpus.is_empty() {
            return format!("{} in all (--cpus LIST shows whose)", self.seen.irqs.len());
        }
        let irqs = self.seen.irqs.iter();
        let here = irqs.filter(|(_, irq)| irq.cpus.iter().any(|cpu| self.cpus.contains(cpu)));
        let here: Vec<_> = here
            .map(|(number, irq)| match irq.handlers.is_empty() {
                true => number.to_string(),
                false => format!("{number} ({})", irq.handlers.join(", ")),
            })
            .collect();
        match here.is_empty() {
            true => "none on the measuring CPUs".into(),
            false => format!(
                "{} may come to the measuring CPUs: {}",
                here.len(),
                here.join(", ")
            ),
        }
    }

    fn latency(&self) -> String {
        match self.cpu_dma_latency_us {
            None => "cannot be read (run as root or with sudo)".into(),
            Some(latency::NO_LIMIT_US) => {
                "none (/dev/cpu_dma_latency; run --tune holds it at 0)".into()
            }
            Some(us) => format!("{us} µs (/dev/cpu_dma_latency)"),
        }
    }
}

fn table(policies: &[Policy]) -> String {
    const COLUMNS: [&str; 10] = [
        "policy",
        "CPUs",
        "driver",
        "governor",
        "min kHz",
        "max kHz",
        "now kHz",
        "non-turbo kHz",
        "boost",
        "preference",
    ];
    let khz = |value: Option<Khz>| value.map_or("–".into(), |khz| khz.to_string());
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(policies.iter().map(|policy| {
        [
            policy.name.clone(),
            cpus::list(&policy.cpus),
            policy.driver.to_string(),
            policy.governor.clone().unwrap_or_else(|| "–".into()),
            khz(policy.min),
            khz(policy.max),
            khz(policy.current),
            policy
                .non_turbo
                .map_or("cannot tell".into(), |top| top.khz.to_string()),
            policy.boost.clone().unwrap_or_else(|| "–".into()),
            policy.epp.clone().unwrap_or_else(|| "–".into()),
        ]
    }));
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|row| row.get(i));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..COLUMNS.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(i, (cell, &width))| match (4..9).contains(&i) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
