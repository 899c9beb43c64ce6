//! The kernel's counters from /proc.

use std::collections::BTreeMap;

use crate::process_stat::ProcessStat;
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

/// A process's name, and its user and system time.
pub fn process(stat: &str) -> Option<Process> {
    let stat = ProcessStat::parse(stat)?;
    Some(Process {
        name: stat.name.to_owned(),
        time: stat.number(14)?.saturating_add(stat.number(15)?),
    })
}

/// All lines except `ERR` and `MIS`, which are not per CPU. The first line names the columns:
/// CPUs that are offline have none.
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
