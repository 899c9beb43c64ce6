//! What does watching a crossing cost? Init in a guest, a process on a host.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use contract::{Answer, Encoder, Fact, HEADER_BEGIN, HEADER_END, SystemCall, WATCHES_MARK};
use probes::measure::{self, Found};
use probes::order::{Order, USAGE};

fn main() -> ExitCode {
    // It also keeps the mark in the file.
    if std::env::args_os().any(|word| word == "--help") {
        println!("{USAGE}\n({WATCHES_MARK})");
        return ExitCode::SUCCESS;
    }
    let is_init = std::process::id() == 1;
    if is_init {
        prepare();
    }
    ExitCode::from(carry_out(is_init) as u8)
}

/// The program's exit status, as guest-bench's.
#[derive(Clone, Copy)]
enum Status {
    Done = 0,
    BadWord = 2,
    UnexpectedAnswer = 3,
    OutputFailed = 4,
}

/// A guest's init starts without these file systems. A watch that needs a missing one reports it.
fn prepare() {
    for (kind, at) in [
        (c"proc", c"/proc"),
        (c"sysfs", c"/sys"),
        (c"tracefs", c"/sys/kernel/tracing"),
        (c"devtmpfs", c"/dev"),
    ] {
        if let Ok(folder) = at.to_str() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = probes::mount(kind, at);
    }
    // Kernel messages would appear in the middle of the log's lines.
    let _ = fs::write("/proc/sys/kernel/printk", "0");
}

fn carry_out(is_init: bool) -> Status {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let order = match Order::parse(words.iter().map(String::as_str)) {
        Ok(order) => order,
        Err(bad) => return complain(Status::BadWord, &bad),
    };
    let (answer, found) = match measure::all(&order) {
        Ok(found) => found,
        Err(error) => return complain(Status::UnexpectedAnswer, &error),
    };
    let mut text = String::new();
    let written = log(&mut text, &order, answer, &found, is_init);
    let printed = io::stdout().write_all(text.as_bytes());
    match (written, printed.and_then(|()| io::stdout().flush())) {
        (Ok(()), Ok(())) => Status::Done,
        _ => Status::OutputFailed,
    }
}

/// An empty header and an error record instead of results.
fn complain(status: Status, why: &dyn fmt::Display) -> Status {
    println!("{HEADER_BEGIN}\n{HEADER_END}\nerror\t{why}");
    status
}

fn log(
    text: &mut String,
    order: &Order,
    answer: Answer,
    found: &[Found],
    is_init: bool,
) -> fmt::Result {
    let mut log = Encoder::new(text);
    log.header(true, 1, None)?;
    log.format(order.method)?;
    log.answer(SystemCall::Noop, answer)?;
    if is_init {
        facts(&mut log)?;
    }
    for (number, found) in (0..).zip(found) {
        let number = found.slopes.first().map_or(number, |slope| slope.watch);
        log.watch(number, &found.watch)?;
        for slope in &found.slopes {
            log.watched(slope)?;
        }
        if let Ok(runs) = &found.outcome {
            log.runs(runs)?;
        }
        if let Some(refused) = found.refused(number) {
            log.refused(&refused)?;
        }
    }
    log.end().map(|_| ())
}

/// The kernel, its mitigations and its processor.
fn facts(log: &mut Encoder<&mut String>) -> fmt::Result {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    for (fact, path) in [
        (Fact::System, "/proc/sys/kernel/ostype"),
        (Fact::Release, "/proc/sys/kernel/osrelease"),
    ] {
        log.fact(fact, &printable(&read(path)))?;
    }
    let folder = "/sys/devices/system/cpu/vulnerabilities";
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let name = name.to_string_lossy();
        let value = read(&format!("{folder}/{name}"));
        log.fact_for(Fact::Vulnerability, &name, &printable(&value))?;
    }
    let cpus = read("/proc/cpuinfo");
    let first = cpus.lines().take_while(|line| !line.is_empty());
    for (name, value) in first.filter_map(|line| line.split_once(':')) {
        log.fact_for(Fact::Cpu, name.trim(), &printable(value))?;
    }
    Ok(())
}

fn printable(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).collect()
}
