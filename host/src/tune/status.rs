//! The machine's settings: one table, or JSON.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::TuneError;
use super::boot::Since;
use super::cpus;
use super::idle;
use super::journal::JournalFolder;
use super::khz::Khz;
use super::policy::Policy;
use super::processes::Activity;
use super::say;
use super::seen::Seen;
use crate::core_files::{self, BOOST, NO_TURBO, TurboSwitch};
use crate::tree::Tree;

/// Everything that `tollgate tune status` shows.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// The CPUs in question; empty means all.
    cpus: Vec<usize>,
    /// The machine.
    #[serde(flatten)]
    seen: Seen,
    /// The shortest idle latency that any process requests, in µs.
    cpu_dma_latency_us: Option<u32>,
    /// The journal of an earlier process.
    leftover: Option<Leftover>,
}

/// A journal that still exists.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Leftover {
    journal: PathBuf,
    /// When it was written; `None` if it cannot be read.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    started: Option<Timestamp>,
    /// Whether the machine was rebooted since then, which undid everything.
    other_boot: bool,
}

impl Leftover {
    /// Looks for one.
    pub fn find(root: &Path) -> Option<Self> {
        let folder = JournalFolder::below(root);
        let header = folder.header().transpose()?.ok();
        let since = |header: &super::journal::Header| header.boot.since(&Tree::at(root)).ok();
        Some(Self {
            journal: folder.journal(),
            other_boot: header.as_ref().and_then(since) == Some(Since::Reboot),
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
                "{journal} cannot be read; tollgate tune restore shows the reason"
            ),
            (Some(_), true) => write!(
                f,
                "{journal} is from before the last reboot, which undid its settings; the next \
                 tollgate tune renames it"
            ),
            (Some(started), false) => f.write_str(&say::tuned_since(started, &self.journal)),
        }
    }
}

impl Status {
    /// Reads everything.
    ///
    /// # Errors
    ///
    /// One of the CPUs is not online.
    pub fn read(root: &Path, cpus: &[usize]) -> Result<Self, TuneError> {
        let files = Tree::at(root);
        let seen = Seen::read(&files);
        seen.check_online(cpus)?;
        Ok(Self {
            cpus: cpus.to_vec(),
            seen,
            cpu_dma_latency_us: idle::limit_us(&files),
            leftover: Leftover::find(root),
        })
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
            ("power", self.power()),
            ("SMT siblings", self.siblings()),
            ("interrupts", self.interrupts()),
            ("irqbalance", self.irqbalance()),
            ("perf samples/s", or_absent(&seen.perf_sample_rate)),
            ("perf time, %", or_absent(&seen.perf_cpu_percent)),
            ("NMI watchdog", or_absent(&seen.nmi_watchdog)),
            ("idle states", self.idle_states()),
            ("idle latency limit", self.latency()),
        ];
        if let (Some(min), Some(max)) = (&seen.min_perf_pct, &seen.max_perf_pct) {
            lines.push(("share of turbo, %", format!("{min} to {max}")));
        }
        if !seen.read_only.is_empty() {
            lines.push(("read-only", seen.read_only.join(", ")));
        }
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
        if drivers.is_empty() {
            "no cpufreq policy: the hypervisor or the firmware sets the clock".into()
        } else {
            drivers.join(", ")
        }
    }

    fn turbo(&self) -> String {
        let text = |file: &str| match file {
            NO_TURBO => self.seen.no_turbo.clone(),
            BOOST => self.seen.boost.clone(),
            _ => None,
        };
        let Some(TurboSwitch { is_on, file }) = core_files::turbo(&text) else {
            return "unknown: the machine does not have a switch".into();
        };
        let state = if is_on { "on" } else { "off" };
        let name = file.trim_start_matches("/sys/devices/system/cpu/");
        format!("{state} ({name} is {})", text(file).unwrap_or_default())
    }

    fn siblings(&self) -> String {
        let asked = if self.cpus.is_empty() {
            &self.seen.online
        } else {
            &self.cpus
        };
        let mut cores: Vec<_> = asked
            .iter()
            .filter_map(|cpu| self.seen.siblings.get(cpu))
            .collect();
        cores.retain(|core| core.len() > 1);
        cores.sort();
        cores.dedup();
        let cores: Vec<_> = cores.into_iter().map(|core| cpus::list(core)).collect();
        if cores.is_empty() {
            "none".into()
        } else {
            format!("{} share a core", cores.join("; "))
        }
    }

    /// The interrupts that may come to the measuring CPUs.
    fn interrupts(&self) -> String {
        if self.cpus.is_empty() {
            return format!(
                "{} in total (use --cpus LIST to see which affect those \
                CPUs)",
                self.seen.irqs.len()
            );
        }
        let irqs = self.seen.irqs.iter();
        let here = irqs.filter(|(_, irq)| irq.cpus.iter().any(|cpu| self.cpus.contains(cpu)));
        let here: Vec<_> = here
            .map(|(number, irq)| {
                if irq.handlers.is_empty() {
                    number.to_string()
                } else {
                    format!("{number} ({})", irq.handlers.join(", "))
                }
            })
            .collect();
        if here.is_empty() {
            "none on the measuring CPUs".into()
        } else {
            format!(
                "{} may come to the measuring CPUs: {}",
                here.len(),
                here.join(", ")
            )
        }
    }

    fn power(&self) -> String {
        let source = match self.seen.on_battery {
            Some(true) => "battery",
            Some(false) => "mains",
            None => "external power, as far as is known",
        };
        match &self.seen.platform_profile {
            Some(profile) => format!("{source}; platform profile {profile}"),
            None => source.into(),
        }
    }

    fn irqbalance(&self) -> String {
        let processes = self.seen.irqbalance.iter();
        let processes: Vec<_> = processes
            .map(|balancer| {
                let activity = match balancer.activity {
                    Activity::Runs => "moves interrupts",
                    Activity::Stopped => "is stopped",
                };
                format!("process {} {activity}", balancer.process.pid)
            })
            .collect();
        if processes.is_empty() {
            "not running".into()
        } else {
            processes.join("; ")
        }
    }

    /// The shallowest state of these CPUs, and their limit.
    fn idle_states(&self) -> String {
        let idle = self.seen.idle.iter();
        let asked = idle.filter(|(cpu, _)| self.cpus.is_empty() || self.cpus.contains(cpu));
        let mut words: Vec<_> = asked
            .map(|(_, idle)| {
                let shallowest = match &idle.shallowest {
                    Some(state) => format!("{} takes {} µs", state.name, state.latency_us),
                    None => return "none (the kernel does not have cpuidle states)".into(),
                };
                match idle.resume_latency_us.as_deref() {
                    None | Some("0") => format!("{shallowest}; deeper ones are allowed"),
                    Some("n/a") => format!("{shallowest}; only polling is allowed"),
                    Some(limit) => format!("{shallowest}; at most {limit} µs are allowed"),
                }
            })
            .collect();
        words.dedup();
        words.join("; ")
    }

    fn latency(&self) -> String {
        match self.cpu_dma_latency_us {
            None => "cannot be read (run as root or with sudo)".into(),
            Some(idle::NO_LIMIT_US) => "none (/dev/cpu_dma_latency)".into(),
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
                .map_or("unknown".into(), |top| top.khz.to_string()),
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
        let cells = cells.map(|(i, (cell, &width))| {
            if (4..9).contains(&i) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
