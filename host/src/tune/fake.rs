//! A kernel for tests: a tree of settings that behaves as Linux 6.12's cpufreq does (`cpufreq`
//! has the rules), refuses the writes that a test names, and can kill its caller at any write.

mod cpufreq;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::io::Errno;

use super::cpus;
use super::khz::Khz;
use super::sys::{Signal, Sys, Systemctl};
use crate::fake::UNREADABLE;

const CPU: &str = "/sys/devices/system/cpu";

/// The panic payload of [`Fake::write`] for a requested kill.
#[derive(Debug)]
pub struct Killed;

/// When a kill comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The write does not happen.
    Before,
    /// The write happens, but the caller does not get an answer.
    After,
}

/// The kernel.
#[derive(Default)]
pub struct Fake {
    /// The content of files; for limits and the set speed, the requested value.
    files: RefCell<BTreeMap<String, String>>,
    /// The original files, which describe the machine's abilities.
    machine: BTreeMap<String, String>,
    /// The preference that returns with the governor, by policy.
    saved_epp: RefCell<BTreeMap<String, String>>,
    offline: RefCell<BTreeSet<usize>>,
    refused: RefCell<BTreeMap<String, Errno>>,
    rounded: Cell<(u64, u64)>,
    clamped: Cell<Option<u64>>,
    throttled: Cell<Option<u64>>,
    growing: RefCell<Vec<String>>,
    kill: Cell<Option<(usize, Moment)>>,
    masked: Cell<bool>,
    written: RefCell<Vec<String>>,
}

impl Fake {
    /// The kernel of a machine with these files.
    pub fn new(files: BTreeMap<String, String>) -> Self {
        let fake = Self {
            machine: files.clone(),
            files: RefCell::new(files),
            ..Self::default()
        };
        fake.take_limits_for_requests();
        fake
    }

    /// From now on this file answers writes with an error.
    pub fn refuse(&self, path: &str, errno: Errno) {
        self.refused.borrow_mut().insert(path.to_owned(), errno);
    }

    /// From now on, no write is refused.
    pub fn allow(&self) {
        self.refused.borrow_mut().clear();
    }

    /// A limit of this frequency becomes that one.
    pub fn round(&self, from: u64, to: u64) {
        self.rounded.set((from, to));
    }

    /// Heat or firmware allows no more, and limits show it.
    pub fn clamp(&self, khz: Option<u64>) {
        self.clamped.set(khz);
    }

    /// Cores run no faster, and no setting shows it.
    pub fn throttle(&self, khz: Option<u64>) {
        self.throttled.set(khz);
    }

    /// This counter grows by one whenever a clock is measured.
    pub fn grow_while_measuring(&self, path: &str) {
        self.growing.replace(vec![path.to_owned()]);
    }

    /// A file appears.
    pub fn add(&self, path: &str, text: &str) {
        let mut files = self.files.borrow_mut();
        files.insert(path.to_owned(), text.to_owned());
    }

    /// A file goes.
    pub fn remove(&self, path: &str) {
        self.files.borrow_mut().remove(path);
    }

    /// Services cannot be started.
    pub fn mask_services(&self, are_masked: bool) {
        self.masked.set(are_masked);
    }

    /// The caller is ended at this write, counted from 0 and from now.
    pub fn kill_at(&self, write: usize, moment: Moment) {
        self.kill.set(Some((self.writes() + write, moment)));
    }

    /// Cancels the kill.
    pub fn spare(&self) {
        self.kill.set(None);
    }

    /// The files of all attempted writes, in order.
    pub fn written(&self) -> Vec<String> {
        self.written.borrow().clone()
    }

    /// The number of attempted writes.
    pub fn writes(&self) -> usize {
        self.written.borrow().len()
    }

    /// Everything as a reader finds it; in place of what cannot be read, why.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let paths: Vec<_> = self.files.borrow().keys().cloned().collect();
        let paths = paths.into_iter().filter(|path| !path.ends_with('/'));
        paths
            .map(|path| {
                let text = self.read(&path).unwrap_or_else(|error| error.to_string());
                (path, text)
            })
            .collect()
    }

    /// A write by somebody else, which is neither refused nor killed.
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
        }
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.get(path)?.parse().ok()
    }

    /// Whether the kernel takes the value.
    fn check(&self, path: &str, value: &str) -> Result<(), Errno> {
        if self.is_inactive(path) {
            return Err(Errno::BUSY);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_valid = match name {
            "smp_affinity_list" => cpus::parse(value).is_some(),
            "pm_qos_resume_latency_us" => value == "n/a" || value.parse::<u32>().is_ok(),
            _ => return self.check_cpufreq(path, value),
        };
        if is_valid { Ok(()) } else { Err(Errno::INVAL) }
    }

    /// The effects of the write on this file and others.
    fn take(&self, path: &str, value: &str) {
        match path.strip_suffix("/online") {
            Some(folder) => {
                self.put(path, value);
                self.hotplug(folder, value);
            }
            None => self.take_cpufreq(path, value),
        }
    }

    /// Interrupts leave a CPU that goes.
    fn hotplug(&self, folder: &str, online: &str) {
        let cpu = folder.trim_start_matches(&format!("{CPU}/cpu"));
        let cpu: usize = cpu.parse().unwrap();
        if online == "1" {
            self.offline.borrow_mut().remove(&cpu);
            self.policy_comes(cpu);
            return;
        }
        self.policy_goes(cpu);
        self.offline.borrow_mut().insert(cpu);
        let mut files = self.files.borrow_mut();
        let lists = files.iter_mut();
        for (path, list) in lists.filter(|(path, _)| path.ends_with("smp_affinity_list")) {
            let mut cpus = cpus::parse(list).unwrap();
            cpus.retain(|&other| other != cpu);
            assert!(
                !cpus.is_empty(),
                "{path} is moved by the kernel, to anywhere"
            );
            *list = cpus::list(&cpus);
        }
    }

    fn online(&self) -> String {
        let present = cpus::parse(&self.machine[&format!("{CPU}/present")]).unwrap();
        let offline = self.offline.borrow();
        let online = present.into_iter().filter(|cpu| !offline.contains(cpu));
        cpus::list(&online.collect::<Vec<_>>())
    }
}

/// Ends the caller without a word: no hook prints anything.
fn kill() -> ! {
    std::panic::resume_unwind(Box::new(Killed))
}

impl Sys for Fake {
    fn read(&self, path: &str) -> io::Result<String> {
        let text = self.get(path).ok_or(Errno::NOENT)?;
        if self.is_inactive(path) {
            return Err(Errno::BUSY.into());
        }
        if text == UNREADABLE {
            return Err(Errno::INVAL.into());
        }
        if path == format!("{CPU}/online") {
            return Ok(self.online());
        }
        Ok(self.read_cpufreq(path).unwrap_or(text))
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
        names.sort();
        names.dedup();
        names
    }

    fn clock(&self, cpu: usize) -> Option<Result<Khz, String>> {
        let khz = self.runs_at(cpu)?;
        for path in self.growing.borrow().iter() {
            let count = self.number(path).unwrap() + 1;
            self.put(path, &count.to_string());
        }
        Some(Ok(Khz(khz.min(self.throttled.get().unwrap_or(u64::MAX)))))
    }

    fn signal(&self, pid: u32, signal: Signal, is_it: &dyn Fn(&dyn Sys) -> bool) -> io::Result<()> {
        if !is_it(self) {
            return Err(Errno::SRCH.into());
        }
        let path = format!("/proc/{pid}/stat");
        let stat = self.get(&path).ok_or(Errno::SRCH)?;
        let stat = match signal {
            Signal::Stop => stat.replacen(") S ", ") T ", 1),
            Signal::Continue => stat.replacen(") T ", ") S ", 1),
        };
        self.put(&path, &stat);
        Ok(())
    }

    /// Its process goes with a service, and the next one has another number.
    fn systemctl(
        &self,
        what: Systemctl,
        service: &str,
        is_it: &dyn Fn(&dyn Sys) -> bool,
    ) -> io::Result<()> {
        if !is_it(self) {
            return Err(Errno::SRCH.into());
        }
        let name = service.trim_end_matches(".service");
        let mut files = self.files.borrow_mut();
        if what == Systemctl::Start && self.masked.get() {
            return Err(io::Error::other("Unit is masked."));
        }
        let machine = self.machine.iter();
        let (comm, _) = machine
            .filter(|(path, _)| path.starts_with("/proc/") && path.ends_with("/comm"))
            .find(|(_, comm)| *comm == name)
            .unwrap();
        let folder = comm.trim_end_matches("comm").to_owned();
        const NEXT: &str = "/proc/4711/";
        match what {
            Systemctl::Stop => {
                files.retain(|path, _| !path.starts_with(&folder) && !path.starts_with(NEXT));
            }
            Systemctl::Start => {
                let its = self.machine.iter();
                let its = its.filter_map(|(path, text)| Some((path.strip_prefix(&folder)?, text)));
                files.extend(its.map(|(file, text)| (format!("{NEXT}{file}"), text.clone())));
            }
        }
        Ok(())
    }
}
