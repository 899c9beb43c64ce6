//! Runs: from an experiment to tables, and everything that can go wrong on the way.
//!
//! They need what `make kernels initramfs` builds, and are run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

#[path = "../common/mod.rs"]
mod common;

mod damaged;
mod guests;
mod resumed;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

use common::{HOST, Sandbox, built, linux, ring0, target};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Every finished boot's console.
fn consoles(sandbox: &Sandbox, run: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = sandbox.path(run).join("console");
    let records = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    records
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|record| {
            let log = record.with_extension("log");
            let name = record.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(log).unwrap())
        })
        .collect()
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn the_quick_experiment_goes_all_the_way() {
    let sandbox = Sandbox::new();
    let experiment = built("experiments/quick.toml");
    sandbox
        .tollgate(&["run", experiment.to_str().unwrap()])
        .succeeded();
    sandbox.evaluate("results/latest");

    let manifest = json(&sandbox.read("results/latest/manifest.json"));
    let bench = manifest["program"]["file"]["sha256"].as_str().unwrap();
    let ran: Vec<_> = manifest["targets"].as_array().unwrap().iter().collect();
    assert!(ran.iter().all(|target| target["program_sha256"] == bench));
    assert!(manifest["machine"]["tsc"]["measured_hz"].as_f64().unwrap() > 1e8);

    let boots = sandbox.read("results/latest/boots.csv");
    let guests = ["linux", "linux-nomitig", "ring0", "ring0-full"];
    for target in guests {
        for boot in 0..2 {
            let line = boots
                .lines()
                .find(|line| line.starts_with(&format!("{target}-exact,{boot},")));
            assert!(line.unwrap().contains(",ok,192,noop,"), "{boots}");
        }
    }
    for file in [
        "table.txt",
        "table.md",
        "table.tex",
        "comparison.svg",
        "report.html",
        "summary.csv",
    ] {
        let text = sandbox
            .read(&format!("results/latest/{file}"))
            .to_lowercase();
        for word in ["linux", "ring0", "host"] {
            assert!(text.contains(word), "{word} is not in {file}");
        }
    }
    // What is only counted has no time to show, and the host has no count.
    for (file, word) in [("boots.svg", "Host"), ("instructions.svg", "Linux")] {
        let plot = sandbox.read(&format!("results/latest/{file}"));
        assert!(plot.contains(word), "{word} is not in {file}");
    }
    let summary = json(&sandbox.read("results/latest/summary.json"));
    common::conforms(&summary, "summary");
    let count = |target: &str, benchmark: &str| {
        let targets = summary["targets"].as_array().unwrap();
        let target = targets.iter().find(|t| t["name"] == target).unwrap();
        let counts = target["counts"].as_array().unwrap();
        let count = counts.iter().find(|c| c["benchmark"] == benchmark).unwrap();
        count["instructions"].as_u64().expect("a count")
    };
    for target in guests {
        let name = format!("{target}-exact");
        assert_eq!((count(&name, "fcall"), count(&name, "fcall_chain")), (3, 4));
        assert!(count(&name, "scall") >= 8);
    }
    // By the code of its handler.
    assert_eq!(count("ring0-exact", "scall"), 8);
    assert!(count("linux-exact", "scall") > count("linux-nomitig-exact", "scall"));
    let targets = summary["targets"].as_array().unwrap();
    let host = targets.iter().find(|t| t["name"] == "host").unwrap();
    assert_eq!(host["rows"].as_array().unwrap().len(), 4);
}

/// An emulator makes every machine unfit.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_table_from_an_unfit_machine_says_so_in_its_first_line() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 1, &ring0());
    let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
    run.succeeded();
    assert!(run.stderr.contains("UNFIT FOR MEASURING"), "{}", run.stderr);
    let manifest = json(&sandbox.read("run/manifest.json"));
    assert_eq!(manifest["doctor"]["fit"], false);
    assert!(manifest["doctor"]["noise"]["seconds"].as_f64().unwrap() >= 2.0);
    for stage in ["parse", "process"] {
        sandbox.tollgate(&[stage, "run"]).succeeded();
    }
    let report = sandbox.tollgate(&["report", "run"]);
    let files = ["table.txt", "table.md", "table.tex"];
    let tables = files.map(|file| sandbox.read(&format!("run/{file}")));
    for table in tables.iter().chain([&report.stdout]) {
        let first = table.lines().next().unwrap();
        assert!(first.contains("UNFIT FOR MEASURING"), "{table}");
        assert!(first.contains("engine"), "{table}");
    }
    for table in &tables {
        let numbers = table.find("ring0").unwrap();
        assert!(numbers < table.find("Doctor, unfit: engine: ").unwrap());
    }
    for plot in ["comparison.svg", "distribution.svg"] {
        let plot = sandbox.read(&format!("run/{plot}"));
        assert!(plot.contains("UNFIT FOR MEASURING"));
        assert!(plot.contains("emulated"));
    }
    let compared = sandbox.tollgate(&["compare", "run", "run"]).stdout;
    assert!(compared.starts_with("The before run: UNFIT"), "{compared}");
    assert!(
        compared.contains("\nDoctor, after run: unfit: engine"),
        "{compared}"
    );
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn mitigations_are_off_where_they_are_switched_off() {
    let sandbox = Sandbox::new();
    let off = "cmdline = \"console=ttyS0 quiet mitigations=off\"";
    let off = target("off", &built("build/linux/bzImage"), off);
    sandbox.experiment(&built("build/guest-bench"), 1, &(linux() + &off));
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    let on = sandbox.read("run/console/linux.0.log");
    let off = sandbox.read("run/console/off.0.log");
    assert!(
        on.contains("meta\tvulnerability.spectre_v2\tMitigation: "),
        "{on}"
    );
    assert!(
        off.contains("meta\tvulnerability.spectre_v2\tVulnerable"),
        "{off}"
    );
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_target_without_image_is_listed_and_the_rest_runs() {
    let sandbox = Sandbox::new();
    let unikraft = "[[target]]\nname = \"unikraft\"\nengine = \"qemu\"\nprogram-as = \"initrd\"\n";
    sandbox.experiment(
        &built("build/guest-bench"),
        2,
        &(HOST.to_owned() + unikraft),
    );
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(0, &["unikraft", "image = "]);
    sandbox.evaluate("run");
    assert_eq!(consoles(&sandbox, "run").len(), 2);
    for file in [
        "table.txt",
        "table.md",
        "table.tex",
        "comparison.svg",
        "report.html",
    ] {
        let text = sandbox.read(&format!("run/{file}"));
        assert!(text.contains("no image"), "{file}:\n{text}");
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn names_with_spaces_and_commas_are_names() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("a, b")).unwrap();
    let image = sandbox.write("a, b/ring 0,", fs::read(built("build/ring0")).unwrap());
    let targets = target("ring0", &image, "program-as = \"initrd\"");
    sandbox.experiment(&built("build/guest-bench"), 1, &targets);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "a, b/run, 1"])
        .succeeded();
    sandbox.evaluate("a, b/run, 1");
}
