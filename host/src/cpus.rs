//! Host CPUs: lists of them, and which of them this process may use.

use std::collections::BTreeSet;
use std::thread;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A CPU list is invalid, or names a CPU that this process may not use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuListError {
    /// Not of the form `1,4-7`.
    #[error("{0:?} is not a list of CPUs; write it like 1,4-7")]
    Syntax(String),
    /// The CPU is offline, absent, or not in our control group's set.
    #[error(
        "CPU {cpu} cannot be used: this process may only run on {} (fix: name some of these)",
        list(.allowed)
    )]
    NotAllowed {
        /// The CPU.
        cpu: usize,
        /// Those that may be used.
        allowed: Vec<usize>,
    },
}

/// CPUs on which this process runs by default, in ascending order.
pub fn allowed() -> Vec<usize> {
    match sched_getaffinity(None) {
        Ok(set) => (0..CpuSet::MAX_CPU)
            .filter(|&cpu| set.is_set(cpu))
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// The affinity mask for these CPUs, all of which this process may use.
pub fn mask(cpus: &[usize]) -> Result<CpuSet, CpuListError> {
    let usable = usable_of(cpus.iter().copied());
    let mut set = CpuSet::new();
    for &cpu in cpus {
        if !usable.contains(&cpu) {
            return Err(CpuListError::NotAllowed {
                cpu,
                allowed: self::usable(),
            });
        }
        set.set(cpu);
    }
    Ok(set)
}

/// CPUs to which the kernel lets this process move, in ascending order. Its affinity mask does
/// not contain isolated ones.
pub fn usable() -> Vec<usize> {
    usable_of(0..CpuSet::MAX_CPU)
}

/// Those CPUs to which the kernel lets this process move, tried by a separate thread.
fn usable_of(cpus: impl Iterator<Item = usize> + Send) -> Vec<usize> {
    let try_all = || cpus.filter(|&cpu| pin_thread(cpu).is_ok()).collect();
    thread::scope(|scope| scope.spawn(try_all).join().unwrap_or_default())
}

/// Pins the calling thread to that CPU.
pub fn pin_thread(cpu: usize) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    if cpu < CpuSet::MAX_CPU {
        set.set(cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Until this is dropped, the calling thread and the threads and processes that it starts run
/// on other CPUs.
pub struct Elsewhere(Option<CpuSet>);

impl Elsewhere {
    /// Moves to these CPUs; does not move if there are none.
    pub fn on(cpus: &[usize]) -> Self {
        let before = || {
            let before = sched_getaffinity(None).ok()?;
            sched_setaffinity(None, &mask(cpus).ok()?).ok()?;
            Some(before)
        };
        Self((!cpus.is_empty()).then(before).flatten())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // This fails only if the CPUs were taken from this process in the meantime.
            let _ = sched_setaffinity(None, before);
        }
    }
}

/// Reads a list of the kernel's form: `0`, `1,3`, `2-5,7`.
pub fn parse_list(list: &str) -> Result<Vec<usize>, CpuListError> {
    let syntax = || CpuListError::Syntax(list.to_owned());
    let number = |text: &str| match text.parse::<usize>() {
        Ok(cpu) if cpu < CpuSet::MAX_CPU => Ok(cpu),
        _ => Err(syntax()),
    };
    let mut cpus = BTreeSet::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(syntax());
        }
        cpus.extend(first..=last);
    }
    Ok(cpus.into_iter().collect())
}

/// Writes `0-3,7`.
pub fn list(cpus: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &cpu in cpus {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => runs.push((cpu, cpu)),
        }
    }
    let runs = runs.iter().map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    runs.collect::<Vec<_>>().join(",")
}

/// Reads a list of the kernel's command line, where `all` is every CPU, `N` the last, and
/// `0-31:1/2` the first of each two (Linux, kernel-parameters.rst, "cpu lists"). `None` if it
/// is not a list, or needs a last CPU that is unknown.
pub fn parse_parameter(list: &str, last: Option<usize>) -> Option<Vec<usize>> {
    let number = |text: &str| match text {
        "N" | "n" => last,
        _ => text
            .parse()
            .ok()
            .filter(|&cpu: &usize| cpu < CpuSet::MAX_CPU),
    };
    let mut cpus = BTreeSet::new();
    for part in list.split(',') {
        let (range, pattern) = match part.split_once(':') {
            Some((range, pattern)) => (range, Some(pattern)),
            None => (part, None),
        };
        let (first, end) = match range {
            "all" => (0, last?),
            _ => {
                let (first, end) = range.split_once('-').unwrap_or((range, range));
                (number(first)?, number(end)?)
            }
        };
        let (used, group) = match pattern {
            None => (1, 1),
            Some(pattern) => {
                let (used, group) = pattern.split_once('/')?;
                (used.parse().ok()?, group.parse().ok()?)
            }
        };
        if first > end || group == 0 || used > group {
            return None;
        }
        cpus.extend((first..=end).filter(|cpu| (cpu - first) % group < used));
    }
    Some(cpus.into_iter().collect())
}

/// Reads a mask of the kernel's form: `f`, `00000000,0000000c`.
pub fn parse_mask(mask: &str) -> Option<Vec<usize>> {
    let digits: Vec<u32> = mask
        .chars()
        .filter(|c| *c != ',')
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    let digits = digits.iter().rev().enumerate();
    let cpus = digits.flat_map(|(place, digit)| {
        let bits = (0..4).filter(move |bit| digit >> bit & 1 == 1);
        bits.map(move |bit| 4 * place + bit)
    });
    Some(cpus.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_reads_them() {
        assert_eq!(parse_list("3"), Ok(vec![3]));
        assert_eq!(parse_list("7,2-4,3"), Ok(vec![2, 3, 4, 7]));
        for bad in ["", "a", "1,", "4-2", "1-", "-1", "99999999999", "1 2"] {
            assert_eq!(
                parse_list(bad),
                Err(CpuListError::Syntax(bad.into())),
                "{bad}"
            );
        }
    }

    #[test]
    fn lists_of_the_command_line_have_more_forms() {
        let parse = |list| parse_parameter(list, Some(7));
        assert_eq!(parse("1-N"), Some(vec![1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(parse("0-7:1/2"), Some(vec![0, 2, 4, 6]));
        assert_eq!(parse("0-7:3/4,N"), Some(vec![0, 1, 2, 4, 5, 6, 7]));
        assert_eq!(parse("all"), Some((0..8).collect()));
        assert_eq!(parse("2,4-5"), Some(vec![2, 4, 5]));
        for bad in ["", "x", "3-1", "0-7:1/0", "0-7:3/2", "nohz,1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse_parameter("1-N", None), None);
    }

    #[test]
    fn masks_are_read_from_the_right() {
        assert_eq!(parse_mask("c"), Some(vec![2, 3]));
        assert_eq!(parse_mask("1,00000001"), Some(vec![0, 32]));
        assert_eq!(parse_mask("0"), Some(vec![]));
        assert_eq!(parse_mask("(null)"), None);
    }

    #[test]
    fn cpus_outside_of_our_mask_can_be_used() {
        let all = allowed();
        let [first, .., last] = all[..] else { return };
        let masked = || {
            pin_thread(first).unwrap();
            assert_eq!(allowed(), [first]);
            mask(&[last]).is_ok() && allowed() == [first]
        };
        assert!(thread::scope(|scope| scope.spawn(masked).join().unwrap()));
    }

    #[test]
    fn a_thread_is_elsewhere_for_a_while_and_so_is_what_it_starts() {
        let there_and_back = || {
            let all = allowed();
            let last = [*all.last().unwrap()];
            {
                let _elsewhere = Elsewhere::on(&last);
                assert_eq!(allowed(), last);
                thread::scope(|scope| scope.spawn(|| assert_eq!(allowed(), last)).join()).unwrap();
            }
            assert_eq!(allowed(), all);
            let _nowhere = Elsewhere::on(&[]);
            assert_eq!(allowed(), all);
        };
        thread::scope(|scope| scope.spawn(there_and_back).join().unwrap());
    }

    #[test]
    fn only_our_own_cpus_can_be_used() {
        assert!(mask(&allowed()).is_ok());
        assert!(matches!(
            mask(&[1023]),
            Err(CpuListError::NotAllowed { cpu: 1023, .. })
        ));
    }
}
