//! Watches: from an experiment to figures that are known, and every wrong `watch`.
//!
//! Those below `on_debian` need `build/probe-bench` and Debian's cloud kernel, which
//! `make test-probes` provides.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::path::Path;

use common::Sandbox;

/// A target with this `watch`, and a program that may or may not carry it out.
fn refused(program: &str, watch: &str, texts: &[&str]) {
    let sandbox = Sandbox::new();
    let program = sandbox.write("program", program);
    let image = sandbox.write("image", "");
    let target = format!(
        "[[target]]\nname = \"watched\"\nengine = \"qemu\"\nimage = \"{}\"\nwatch = {watch}\n",
        image.display()
    );
    sandbox.experiment(&program, 2, &target);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(65, texts);
}

#[test]
fn a_wrong_watch_is_named_with_what_is_possible() {
    for (watch, texts) in [
        (
            "{ kind = \"rawtp\", site = \"sys_enter\", program = \"null\" }",
            &["\"rawtp\"", "raw_tp"][..],
        ),
        (
            "{ kind = \"raw_tp\", site = \"open\", program = \"null\" }",
            &["\"open\"", "getpgid"],
        ),
        (
            "{ kind = \"raw_tp\", site = \"sys_enter\", program = [\"null\", \"nil\"] }",
            &["\"nil\"", "percpu"],
        ),
        (
            "{ kind = \"raw_tp\", site = \"getpgid\", program = \"null\" }",
            &["raw_tp cannot watch", "sys_enter"],
        ),
        (
            "{ kind = \"fentry\", site = [\"getpgid\", \"nop\"], program = \"null\" }",
            &["can watch nop", "uprobe"],
        ),
        (
            "{ kind = [], site = \"getpgid\", program = \"null\" }",
            &["`kind` is empty"],
        ),
        (
            "{ kind = [\"fentry\", \"fentry\"], site = \"getpgid\", program = \"null\" }",
            &["\"fentry\" twice"],
        ),
        (
            "{ kind = \"fentry\", site = \"getpgid\", program = \"null\", operation = \"read\" }",
            &["\"read\"", "noop"],
        ),
    ] {
        refused("", watch, texts);
    }
}

#[test]
fn only_a_program_that_carries_out_watches_may_be_asked_to() {
    let watch = "{ kind = \"raw_tp\", site = \"sys_enter\", program = \"null\" }";
    refused(
        "guest-bench",
        watch,
        &["watched", "fix: ", "build/probe-bench"],
    );
}

#[test]
fn what_can_be_watched_is_listed() {
    let list = Sandbox::new().tollgate(&["probes", "list"]);
    list.succeeded();
    for text in ["uprobe.multi      6.6", "getpgid, chdir", "percpu"] {
        assert!(list.stdout.contains(text), "{}", list.stdout);
    }
}

/// Every kind has its line, whether this machine permits it or not.
#[test]
fn the_check_names_every_kind() {
    let check = Sandbox::new().tollgate(&["probes", "check"]);
    let refused = check.stdout.lines().filter(|line| line.contains("refused"));
    let refused: Vec<_> = refused.collect();
    assert_eq!(check.code, if refused.is_empty() { 0 } else { 2 });
    for line in refused {
        assert!(line.contains("fix: "), "{line}");
    }
    assert_eq!(check.stdout.lines().count(), 2 + 3 + 2 * 7 + 4 * 4);
}

mod on_debian {
    use super::*;
    use serde_json::Value;

    /// Added instructions on 6.12.117, and what statistics add: kind, site, program.
    const KNOWN: [(&str, &str, &str, f64, Option<f64>); 33] = [
        ("raw_tp", "sys_enter", "null", 138.0, Some(75.0)),
        ("raw_tp", "sys_enter", "percpu", 169.0, Some(75.0)),
        ("raw_tp", "sys_enter", "filter", 153.0, Some(75.0)),
        ("raw_tp", "sys_enter", "hash", 277.0, Some(75.0)),
        ("tp_btf", "sys_enter", "null", 138.0, Some(75.0)),
        ("tp_btf", "sys_enter", "percpu", 169.0, Some(75.0)),
        ("tp_btf", "sys_enter", "filter", 153.0, Some(75.0)),
        ("tp_btf", "sys_enter", "hash", 277.0, Some(75.0)),
        ("tracepoint", "sys_enter", "null", 357.0, Some(75.0)),
        ("tracepoint", "sys_enter", "percpu", 388.0, Some(75.0)),
        ("tracepoint", "sys_enter", "filter", 372.0, Some(75.0)),
        ("tracepoint", "sys_enter", "hash", 496.0, Some(75.0)),
        ("tracepoint", "getpgid", "null", 444.0, Some(75.0)),
        ("tracepoint", "getpgid", "percpu", 475.0, Some(75.0)),
        ("tracepoint", "getpgid", "filter", 459.0, Some(75.0)),
        ("tracepoint", "getpgid", "hash", 583.0, Some(75.0)),
        ("kprobe", "getpgid", "null", 361.0, Some(75.0)),
        ("kprobe", "getpgid", "percpu", 392.0, Some(75.0)),
        ("kprobe", "getpgid", "filter", 376.0, Some(75.0)),
        ("kprobe", "getpgid", "hash", 500.0, Some(75.0)),
        ("kprobe.multi", "getpgid", "null", 265.0, Some(76.0)),
        ("kprobe.multi", "getpgid", "hash", 404.0, Some(76.0)),
        ("fentry", "getpgid", "null", 130.0, Some(82.0)),
        ("fentry", "getpgid", "hash", 269.0, Some(82.0)),
        ("fexit", "getpgid", "null", 191.0, Some(82.0)),
        ("fexit", "getpgid", "hash", 330.0, Some(82.0)),
        ("uprobe", "nop", "null", 1095.0, None),
        ("uprobe", "push", "null", 1185.0, None),
        ("uprobe", "single-step", "null", 1873.0, None),
        ("uretprobe", "nop", "null", 2147.0, None),
        ("uprobe.multi", "nop", "null", 976.0, None),
        // Nothing reaches the site: what the others pay.
        ("tracepoint", "chdir", "null", 106.0, None),
        ("kprobe", "chdir", "null", 0.0, None),
    ];

    fn within(found: &Value, expected: f64, by: f64) -> bool {
        let found = found["each"].as_f64();
        found.is_some_and(|found| (found - expected).abs() <= by)
    }

    #[test]
    #[ignore = "boots Debian's cloud kernel: run by make test-probes"]
    fn the_quick_experiment_counts_what_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let experiment = root.join("experiments/probes-quick.toml");
        let sandbox = Sandbox::new();
        let run = ["run", experiment.to_str().unwrap(), "--run", "run"];
        sandbox.tollgate(&run).succeeded();
        sandbox.evaluate("run");
        let watches: Value = serde_json::from_str(&sandbox.read("run/watches.json")).unwrap();
        let target = &watches["targets"][0];
        let rows = target["costs"].as_array().unwrap();
        for row in rows {
            assert_eq!(row["runs"], row["expected"], "{row}");
            assert_eq!(row["findings"].as_array().unwrap().len(), 0, "{row}");
            if row["refused"].is_null() {
                assert!(within(&row["idle"], 0.0, 1.0), "{row}");
            } else {
                assert_eq!(row["kind"], "fmod_ret", "{row}");
            }
        }
        let finding = target["findings"][0].as_str().unwrap();
        assert!(finding.starts_with("Additivity holds"), "{finding}");
        assert!(
            sandbox
                .read("run/report.html")
                .contains("What watching adds")
        );
        assert!(sandbox.read("run/watches.txt").contains("fmod_ret"));
        assert!(sandbox.path("run/watches-debian-612.svg").is_file());

        let guests: Value = serde_json::from_str(&sandbox.read("run/guests.json")).unwrap();
        let release = &guests["targets"]["debian-612"]["same"]["release"];
        if release != "6.12.117+deb12-cloud-amd64" {
            eprintln!("the known figures are those of 6.12.117, and this is {release}");
            return;
        }
        for (kind, site, program, added, statistics) in KNOWN {
            let is = |row: &&Value| {
                (&row["kind"], &row["site"], &row["program"])
                    == (&kind.into(), &site.into(), &program.into())
            };
            let row = rows.iter().find(is).unwrap();
            assert!(within(&row["added"], added, 2.0), "{added}: {row}");
            if let Some(statistics) = statistics {
                assert!(
                    within(&row["statistics"], statistics, 1.0),
                    "{statistics}: {row}"
                );
            }
        }
    }
}
