//! PID 1 of the rig's outer machine: loads KVM, runs every case, powers off.
//!
//! A case is one line of /rig/cases: a name, what the command must say (several
//! things with ` + ` between them), and the command, separated by tabs. Of a case named `compare …` the guest's
//! lines that begin with REPORT are shown. Results go to the console, which is
//! the outer machine's serial line.

use std::fs::{self, File};
use std::io;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};

struct Case<'a> {
    name: &'a str,
    expected: &'a str,
    command: Vec<&'a str>,
}

fn main() {
    if let Err(error) = run_all() {
        println!("RIG error: {error}");
    }
    // Only PID 1's own death is worse than a failed power-off: nothing is left to do.
    let _ = reboot(RebootCommand::PowerOff);
}

fn run_all() -> io::Result<()> {
    mount_filesystems()?;
    load_modules()?;
    let cases = fs::read_to_string("/rig/cases")?;
    let (mut passed, mut failed) = (0, 0);
    for case in cases.lines().filter_map(parse) {
        if run(&case)? {
            passed += 1;
        } else {
            failed += 1;
        }
    }
    println!("RIG {passed} passed, {failed} failed");
    Ok(())
}

fn mount_filesystems() -> io::Result<()> {
    for (kind, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        mount(kind, at, kind, MountFlags::empty(), None)?;
    }
    Ok(())
}

/// Loads the modules that lie in /rig/modules, in the order of their names.
fn load_modules() -> io::Result<()> {
    let mut modules: Vec<_> = fs::read_dir("/rig/modules")?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    modules.sort();
    for path in modules {
        finit_module(File::open(&path)?, c"", 0)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn parse(line: &str) -> Option<Case<'_>> {
    let mut fields = line.split('\t').filter(|field| !field.is_empty());
    Some(Case {
        name: fields.next().filter(|name| !name.starts_with('#'))?,
        expected: fields.next()?,
        command: fields.collect(),
    })
}

fn run(case: &Case) -> io::Result<bool> {
    let begin = Instant::now();
    let (program, arguments) = case
        .command
        .split_first()
        .ok_or_else(|| io::Error::other(format!("{}: no command", case.name)))?;
    let output = Command::new(program).args(arguments).output()?;
    let ok = ends_as_expected(&output, case.expected);
    if case.name.starts_with("compare ") {
        show_report(case.name, &output);
    }
    report(case, &output, ok, begin.elapsed());
    Ok(ok)
}

fn ends_as_expected(output: &Output, expected: &str) -> bool {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    expected.split(" + ").all(|words| said.contains(words))
}

/// Hands on what a guest told of its CPU.
fn show_report(name: &str, output: &Output) {
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(fact) = line.trim_end().strip_prefix("REPORT ") {
            println!("RIG {name}: {fact}");
        }
    }
}

fn report(case: &Case, output: &Output, ok: bool, took: Duration) {
    let verdict = if ok { "ok" } else { "FAILED" };
    println!(
        "RIG {} ... {verdict} ({:.1} s)",
        case.name,
        took.as_secs_f64()
    );
    if ok {
        return;
    }
    println!("RIG   expected: {}", case.expected);
    println!("RIG   status: {}", output.status);
    for (stream, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            println!("RIG   {stream}: {line}");
        }
    }
}
