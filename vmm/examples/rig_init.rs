//! PID 1 of the rig's outer machine: loads KVM and runs the cases that `rig_host` requests.
//!
//! Both use the second serial line, because the kernel may write to the first one, the console,
//! at any time. `RIG ready` asks for a case; the answer is the number of the try and the case's
//! name. Empty lines are ignored. Every few seconds `RIG alive` shows that this machine's timer
//! and threads still run.
//!
//! A case is one line of /rig/cases: a name, what the commands must print (several texts with
//! ` + ` between them), and the commands, separated by tabs; a field `;` separates two commands.
//! The guests' lines that begin with REPORT are shown if the case's name begins with
//! `compare `. Two commands are built in: `stand-still` (does not end at the first try) and
//! `threads COMMAND…` (runs the command, and shows on which CPUs its threads may run, and those
//! of this program).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, mount};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

struct Case<'a> {
    name: &'a str,
    expected: &'a str,
    commands: Vec<Vec<&'a str>>,
}

/// Set for the case that stalls on purpose.
static IS_STILL: AtomicBool = AtomicBool::new(false);
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
const LOOK_AT_THREADS: Duration = Duration::from_millis(20);

fn main() {
    if let Err(error) = serve() {
        eprintln!("RIG error: {error}");
    }
    // Only the death of PID 1 would be worse than a failed power-off.
    let _ = reboot(RebootCommand::PowerOff);
}

fn serve() -> io::Result<()> {
    mount_filesystems()?;
    talk_over("/dev/ttyS1")?;
    load_modules()?;
    let cases = fs::read_to_string("/rig/cases")?;
    let cases: Vec<_> = cases.lines().filter_map(parse).collect();
    keep_showing_life();
    println!("RIG ready");
    for line in io::stdin().lines() {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let (number, name) = line.split_once(' ').unwrap_or_default();
        match cases.iter().find(|case| case.name == name) {
            Some(case) => run(case, number == "1")?,
            None => println!("RIG {name} ... FAILED: no such case"),
        }
        println!("RIG ready");
    }
    Ok(())
}

fn keep_showing_life() {
    thread::spawn(|| {
        loop {
            thread::sleep(SIGN_OF_LIFE);
            if !IS_STILL.load(Ordering::Relaxed) {
                println!("RIG alive");
            }
        }
    });
}

fn mount_filesystems() -> io::Result<()> {
    for (kind, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        mount(kind, at, kind, MountFlags::empty(), None)?;
    }
    Ok(())
}

/// From here on, standard input and output are this line, byte by byte.
fn talk_over(line: &str) -> io::Result<()> {
    let line = File::options().read(true).write(true).open(line)?;
    let mut settings = tcgetattr(&line)?;
    settings.make_raw();
    tcsetattr(&line, OptionalActions::Now, &settings)?;
    dup2_stdin(&line)?;
    Ok(dup2_stdout(&line)?)
}

/// Loads the modules in /rig/modules, in the order of their names.
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
    let (name, expected) = (fields.next()?, fields.next()?);
    let words: Vec<_> = fields.collect();
    Some(Case {
        name,
        expected,
        commands: words
            .split(|word| *word == ";")
            .map(<[_]>::to_vec)
            .collect(),
    })
}

fn run(case: &Case, is_first_try: bool) -> io::Result<()> {
    let begin = Instant::now();
    let outputs: Vec<_> = case
        .commands
        .iter()
        .map(|command| match command[..] {
            ["stand-still"] => stand_still(is_first_try),
            ["threads", ref command @ ..] => run_and_watch_threads(command),
            ref command => start(command)?.wait_with_output(),
        })
        .collect::<io::Result<_>>()?;
    if case.name.starts_with("compare ") {
        show_report(case.name, &outputs);
    }
    report(case, &outputs, begin.elapsed());
    Ok(())
}

fn start(command: &[&str]) -> io::Result<Child> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::other("a case without a command"))?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// What a lost timer interrupt looks like from outside. `rig_host` has to restart the machine
/// and repeat the case.
fn stand_still(is_first_try: bool) -> io::Result<Output> {
    if is_first_try {
        IS_STILL.store(true, Ordering::Relaxed);
        loop {
            thread::park();
        }
    }
    Ok(Output {
        status: ExitStatus::default(),
        stdout: b"runs again".to_vec(),
        stderr: Vec::new(),
    })
}

/// Adds a line for the name and CPU list of each thread that was seen, of that program and of
/// this one.
fn run_and_watch_threads(command: &[&str]) -> io::Result<Output> {
    let child = start(command)?;
    let tasks = format!("/proc/{}/task", child.id());
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::from_iter(threads_of("/proc/self/task"));
            while !has_ended.load(Ordering::Relaxed) {
                seen.extend(threads_of(&tasks));
                thread::sleep(LOOK_AT_THREADS);
            }
            seen
        });
        let output = child.wait_with_output();
        has_ended.store(true, Ordering::Relaxed);
        let mut output = output?;
        for line in watcher.join().unwrap_or_default() {
            output.stdout.extend_from_slice(line.as_bytes());
        }
        Ok(output)
    })
}

/// `thread NAME on CPUs LIST`, for each thread of the process whose `tasks` these are.
/// Threads that end while they are read are left out.
fn threads_of(tasks: &str) -> Vec<String> {
    fs::read_dir(tasks)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("status")).ok())
        .filter_map(|status| {
            let field = |name| {
                Some(
                    status
                        .lines()
                        .find_map(|line| line.strip_prefix(name))?
                        .trim(),
                )
            };
            Some(format!(
                "thread {} on CPUs {}.\n",
                field("Name:")?,
                field("Cpus_allowed_list:")?
            ))
        })
        .collect()
}

fn said(outputs: &[Output]) -> String {
    outputs
        .iter()
        .flat_map(|output| [&output.stdout, &output.stderr])
        .map(|bytes| String::from_utf8_lossy(bytes))
        .collect()
}

/// Passes on what guests report.
fn show_report(name: &str, outputs: &[Output]) {
    for line in said(outputs).lines() {
        if let Some(fact) = line.trim_end().strip_prefix("REPORT ") {
            println!("RIG {name}: {fact}");
        }
    }
}

fn report(case: &Case, outputs: &[Output], took: Duration) {
    let said = said(outputs);
    let ok = case.expected.split(" + ").all(|words| said.contains(words));
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
    for output in outputs {
        println!("RIG   status: {}", output.status);
        for (stream, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
            for line in String::from_utf8_lossy(bytes).lines() {
                println!("RIG   {stream}: {line}");
            }
        }
    }
}
