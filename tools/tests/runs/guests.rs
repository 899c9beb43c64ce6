//! Guests that misbehave, and images that are damaged.

use std::fs;
use std::process::Command;

use super::common::{HOST, Sandbox, built, ring0, target};
use super::consoles;

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn bad_guests_fail_and_the_good_ones_are_kept() {
    for (define, reason) in [
        ("HANG", "killed at its timeout"),
        ("EXIT=0", "console is empty"),
        ("EXIT=9", "exited with status 9"),
        ("RESET", "console is empty"),
        ("GARBAGE", "clos"),
    ] {
        let sandbox = Sandbox::new();
        let program = sandbox.guest(define);
        let targets = (ring0() + HOST).replace("timeout-s = 5", "timeout-s = 1");
        sandbox.experiment(&program, 1, &targets);
        let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
        assert!([0, 85].contains(&run.code), "{}", run.stderr);
        assert_eq!(consoles(&sandbox, "run").len(), 2, "every console is kept");
        // Boots that failed before failed still.
        let again = sandbox.tollgate(&["run", "test.toml", "--run", "run", "--resume"]);
        assert_eq!(again.code, run.code, "{}", again.stderr);
        sandbox
            .tollgate(&["parse", "run"])
            .refused(85, &["ring0, boot 0, failed", reason]);
        sandbox.tollgate(&["process", "run"]).succeeded();
        sandbox.tollgate(&["report", "run"]).refused(85, &[]);
        let table = sandbox.read("run/table.txt");
        assert!(table.contains("failed"), "{define}:\n{table}");
    }
}

/// By the words that kernels/unikraft/README.md gives, and without them.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn an_image_like_unikrafts_gets_its_row() {
    let sandbox = Sandbox::new();
    let image = built("build/unikraft-like");
    let targets: String = ["", "unikraft", "unikraft --", "netdev.gw=10.0.0.1 vfs"]
        .iter()
        .enumerate()
        .map(|(index, cmdline)| {
            let more = format!("program-as = \"initrd\"\ncmdline = \"{cmdline}\"");
            target(&format!("like-{index}"), &image, &more)
        })
        .collect();
    sandbox.experiment(&built("build/guest-bench"), 2, &targets);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.evaluate("run");
    let boots = sandbox.read("run/boots.csv");
    assert_eq!(boots.matches(",ok,24,noop,").count(), 8, "{boots}");
    let record = sandbox.read("run/console/like-0.0.json");
    assert!(record.contains("\"powered-off\""), "{record}");
    let table = sandbox.read("run/table.txt");
    for index in 0..4 {
        let (_, row) = table.split_once(&format!("like-{index}")).unwrap();
        assert!(row.contains("scall (emulated)"), "{table}");
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_reboot_after_a_closed_log_is_good() {
    let sandbox = Sandbox::new();
    let log = Command::new(built("build/guest-bench"))
        .args(["rounds=1", "samples=2"])
        .output()
        .unwrap();
    sandbox.write("closed.log", log.stdout);
    let program = sandbox.guest("LOG_AND_RESET");
    sandbox.experiment(&program, 1, &ring0());
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    let record = sandbox.read("run/console/ring0.0.json");
    assert!(record.contains("\"rebooted\""), "{record}");
    sandbox.tollgate(&["parse", "run"]).succeeded();
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_flood_is_cut_off_and_kept() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&sandbox.guest("FLOOD"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(85, &["wrote too much"]);
    let console = &consoles(&sandbox, "run")["host.0"];
    assert_eq!(console.len(), vmm::CONSOLE_LIMIT);
    sandbox
        .tollgate(&["parse", "run"])
        .refused(85, &["host, boot 0, failed", "wrote too much"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn missing_and_damaged_images_are_refused_before_the_first_boot() {
    let sandbox = Sandbox::new();
    for (content, code) in [(None, 66), (Some("no kernel at all, but long enough"), 65)] {
        let image = sandbox.path("image");
        if let Some(content) = content {
            fs::write(&image, content).unwrap();
        }
        let targets = HOST.to_owned() + &target("bad", &image, "");
        sandbox.experiment(&built("build/guest-bench"), 1, &targets);
        let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
        run.refused(code, &[image.to_str().unwrap()]);
        assert!(!sandbox.path("run").exists());
    }
}
