//! A kernel for tests: a tree of settings that behaves as cpufreq does, refuses what
//! it is told to, and can end its caller at any write.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;

use super::cpus;
use super::sys::Sys;
use crate::fake::UNREADABLE;

const CPU: &str = "/sys/devices/system/cpu";

/// What a panic of [`Fake::write`] carries where a kill was asked for.
#[derive(Debug)]
pub struct Killed;

/// When a kill comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The write does not happen.
    Before,
    /// The write happens, and nobody hears of it.
    After,
}

/// The kernel.
#[derive(Default)]
pub struct Fake {
    files: RefCell<BTreeMap<String, String>>,
    /// Limits as they were written; what is shown is clamped.
    asked: RefCell<BTreeMap<String, String>>,
    /// Files of CPUs that are offline.
    offline: RefCell<BTreeMap<String, String>>,
    refused: RefCell<BTreeMap<String, Errno>>,
    rounded: Cell<(u64, u64)>,
    kill: Cell<Option<(usize, Moment)>>,
    written: RefCell<Vec<String>>,
}

impl Fake {
    /// The kernel of a machine with these files.
    pub fn new(files: BTreeMap<String, String>) -> Self {
        Self {
            asked: RefCell::new(files.clone()),
            files: RefCell::new(files),
            ..Self::default()
        }
    }

    /// From now on this file answers writes with an error.
    pub fn refuse(&self, path: &str, errno: Errno) {
        self.refused.borrow_mut().insert(path.to_owned(), errno);
    }

    /// Nothing is refused any more.
    pub fn allow(&self) {
        self.refused.borrow_mut().clear();
    }

    /// A limit of this frequency becomes that one.
    pub fn round(&self, from: u64, to: u64) {
        self.rounded.set((from, to));
    }

    /// The caller is ended at this write, counted from 0 and from now.
    pub fn kill_at(&self, write: usize, moment: Moment) {
        self.kill.set(Some((self.writes() + write, moment)));
    }

    /// No kill any more.
    pub fn spare(&self) {
        self.kill.set(None);
    }

    /// The files that somebody tried to write, in that order.
    pub fn written(&self) -> Vec<String> {
        self.written.borrow().clone()
    }

    /// How often somebody tried to write.
    pub fn writes(&self) -> usize {
        self.written.borrow().len()
    }

    /// Everything as a reader finds it.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let files = self.files.borrow();
        let paths = files.keys().filter(|path| !path.ends_with('/'));
        paths
            .map(|path| {
                (
                    path.clone(),
                    self.read(path).unwrap_or_else(|e| e.to_string()),
                )
            })
            .collect()
    }

    /// Somebody else writes; nothing is refused, and no kill comes.
    pub fn set(&self, path: &str, value: &str) {
        self.take(path, value);
    }

    /// The same, if the kernel takes the value.
    pub fn check_and_set(&self, path: &str, value: &str) -> bool {
        let is_taken = self.check(path, value).is_ok();
        if is_taken {
            self.take(path, value);
        }
        is_taken
    }

    fn get(&self, path: &str) -> Option<String> {
        self.files.borrow().get(path).cloned()
    }

    fn put(&self, path: &str, value: &str) {
        if let Some(file) = self.files.borrow_mut().get_mut(path) {
            value.clone_into(file);
            self.asked
                .borrow_mut()
                .insert(path.to_owned(), value.to_owned());
        }
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.get(path)?.parse().ok()
    }

    /// The greatest frequency that a policy shows now: turbo counts only while it is on.
    fn limit(&self, folder: &str) -> u64 {
        let max = self
            .number(&format!("{folder}/cpuinfo_max_freq"))
            .unwrap_or(u64::MAX);
        let driver = self
            .get(&format!("{folder}/scaling_driver"))
            .unwrap_or_default();
        let off = match driver.as_str() {
            "intel_pstate" | "intel_cpufreq" => {
                self.get(&format!("{CPU}/intel_pstate/no_turbo")).as_deref() == Some("1")
            }
            "amd-pstate" | "amd-pstate-epp" => {
                self.get(&format!("{folder}/boost")).as_deref() == Some("0")
            }
            _ => false,
        };
        let base = self.number(&format!("{folder}/base_frequency"));
        let cpu = folder
            .rsplit_once("policy")
            .map_or("0", |(_, number)| number);
        let nominal = self.number(&format!("{CPU}/cpu{cpu}/acpi_cppc/nominal_freq"));
        match (off, base.or(nominal.map(|mhz| mhz * 1000))) {
            (true, Some(base)) => base,
            _ => max,
        }
    }

    /// Whether the kernel takes the value.
    fn check(&self, path: &str, value: &str) -> Result<(), Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let beside = |name: &str| self.read(&format!("{folder}/{name}")).unwrap_or_default();
        let number = |text: String| text.parse::<u64>().unwrap_or(0);
        let is_valid = match name {
            "scaling_governor" => beside("scaling_available_governors")
                .split(' ')
                .any(|governor| governor == value),
            "energy_performance_preference" => {
                if beside("scaling_governor") == "performance" && value != "performance" {
                    return Err(Errno::BUSY);
                }
                true
            }
            "scaling_max_freq" => number(value.into()) >= number(beside("scaling_min_freq")),
            "scaling_min_freq" => number(value.into()) <= number(beside("scaling_max_freq")),
            "scaling_setspeed" => beside("scaling_governor") == "userspace",
            // Whatever is written, 0 as well.
            "boost" if folder.ends_with(|c: char| c.is_ascii_digit()) => {
                self.get(&format!("{CPU}/cpufreq/boost")).as_deref() != Some("0")
            }
            "smp_affinity_list" => cpus::parse(value).is_some(),
            _ => true,
        };
        match is_valid {
            true => Ok(()),
            false => Err(Errno::INVAL),
        }
    }

    /// What the write changes, here and elsewhere.
    fn take(&self, path: &str, value: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let beside = |name: &str| format!("{folder}/{name}");
        if name == "scaling_governor" {
            let epp = beside("energy_performance_preference");
            let asked = self.asked.borrow().get(&epp).cloned();
            self.put(path, value);
            // Under `performance` the preference shows so, and comes back afterwards.
            let own = self.get(&beside("scaling_driver"));
            let shown = match value {
                "performance" if own.as_deref() != Some("intel_cpufreq") => {
                    Some("performance".to_owned())
                }
                _ => asked,
            };
            if let (Some(file), Some(shown)) = (self.files.borrow_mut().get_mut(&epp), shown) {
                *file = shown;
            }
            let speed = match value {
                "userspace" => self.get(&beside("scaling_cur_freq")).unwrap_or_default(),
                _ => "<unsupported>".into(),
            };
            self.put(&beside("scaling_setspeed"), &speed);
            return;
        }
        let (from, to) = self.rounded.get();
        let is_rounded = is_limit(name) && value.parse() == Ok(from);
        let to = to.to_string();
        self.put(path, if is_rounded { &to } else { value });
        match name {
            "boost" if folder == format!("{CPU}/cpufreq") => {
                for policy in self.names(folder) {
                    self.put(&format!("{folder}/{policy}/boost"), value);
                    self.reset_max(&format!("{folder}/{policy}"));
                }
            }
            "boost" => self.reset_max(folder),
            "online" => self.hotplug(folder, value),
            _ => {}
        }
    }

    /// amd_pstate sets the limit anew whenever boost changes.
    fn reset_max(&self, folder: &str) {
        let driver = self
            .get(&format!("{folder}/scaling_driver"))
            .unwrap_or_default();
        if driver.starts_with("amd-pstate") {
            let max = self.limit(folder).to_string();
            self.put(&format!("{folder}/scaling_max_freq"), &max);
        }
    }

    /// A policy comes and goes with its last CPU, and interrupts leave a CPU that goes.
    fn hotplug(&self, folder: &str, online: &str) {
        let cpu = folder.trim_start_matches(&format!("{CPU}/cpu"));
        let policy = format!("{CPU}/cpufreq/policy{cpu}/");
        let own = self.get(&format!("{policy}affected_cpus"));
        let (mut files, mut offline) = (self.files.borrow_mut(), self.offline.borrow_mut());
        if online == "1" {
            files.append(&mut offline.split_off(&policy));
            return;
        }
        if own.as_deref() == Some(cpu) {
            let gone = files.extract_if(.., |path, _| path.starts_with(&policy));
            offline.extend(gone.collect::<Vec<_>>());
        }
        let cpu: usize = cpu.parse().unwrap();
        for (path, list) in files
            .iter_mut()
            .filter(|(path, _)| path.ends_with("smp_affinity_list"))
        {
            let mut cpus = cpus::parse(list).unwrap();
            cpus.retain(|&other| other != cpu);
            assert!(
                !cpus.is_empty(),
                "{path} is moved by the kernel, to anywhere"
            );
            *list = cpus::list(&cpus);
        }
    }
}

fn is_limit(name: &str) -> bool {
    matches!(name, "scaling_max_freq" | "scaling_min_freq")
}

/// Ends the caller without a word: no hook prints anything.
fn kill() -> ! {
    std::panic::resume_unwind(Box::new(Killed))
}

impl Sys for Fake {
    fn read(&self, path: &str) -> io::Result<String> {
        let shown = self.get(path).ok_or(Errno::NOENT)?;
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if shown == UNREADABLE {
            return Err(Errno::INVAL.into());
        }
        if !is_limit(name) {
            return Ok(shown);
        }
        let asked: u64 = shown.parse().unwrap();
        Ok(asked.min(self.limit(folder)).to_string())
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        let n = self.writes();
        self.written.borrow_mut().push(path.to_owned());
        if self.kill.get() == Some((n, Moment::Before)) {
            kill();
        }
        if self.get(path).is_none() {
            return Err(Errno::NOENT.into());
        }
        if let Some(&errno) = self.refused.borrow().get(path) {
            return Err(errno.into());
        }
        self.check(path, value)?;
        self.take(path, value);
        if self.kill.get() == Some((n, Moment::After)) {
            kill();
        }
        Ok(())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let files = self.files.borrow();
        let below = files
            .keys()
            .filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
        let mut names: Vec<_> = below
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        names
    }
}
