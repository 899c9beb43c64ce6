//! How long ten million samples take: `make bench-process`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{HOST, Sandbox, built};
use sha2::{Digest, Sha256};

const SAMPLES: u32 = 10_000_000;
const BOOTS: u32 = 25;
const BENCHMARKS: [(&str, u64, u64); 4] = [
    ("tsc", 0, 0),
    ("fcall", 14_848, 3),
    ("fcall_chain", 7216, 7),
    ("enosys", 320, 160),
];

/// Writes samples as a counter with a step of 26 gives them, and gives their hash.
fn write_samples(path: &std::path::Path, header: &str) -> String {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut hasher = Sha256::new();
    let mut text = header.to_owned() + "\n";
    let mut state: u64 = 500;
    let mut noise = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n * 26
    };
    let a_round = SAMPLES / BOOTS / 20 / BENCHMARKS.len() as u32;
    for boot in 0..BOOTS {
        for round in 0..20 {
            for (name, ops, cost) in BENCHMARKS {
                for _ in 0..a_round {
                    let ticks_n = 78 + ops * cost / 26 * 26 + noise(9);
                    let ticks_2n = 78 + ops * cost / 13 * 26 + noise(9);
                    let value = match ops {
                        0 => ticks_n as f64,
                        _ => (ticks_2n as f64 - ticks_n as f64) / ops as f64,
                    };
                    let (before, after) = (12_288 + noise(3), 12_288 + noise(6));
                    writeln!(
                        text,
                        "host,{boot},{name},{round},{},{ops},{ticks_n},{},{ticks_2n},{before},{after},{value}",
                        round % 4 * 16,
                        2 * ops
                    )
                    .unwrap();
                }
            }
            hasher.update(&text);
            file.write_all(text.as_bytes()).unwrap();
            text.clear();
        }
    }
    file.flush().unwrap();
    let hash = hasher.finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// CPU time of all children that have ended, in seconds.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    // cutime and cstime, in hundredths of a second (proc_pid_stat(5)).
    let ticks: Vec<f64> = fields
        .skip(13)
        .take(2)
        .map(|f| f.parse().unwrap())
        .collect();
    ticks.iter().sum::<f64>() / 100.0
}

#[test]
#[ignore = "a benchmark: make bench-process"]
fn ten_million_samples() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), BOOTS, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.tollgate(&["parse", "run"]).succeeded();
    let samples = sandbox.path("run/samples.csv");
    let header = sandbox
        .read("run/samples.csv")
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let hash = write_samples(&samples, &header);
    let sums = sandbox.read("run/parse.sha256");
    let sums = sums.lines().map(|line| {
        if line.ends_with("  samples.csv") {
            format!("{hash}  samples.csv\n")
        } else {
            format!("{line}\n")
        }
    });
    sandbox.write("run/parse.sha256", sums.collect::<String>());

    let (start, cpu) = (Instant::now(), children_cpu());
    let mut child = sandbox
        .command(&["process", "run"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb: u64 = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak_kb = peak_kb.max(kb.unwrap_or(0));
        sleep(Duration::from_millis(2));
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), children_cpu() - cpu);
    assert!(child.wait().unwrap().success());
    let megabytes = fs::metadata(&samples).unwrap().len() >> 20;
    println!(
        "{SAMPLES} samples, {megabytes} MB: {wall:.2} s, {cpu:.2} s of CPU, {} MB at most",
        peak_kb >> 10
    );
    assert!(peak_kb < 1_000_000, "{peak_kb} kB");
    // The clock on the wall also counts what others do on this machine: of two CPUs, two
    // seconds are four.
    assert!(cpu < 4.0, "{cpu} s of CPU");
}
