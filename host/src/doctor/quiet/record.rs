//! Records quiet moments:
//!
//!     cargo test --release -p host record_quiet -- --ignored --nocapture
//!
//! It waits for moments in which the machine is idle, records each, and refuses it if others used
//! the machine meanwhile, and counts what it refused. It never looks at a verdict: a recording is
//! refused for what the kernel's counters say of others, not for the doctor's verdict on it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Files, Recording};
use crate::cpu_time;
use crate::cpus;
use crate::doctor::activity::messages::Messages;
use crate::doctor::activity::{Activity, Snapshot};
use crate::doctor::counter::{Counter, Processor};
use crate::doctor::{NOISE_TEST, calls, checks, clocks, explain, noise};
use crate::tree::Tree;

/// So many recordings are wanted, and the search for them ends after this time.
const WANTED: usize = 20;
const PATIENCE: Duration = Duration::from_secs(3600);
/// A machine is quiet if others use less of a CPU than this, before and during the recording,
/// and if no time is stolen.
const OTHERS: f64 = 0.05;
/// How long it has to be quiet before a recording begins.
const BEFORE: Duration = Duration::from_millis(500);

/// Files that differ from one recording to the next.
const COUNTERS: [&str; 2] = ["/proc/stat", "/proc/interrupts"];

/// Parameters of the kernel that checks look for.
const READ: [&str; 7] = [
    "isolcpus",
    "nohz",
    "rcu_nocb",
    "audit",
    "mitigations",
    "no-steal-acc",
    "kthread_cpus",
];

#[test]
#[ignore = "waits up to an hour for a quiet machine and writes into the sources"]
fn record_quiet() {
    let tree = Tree::default();
    let folder = folder();
    fs::create_dir_all(&folder).unwrap();
    let cpu = *cpus::allowed().last().unwrap();
    fs::write(folder.join("machine.json"), machine(&tree, cpu)).unwrap();
    let begin = Instant::now();
    let (mut kept, mut waited, mut load, mut steal) = (Vec::new(), 0, 0, 0);
    while kept.len() < WANTED && begin.elapsed() < PATIENCE {
        if others_now(&tree, BEFORE) > OTHERS {
            waited += 1;
            continue;
        }
        let recording = record(&tree, cpu);
        if recording.others > OTHERS {
            load += 1;
        } else if recording.stolen > 0.0 {
            steal += 1;
        } else {
            kept.push(serde_json::to_string(&recording).unwrap());
            write(&folder.join(FILE), &(kept.join("\n") + "\n"));
        }
        println!(
            "{} kept; refused: {load} for load, {steal} for stolen time; {waited} times half a \
             second of load before; {:.0} s",
            kept.len(),
            begin.elapsed().as_secs_f64()
        );
    }
    assert_eq!(
        kept.len(),
        WANTED,
        "the machine was not quiet for long enough"
    );
}

/// Where recordings lie, one on each line.
pub const FILE: &str = "quiet.jsonl.gz";

fn write(path: &Path, text: &str) {
    let mut file = GzEncoder::new(fs::File::create(path).unwrap(), Compression::best());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap();
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor/quiet/recordings")
}

/// CPUs that are busy while this thread sleeps.
fn others_now(tree: &Tree, time: Duration) -> f64 {
    let read = || cpu_time::of_each_cpu(&tree.text("/proc/stat").unwrap());
    let before = read();
    thread::sleep(time);
    let busy = cpu_time::shares(&before, &read(), |time| time.busy);
    busy.values().sum()
}

fn record(tree: &Tree, cpu: usize) -> Recording {
    let at = jiff::Timestamp::now();
    let whole = Snapshot::take(tree, &[cpu]);
    let load = tree.text("/proc/loadavg").unwrap();
    let mut load = load.split(' ').map(|load| load.parse().unwrap());
    let load = std::array::from_fn(|_| load.next().unwrap());
    let counter = Counter::measure(Some(cpu), &cpus::allowed());
    let mut bursts = calls::cost::bursts(cpu);
    let heard = Messages::listen(tree);
    let before = counters(tree);
    let own = || tree.text("/proc/self/stat").unwrap();
    let (own_before, begin) = (own(), Instant::now());
    let mut watched = noise::test(&[cpu], counter.frequency.hz(), NOISE_TEST);
    let after = counters(tree);
    let (own_after, seconds) = (own(), begin.elapsed().as_secs_f64());
    bursts.extend(calls::cost::bursts(cpu));
    let clock = clocks(&[cpu]).remove(&cpu).unwrap();
    let meanwhile = Activity::between(&whole, &Snapshot::take(tree, &[cpu])).unwrap();
    let processor = Processor::ask();
    Recording {
        at,
        load,
        others: meanwhile.others,
        stolen: meanwhile.steal.values().copied().fold(0.0, f64::max),
        hypervisor: processor.hypervisor,
        kvm_features: processor.kvm_features,
        invariant_tsc: processor.invariant_tsc,
        claimed_hz: counter.claimed_hz,
        step_ticks: counter.step_ticks,
        skews: counter
            .skews
            .iter()
            .map(|skew| (skew.cpu, skew.at_least, skew.at_most))
            .collect(),
        frequency: counter.frequency,
        before: changed(&before, &after),
        after: changed(&after, &before),
        seconds,
        own: [own_before, own_after],
        noise: watched.remove(0),
        calls: bursts
            .iter()
            .map(|burst| {
                burst
                    .iter()
                    .map(|batch| (batch.calls, batch.chains))
                    .collect()
            })
            .collect(),
        clock_hz: clock.map(|clock| clock.0),
        messages: heard.warnings(),
    }
}

fn counters(tree: &Tree) -> Files {
    COUNTERS
        .iter()
        .map(|path| ((*path).to_owned(), tree.text(path).unwrap()))
        .collect()
}

/// The lines that differ, with the heading of /proc/interrupts. A line that does not change counts
/// nothing.
fn changed(files: &Files, others: &Files) -> Files {
    let files = files.iter().map(|(path, text)| {
        let other: Vec<_> = others[path].lines().collect();
        let keeps = |line: &&str| match path.as_str() {
            "/proc/stat" => line.starts_with("cpu") && !line.starts_with("cpu "),
            _ => !other.contains(line) || line.trim_start().starts_with("CPU"),
        };
        let lines: Vec<_> = text.lines().filter(keeps).collect();
        (path.clone(), lines.join("\n"))
    });
    files.collect()
}

/// The files that checks read, which are the same in all recordings; of long ones only the lines
/// that matter, and of processes none.
fn machine(tree: &Tree, cpu: usize) -> String {
    let sources = checks::ALL
        .iter()
        .flat_map(|check| explain::sources(check, &[cpu]));
    let paths = sources.flat_map(|source| explain::files(tree, &source));
    let paths = paths.filter(|path| {
        let is_counter = COUNTERS.contains(&path.as_str());
        let is_process = path.starts_with("/proc/") && path.ends_with("/comm");
        !is_counter && !is_process && !path.starts_with("/dev/")
    });
    let files: Files = paths
        .filter_map(|path| {
            let text = tree.text(&path)?;
            let keeps = |line: &&str| match path.as_str() {
                "/proc/cpuinfo" => ["vendor_id", "microcode", "model name"]
                    .iter()
                    .any(|name| line.starts_with(name)),
                "/proc/self/status" => line.starts_with("Secc") || line.starts_with("Spec"),
                "/proc/self/cgroup" => line.contains(":cpu:") || line.starts_with("0::"),
                _ => true,
            };
            let lines: Vec<_> = text.lines().filter(keeps).collect();
            let words = lines.join("\n");
            let is_read = |word: &&str| READ.iter().any(|name| word.starts_with(name));
            let words = match path.as_str() {
                "/proc/cmdline" => words
                    .split(' ')
                    .filter(is_read)
                    .collect::<Vec<_>>()
                    .join(" "),
                _ => words,
            };
            Some((path, words))
        })
        .collect();
    serde_json::to_string_pretty(&files).unwrap() + "\n"
}
