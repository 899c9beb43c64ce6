//! `tollgate usage` on a database, on a program's files and on a program's source.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::path::Path;

use common::{Sandbox, conforms};
use serde_json::Value;

/// Two applications, in the public layout, with its quirks: no header, columns that overlap,
/// blanks, and marks of an unused call.
fn database() -> Sandbox {
    let sandbox = Sandbox::new();
    let put = |folder: &str, file: &str, table: &str| {
        let data = sandbox.path("db").join(folder).join("data");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join(file), table).unwrap();
    };
    let header = "# syscall, used, works faked, works stubbed, works both\n";
    let first = format!("{header}0,Y,N,N,N\n3,Y,N,Y,N\n9,Y,N,N,N\n231,Y,Y,Y,Y\n");
    put("nginx/benchmark-wrk/imported", "dyn.csv", &first);
    put(
        "nginx/benchmark-wrk/imported",
        "static_binary.csv",
        "# syscall, used\n0,Y\n3,Y\n9,Y\n",
    );
    put(
        "redis/benchmark-redis/imported",
        "dyn.csv",
        "0,Y,N,N,N \n1,N,Y,Y,Y\n\n3,Y,Y,N,N\n",
    );
    put(
        "redis/benchmark-redis/imported",
        "static_binary.csv",
        "0,Y\n3,Y\n",
    );
    put("flask/suite/imported", "dyn.csv", "0,Y,N,N,N\n");
    sandbox.write("kernel.syscalls", "read\nfutimensat\n");
    sandbox
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_search_prints_plots_and_exports() {
    let sandbox = database();
    let search = ["usage", "search", "--db", "db", "-w", "bench"];
    let shown = sandbox.tollgate(&[&search[..], &["--show", "--json"]].concat());
    shown.succeeded();
    let shown = json(&shown.stdout);
    conforms(&shown, "usage-search");
    assert_eq!(shown["required"], serde_json::json!(["read", "mmap"]));
    assert_eq!(shown["conflict"], serde_json::json!(["close"]));
    assert_eq!(shown["both"], serde_json::json!(["exit_group"]));
    assert_eq!(shown["no_data"], serde_json::json!(["flask"]));

    let plots = [
        "--cumulative",
        "--heatmap",
        "--histogram",
        "--output",
        "plots",
    ];
    sandbox
        .tollgate(&[&search[..], &plots].concat())
        .succeeded();
    for name in ["cumulative.svg", "heatmap.svg", "histogram.svg"] {
        assert!(
            sandbox.read(&format!("plots/{name}")).starts_with("<svg"),
            "{name}"
        );
    }
    assert!(
        sandbox
            .read("plots/usage.html")
            .contains("Without data, and therefore not plotted: flask")
    );

    let export = [&search[..], &["--sqlite", "all.sqlite"]].concat();
    sandbox.tollgate(&export).succeeded();
    assert!(
        fs::read(sandbox.path("all.sqlite"))
            .unwrap()
            .starts_with(b"SQLite format 3")
    );
    sandbox
        .tollgate(&export)
        .refused(73, &["all.sqlite already exists"]);
}

#[test]
fn a_plan_says_what_comes_first() {
    let sandbox = database();
    let plan = [
        "usage",
        "plan",
        "--db",
        "db",
        "-w",
        "bench",
        "--supported",
        "kernel.syscalls",
    ];
    let answer = sandbox.tollgate(&[&plan[..], &["--json"]].concat());
    answer.succeeded();
    assert!(
        answer.stderr.contains("kernel.syscalls:2: "),
        "{}",
        answer.stderr
    );
    let answer = json(&answer.stdout);
    conforms(&answer, "usage-plan");
    assert_eq!(answer["missing"]["implement"][0]["conflict"], true);
    assert_eq!(answer["steps"][0]["applications"][0], "redis");
    assert_eq!(answer["no_data"], serde_json::json!(["flask"]));
    let text = sandbox.tollgate(&[&plan[..], &["--compat", "loupe"]].concat());
    text.succeeded();
    let covered = "Supported without changes (1):\n  redis\n\nStep 1: nginx";
    assert!(text.stdout.contains(covered), "{}", text.stdout);
}

#[test]
fn a_wrong_database_is_named_with_its_line() {
    let sandbox = database();
    let show = |more: &[&str]| sandbox.tollgate(&[&["usage", "search", "--show"], more].concat());
    show(&["--db", "nowhere"]).refused(66, &["nowhere"]);
    show(&["--db", "db", "-a", "../db"]).refused(64, &["../db"]);
    show(&["--db", "db", "-w", "fuzz"]).refused(64, &["fuzz"]);
    show(&["--db", "db", "-a", "ghost"]).refused(65, &["no measurement", "other applications"]);
    show(&["--db", "db", "--measurement", "nginx/suite/imported"]).refused(64, &["nginx/suite"]);
    sandbox.write(
        "db/flask/suite/imported/data/dyn.csv",
        "0,Y,N,N,N\n1,maybe,N,N,N\n",
    );
    show(&["--db", "db"]).refused(65, &["dyn.csv:2: ", "\"maybe\" is neither Y nor N"]);
    let plan = [
        "usage",
        "plan",
        "--db",
        "db",
        "--supported",
        "db/flask/suite/imported/data/dyn.csv",
    ];
    sandbox.tollgate(&plan).refused(65, &["dyn.csv:1: "]);
}

#[test]
fn a_target_of_a_run_counts_only_with_calls_that_were_tried() {
    let sandbox = database();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/before");
    let plan = |target: &str| {
        let supported = format!("{}:{target}", run.display());
        sandbox.tollgate(&["usage", "plan", "--db", "db", "--supported", &supported])
    };
    plan("linux").refused(66, &["does not exist", "calls-linux.txt"]);
    plan("ghost").refused(70, &["a target \"ghost\""]);
}

#[test]
fn a_programs_files_and_source_are_read() {
    let sandbox = Sandbox::new();
    let source = "#include <unistd.h>\nint main(void) { return getppid() == 0; }\n";
    fs::create_dir(sandbox.path("source")).unwrap();
    let source = sandbox.write("source/main.c", source);
    let program = sandbox.path("program");
    let gcc = std::process::Command::new("gcc")
        .arg("-o")
        .arg(&program)
        .arg(source)
        .status();
    assert!(gcc.unwrap().success());
    for (kind, path) in [("binary", "program"), ("source", "source")] {
        let found = sandbox.tollgate(&["usage", "static", kind, path, "--json"]);
        found.succeeded();
        let found = json(&found.stdout);
        conforms(&found, &format!("usage-static-{kind}"));
        let mut calls = found["calls"].as_array().unwrap().iter();
        assert!(
            calls.any(|found| found["call"] == "getppid"),
            "{kind}: {found}"
        );
    }
    sandbox
        .tollgate(&["usage", "static", "binary", "source/main.c"])
        .refused(65, &["main.c"]);
    sandbox
        .tollgate(&["usage", "static", "source", "nowhere"])
        .refused(66, &["nowhere"]);
}

#[test]
fn a_recipe_becomes_a_measurement() {
    let sandbox = Sandbox::new();
    let recipe = sandbox.path("recipe");
    fs::create_dir(&recipe).unwrap();
    fs::write(recipe.join("recipe.toml"), "command = [\"true\"]\n").unwrap();
    let generate = |words: &[&str]| {
        let line = [
            "usage", "generate", "--db", "made", "-a", "true", "--recipe", "recipe",
        ];
        sandbox.tollgate(&[&line[..], &["--replicas", "1"], words].concat())
    };
    generate(&["--bench"]).refused(64, &["cannot be the name"]);
    generate(&["--suite", "--bench"]).refused(64, &["--bench"]);
    generate(&["--suite", "--root", "no.tar", "-d", "no"]).refused(64, &["--root"]);
    let made = generate(&["--suite"]);
    made.succeeded();
    assert!(
        made.stdout.contains("calls that discovery saw ("),
        "{}",
        made.stdout
    );
    let folder = "made/true/suite/imported";
    for file in [
        "cmd.txt",
        "explore.logs",
        "usage.json",
        "data/static_binary.csv",
    ] {
        assert!(
            !sandbox.read(&format!("{folder}/{file}")).is_empty(),
            "{file}"
        );
    }
    let shown = sandbox.tollgate(&["usage", "search", "--db", "made", "--show", "--json"]);
    let shown = json(&shown.stdout);
    assert!(
        shown["required"]
            .as_array()
            .unwrap()
            .contains(&"mmap".into()),
        "{shown}"
    );
    generate(&["--suite"]).refused(73, &["--allow-dirty replaces it"]);
    generate(&["--suite", "--allow-dirty"]).succeeded();
    fs::write(recipe.join("recipe.toml"), "command = []\n").unwrap();
    generate(&["--suite"]).refused(65, &["recipe.toml", "needs a program"]);
    let seen = format!("{folder}/usage.json");
    let share = [
        "usage",
        "static",
        "binary",
        "/bin/true",
        "--json",
        "--seen",
        &seen,
    ];
    let share = sandbox.tollgate(&share);
    share.succeeded();
    conforms(&json(&share.stdout), "usage-static-share");
}
