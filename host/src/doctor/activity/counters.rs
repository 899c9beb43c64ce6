//! The kernel's counters from /proc.

use std::collections::BTreeMap;

use crate::tree::Tree;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The name of its program.
    pub name: String,
    /// Its time in USER_HZ.
    pub time: u64,
}

/// Interrupts so far: by line, and CPU. A device's line is its number and its name
/// (`24 nvme0q1`), any other a word (`LOC`, the local timer).
pub type Interrupts = BTreeMap<String, BTreeMap<usize, u64>>;

/// All processes, by their numbers.
pub fn processes(tree: &Tree) -> BTreeMap<u32, Process> {
    let names = tree.names("/proc").into_iter();
    names
        .filter_map(|name| {
            let id = name.parse().ok()?;
            Some((id, process(&tree.text(&format!("/proc/{id}/stat"))?)?))
        })
        .collect()
}

/// /proc/PID/stat: the name in brackets, which may contain brackets itself; then, from the
/// state on, user and system time as the 12th and 13th field.
pub fn process(stat: &str) -> Option<Process> {
    let (_, rest) = stat.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    let mut time = || times.next()?.parse::<u64>().ok();
    Some(Process {
        name: name.to_owned(),
        time: time()?.saturating_add(time()?),
    })
}

/// All lines but `ERR` and `MIS`, which count for no CPU. The first line names the columns: CPUs
/// that are offline have none.
pub fn interrupts(text: &str) -> Interrupts {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().split_whitespace();
    let cpus: Vec<usize> = header
        .filter_map(|word| word.strip_prefix("CPU")?.parse().ok())
        .collect();
    lines
        .filter_map(|line| {
            let (line, rest) = line.split_once(':')?;
            let line = line.trim();
            let counts = rest.split_whitespace().map_while(|w| w.parse().ok());
            let counts: BTreeMap<_, _> = cpus.iter().copied().zip(counts).collect();
            let device = rest.split_whitespace().last()?;
            let name = match line.parse::<u32>() {
                Ok(number) => format!("{number} {device}"),
                Err(_) => line.to_owned(),
            };
            (counts.len() == cpus.len()).then_some((name, counts))
        })
        .collect()
}
