//! Real runs of the machine's own shell.

use std::ffi::CString;
use std::path::Path;

use super::*;

struct Fixture {
    sandbox: Sandbox,
    program: Command,
    test: Option<Command>,
    ready: Option<Ready>,
    accounting: Accounting,
    stop: AtomicBool,
}

fn shell(script: &str, argument: &str) -> Command {
    let text = |text: &str| CString::new(text).unwrap();
    let arguments = ["sh", "-c", script, "sh", argument].map(text).to_vec();
    Command::new(text("/bin/sh"), arguments, vec![text("PATH=/usr/bin:/bin")])
}

impl Fixture {
    fn new(script: &str) -> Self {
        Self {
            program: shell(script, ""),
            test: None,
            ready: None,
            accounting: Accounting::find(),
            stop: AtomicBool::new(false),
            sandbox: Sandbox::new(Path::new("/")).unwrap(),
        }
    }

    fn tested(script: &str, test: &str) -> Self {
        let mut fixture = Self::new(script);
        let log = fixture.sandbox.log();
        fixture.test = Some(shell(test, log.to_str().unwrap()));
        fixture
    }

    fn run(&self, spec: &Spec) -> Ran {
        let scene = Scene {
            sandbox: &self.sandbox,
            program: &self.program,
            input: None,
            test: self.test.as_ref(),
            ready: self.ready.as_ref(),
            ready_command: None,
            accounting: &self.accounting,
            slots: &Slots::new(1),
            stop: &self.stop,
        };
        run(&scene, spec).unwrap()
    }
}

pub fn spec() -> Spec {
    Spec {
        program: true,
        rules: BTreeMap::new(),
        phase: Phase::All,
        known: BTreeSet::new(),
        values: BTreeMap::new(),
        parts: Parts::default(),
        only: None,
        asks: true,
        uncounted: BTreeSet::new(),
        origins: false,
        limit: Duration::from_secs(30),
        patience: Duration::MAX,
    }
}

fn call(name: &str) -> Feature {
    name.parse().unwrap()
}

#[test]
fn the_exit_status_decides_without_a_test() {
    let ran = Fixture::new("exit 0").run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.seen.init.contains_key(&call("exit_group")), "{ran:?}");
    assert!(ran.seen.serving.is_empty());
    let ran = Fixture::new("exit 3").run(&spec());
    assert_eq!(ran.outcome, Outcome::Broken, "{ran:?}");
    assert!(ran.reason.contains("exit 3"), "{ran:?}");
}

#[test]
fn the_test_reads_the_log_and_decides() {
    let of = |test: &str| Fixture::tested("echo ready; exit 5", test).run(&spec());
    assert_eq!(of("grep -qx ready \"$1\"").outcome, Outcome::Works);
    let broken = of("echo no; exit 9");
    assert_eq!(broken.outcome, Outcome::Broken);
    assert_eq!(broken.reason, "the test ended with exit 9: no");
    assert_eq!(of("exit 200").outcome, Outcome::CannotTell);
    assert_eq!(of("kill -SEGV $$").outcome, Outcome::HarnessError);
    assert_eq!(of("no-such-command").outcome, Outcome::HarnessError);
}

#[test]
fn a_run_that_does_not_end_is_ended() {
    let mut spec = spec();
    spec.limit = Duration::from_millis(300);
    let ran = Fixture::new("sleep 1000").run(&spec);
    assert_eq!(ran.outcome, Outcome::TimedOut);
    assert!(ran.duration >= spec.limit, "{ran:?}");
}

#[test]
fn a_faked_and_a_stubbed_call_are_counted() {
    // The shell asks for its parent's number once, and takes any answer.
    for mode in [Mode::Stub, Mode::Fake] {
        let mut spec = spec();
        spec.rules.insert(call("getppid"), mode);
        let ran = Fixture::new("exit 0").run(&spec);
        assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
        assert_eq!(ran.fired, BTreeMap::from([(call("getppid"), 1)]));
    }
}

#[test]
fn our_own_exec_passes_a_stub_that_the_programs_does_not() {
    let mut spec = spec();
    spec.rules.insert(call("execve"), Mode::Stub);
    let ran = Fixture::new("/bin/true; [ $? -ne 0 ]").run(&spec);
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.fired[&call("execve")] >= 1, "{ran:?}");
}

#[test]
fn the_kernel_applies_a_rule_alone_where_counting_would_take_too_long() {
    let mut spec = spec();
    spec.rules.insert(call("execve"), Mode::Stub);
    spec.uncounted.insert(call("execve"));
    let ran = Fixture::new("/bin/true; [ $? -ne 0 ]").run(&spec);
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert_eq!(ran.fired, BTreeMap::new());
}

#[test]
fn known_calls_are_not_asked_about() {
    let fixture = Fixture::new("exit 0");
    let mut spec = spec();
    spec.known = fixture.run(&spec).seen.calls(Phase::All);
    let again = fixture.run(&spec);
    assert_eq!(again.seen, Seen::default());
}

#[test]
fn nothing_of_the_host_changes_and_nothing_goes_on() {
    let mark = format!("tollgate-usage-test-{}", std::process::id());
    let places = ["/etc", "/root", "/tmp", "/var/tmp", "/dev/shm", "/usr"];
    let writes = places
        .map(|place| format!("echo x > {place}/{mark}; "))
        .concat();
    let script = format!(
        "{writes} (setsid sh -c 'exec sleep 7777{pid}' &) ; echo $(cat /tmp/{mark}) done",
        pid = std::process::id()
    );
    let ran = Fixture::new(&script).run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.last_output.contains("x done"), "{ran:?}");
    assert_eq!(ran.processes, 1, "the sleeping one: {ran:?}");
    for place in places {
        assert!(!Path::new(place).join(&mark).exists(), "{place}");
    }
    let sleeper = format!("7777{}", std::process::id());
    for entry in std::fs::read_dir("/proc").unwrap() {
        let line = std::fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        assert!(!line.starts_with(&format!("sleep {sleeper}")), "{line}");
    }
}

#[test]
fn the_program_has_the_users_identity_and_a_network_of_its_own() {
    let script = "id -u; cat /proc/net/dev | wc -l; hostname; echo $$";
    let ran = Fixture::new(script).run(&spec());
    let uid = rustix::process::geteuid().as_raw().to_string();
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    let lines: Vec<_> = ran.last_output.lines().collect();
    assert_eq!(lines[0], uid, "{ran:?}");
    assert_eq!(lines[1], "3", "only the loopback interface: {ran:?}");
    assert_eq!(
        lines[3], "2",
        "the second process of its namespace: {ran:?}"
    );
}

#[test]
fn a_server_is_tested_when_its_log_says_so_and_its_phases_are_told_apart() {
    let mut fixture = Fixture::tested(
        "echo starting; /bin/sleep 0.05; echo ready; getconf PAGESIZE; exec sleep 1000",
        "exit 0",
    );
    fixture.ready = Some("log:^starting\nready".parse().unwrap());
    let ran = fixture.run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.seen.init.contains_key(&call("execve")), "{ran:?}");
    assert!(ran.processes >= 1, "{ran:?}");
}

#[test]
fn a_server_that_ends_is_recognised_early() {
    let mut fixture = Fixture::tested("exit 4", "sleep 20");
    fixture.ready = Some("tcp:80".parse().unwrap());
    let ran = fixture.run(&spec());
    assert_eq!(ran.outcome, Outcome::Broken, "{ran:?}");
    assert!(
        ran.reason.contains("before it was ready: exit 4"),
        "{ran:?}"
    );
    assert!(ran.duration < Duration::from_secs(10), "{ran:?}");
    // Also while it is tested.
    let mut fixture = Fixture::tested("echo up; sleep 0.1; exit 4", "sleep 20");
    fixture.ready = Some("log:up".parse().unwrap());
    let ran = fixture.run(&spec());
    assert!(
        ran.reason.contains("while it was tested: exit 4"),
        "{ran:?}"
    );
    assert!(ran.duration < Duration::from_secs(10), "{ran:?}");
}

#[test]
fn a_program_that_goes_into_the_background_serves_on() {
    let mut fixture = Fixture::tested("(echo up; exec sleep 1000) & exit 0", "sleep 0.1");
    fixture.ready = Some("log:up".parse().unwrap());
    let ran = fixture.run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert_eq!(ran.program_status, Some(0));
}

#[test]
fn without_the_program_the_test_runs_all_the_same() {
    let mut fixture = Fixture::tested("echo up", "grep -q up \"$1\"");
    let mut spec = spec();
    spec.program = false;
    assert_eq!(fixture.run(&spec).outcome, Outcome::Broken);
    fixture.ready = Some("tcp:1".parse().unwrap());
    assert_eq!(fixture.run(&spec).outcome, Outcome::Broken);
}

#[test]
fn a_server_is_ready_when_it_listens_and_no_connection_is_made() {
    let script = "import socket, time
s = socket.socket()
s.bind(('127.0.0.1', 4712))
time.sleep(0.1)
s.listen()
s.accept()
";
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("not run: /usr/bin/python3 is not installed");
        return;
    }
    let mut fixture = Fixture::tested(&format!("exec /usr/bin/python3 -c \"{script}\""), "exit 0");
    fixture.ready = Some("tcp:4712".parse().unwrap());
    let ran = fixture.run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.duration >= Duration::from_millis(100), "{ran:?}");
    assert_eq!(
        ran.program_status, None,
        "it still waits for a connection: {ran:?}"
    );
}

#[test]
fn a_fork_bomb_ends_with_its_run() {
    let mut spec = spec();
    spec.limit = Duration::from_millis(300);
    let bomb = "bomb() { bomb | bomb & }; bomb; exec sleep 1000";
    let ran = Fixture::new(bomb).run(&spec);
    assert_eq!(ran.outcome, Outcome::TimedOut, "{ran:?}");
}

#[test]
fn what_all_processes_used_is_counted_with_control_groups_and_without() {
    let mut fixture = Fixture::new("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done & wait");
    let accountings = [Accounting::find(), Accounting::Wait];
    for accounting in accountings {
        fixture.accounting = accounting;
        let ran = fixture.run(&spec());
        assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
        assert!(ran.used.cpu.unwrap() > Duration::from_millis(1), "{ran:?}");
        assert!(ran.used.memory.unwrap_or(1 << 20) > 100_000, "{ran:?}");
    }
}

#[test]
fn much_output_is_in_the_log_and_its_end_in_the_record() {
    let script = "i=0; while [ $i -lt 9000 ]; do echo line$i; i=$((i+1)); done";
    let ran = Fixture::tested(
        script,
        "[ $(wc -l < \"$1\") = 9000 ] && grep -qx line0 \"$1\"",
    );
    let ran = ran.run(&spec());
    assert_eq!(ran.outcome, Outcome::Works, "{ran:?}");
    assert!(ran.last_output.ends_with("line8999\n"), "{ran:?}");
}

#[test]
fn a_run_that_waits_gives_its_place_to_another() {
    let fixture = Fixture::new("exec sleep 3");
    let slots = Slots::new(1);
    let scene = Scene {
        sandbox: &fixture.sandbox,
        program: &fixture.program,
        input: None,
        test: None,
        ready: None,
        ready_command: None,
        accounting: &fixture.accounting,
        slots: &slots,
        stop: &fixture.stop,
    };
    let mut spec = spec();
    spec.patience = Duration::from_millis(50);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(run(&scene, &spec).unwrap().outcome, Outcome::Works));
        }
    });
    // One after the other, they would take 12 seconds.
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "{:?}",
        began.elapsed()
    );
}
