//! `tollgate merge`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Answer, HOST, Sandbox, not_run, own_mounts};
use crate::made_up::{MadeUp, change};

/// A call costs more on some machines, and always more on the other target.
fn cost(machine: u32) -> impl Fn(&str, u32) -> f64 {
    move |target, boot| {
        let base = if target == "host" { 170.0 } else { 187.0 };
        base * (1.0 + 0.001 * f64::from(machine)) + 0.01 * f64::from(boot * 7 % 5)
    }
}

/// Shards 1 to 4 of 4, on two machines.
fn fleet() -> Sandbox {
    let sandbox = Sandbox::new();
    for index in 1..=4 {
        let shard = MadeUp::shard(index, 4, index % 2);
        shard.write(&sandbox.path(&format!("s{index}")), &cost(index % 2));
    }
    sandbox
}

fn merge(sandbox: &Sandbox, out: &str, runs: &[&str]) -> Answer {
    sandbox.tollgate(&[&["merge", out], runs].concat())
}

/// Every file below a folder, with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn nothing_was_written(sandbox: &Sandbox, before: &BTreeMap<String, Vec<u8>>) {
    let mut after = tree(&sandbox.path(""));
    after.retain(|name, _| !name.starts_with("state/"));
    let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(before));
    assert!(after == *before);
}

#[test]
fn a_merged_run_is_a_run_whatever_the_order() {
    let sandbox = fleet();
    let answer = merge(&sandbox, "all", &["s1", "s2", "s3", "s4"]);
    answer.succeeded();
    assert!(
        answer.stderr.contains("48 boots of 4 runs on 2 machines"),
        "{}",
        answer.stderr
    );
    let all = tree(&sandbox.path("all"));
    // In another order, in steps, and with repetitions.
    merge(&sandbox, "a", &["s4", "s2"]).refused(85, &["incomplete: shards 1, 3 of 4 missing"]);
    merge(&sandbox, "b", &["s3", "s1", "s3"]).refused(85, &["shards 2, 4 of 4"]);
    merge(&sandbox, "again", &["b", "a", "s1", "b"]).succeeded();
    assert!(tree(&sandbox.path("again")) == all);
    merge(&sandbox, "itself", &["all"]).succeeded();
    assert!(tree(&sandbox.path("itself")) == all);
    // Raw consoles stay as they were.
    for (name, bytes) in tree(&sandbox.path("s3")) {
        if name != "experiment.toml" {
            let id = MadeUp::shard(3, 4, 1).id();
            assert!(all[&format!("parts/{id}/{name}")] == bytes, "{name}");
        }
    }

    sandbox.evaluate("all");
    let summary: Value = serde_json::from_str(&sandbox.read("all/summary.json")).unwrap();
    for target in summary["targets"].as_array().unwrap() {
        assert_eq!(target["boots_ok"], 24);
        assert_eq!(target["rows"][0]["boots"], 24);
        // Between machines, there is a difference, and no trend.
        assert_eq!(target["rows"][0]["drift"]["run"]["verdict"], "none-seen");
    }
    let table = sandbox.read("all/table.txt");
    assert!(!table.contains("incomplete"), "{table}");
    sandbox.evaluate("again");
    let same = sandbox.tollgate(&["compare", "all", "again"]);
    same.succeeded();
    assert!(
        same.stdout.contains("no difference seen"),
        "{}",
        same.stdout
    );
    sandbox.tollgate(&["diff-env", "all", "again"]).succeeded();
}

#[test]
fn an_incomplete_run_says_so_first_and_counts_what_is_there() {
    let sandbox = fleet();
    let stopped = MadeUp {
        finished: 2,
        ..MadeUp::shard(2, 4, 0)
    };
    fs::remove_dir_all(sandbox.path("s2")).unwrap();
    stopped.write(&sandbox.path("s2"), &cost(0));
    let answer = merge(&sandbox, "all", &["s1", "s2", "s4"]);
    let first = "incomplete: shard 3 of 4 missing; 8 of the other shards' 36 boots not run";
    answer.refused(85, &["28 boots of 3 runs"]);
    assert_eq!(answer.stderr.lines().next(), Some(first));
    sandbox.evaluate("all");
    let table = sandbox.read("all/table.txt");
    let first_line = table.lines().find(|line| !line.trim().is_empty()).unwrap();
    assert!(first_line.contains("incomplete: shard 3 of 4"), "{table}");
    assert!(
        sandbox
            .read("all/report.html")
            .contains("incomplete: shard 3 of 4")
    );
    // The shard is finished later, and its first boots count once.
    let whole = MadeUp::shard(2, 4, 0);
    fs::create_dir(sandbox.path("later")).unwrap();
    whole.write(&sandbox.path("later/s2"), &cost(0));
    merge(&sandbox, "more", &["all", "later/s2", "s3"]).succeeded();
    merge(&sandbox, "fresh", &["s3", "later/s2", "s4", "s1"]).succeeded();
    assert!(tree(&sandbox.path("more")) == tree(&sandbox.path("fresh")));
}

#[test]
fn runs_that_do_not_belong_together_are_refused() {
    let sandbox = fleet();
    let write = |name: &str, shard: MadeUp| {
        shard.write(&sandbox.path(name), &cost(0));
    };
    let of = |index, of| MadeUp {
        run: 50,
        ..MadeUp::shard(index, of, 9)
    };
    write("twice", of(2, 4));
    write("five", of(5, 5));
    write(
        "program",
        MadeUp {
            program: "q",
            ..of(5, 5)
        },
    );
    write(
        "whole",
        MadeUp {
            shard: None,
            ..of(1, 4)
        },
    );
    write("changed", MadeUp { run: 1, ..of(1, 4) });
    write("experiment", of(1, 4));
    change(&sandbox.path("experiment/manifest.json"), |manifest| {
        manifest["experiment_sha256"] = "another".into();
    });
    fs::remove_file(sandbox.path("experiment/experiment.toml")).unwrap();
    write("edited", of(3, 4));
    sandbox.write("edited/experiment.toml", "name = \"another\"\n");
    write("engine", of(3, 4));
    change(&sandbox.path("engine/manifest.json"), |manifest| {
        manifest["targets"][1]["engine"]["name"] = "kvm".into();
    });
    write("old", of(3, 4));
    change(&sandbox.path("old/manifest.json"), |manifest| {
        manifest.as_object_mut().unwrap().remove("identity");
    });
    write("escape", of(3, 4));
    change(&sandbox.path("escape/manifest.json"), |manifest| {
        manifest["id"] = "../../escaped".into();
    });
    write("truncated", of(3, 4));
    let log = sandbox.path("truncated/console/host.6.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, &text[..text.len() / 2]).unwrap();
    write("lost", of(3, 4));
    fs::remove_file(sandbox.path("lost/console/other.10.json")).unwrap();
    write("foreign", of(3, 4));
    let from = sandbox.path("s3/console/host.6.json");
    fs::copy(from, sandbox.path("foreign/console/host.6.json")).unwrap();
    fs::create_dir(sandbox.path("empty")).unwrap();
    let before = tree(&sandbox.path(""));
    for (run, code, texts) in [
        (
            "twice",
            87,
            &["s2", "both shard 2/4", "--despite overlap"][..],
        ),
        ("five", 87, &["shard 2/4", "shard 5/5"]),
        ("program", 87, &["the benchmark program differs (p and q)"]),
        ("whole", 87, &["a whole run"]),
        ("experiment", 87, &["the experiment differs"]),
        (
            "edited",
            65,
            &["edited/experiment.toml", "not the one in the manifest"],
        ),
        ("engine", 87, &["the engine of other differs"]),
        ("old", 65, &["on which machine"]),
        ("escape", 65, &["is not an ID"]),
        ("truncated", 65, &["host.6.log", "changed since the boot"]),
        ("lost", 65, &["other.10.json", "missing", "resume"]),
        ("foreign", 65, &["host.6.json", "another run or boot"]),
        ("empty", 66, &["empty is not a run"]),
        ("nothing", 66, &["nothing is not a run"]),
    ] {
        let answer = merge(&sandbox, "out", &["s2", run]);
        answer.refused(code, texts);
        nothing_was_written(&sandbox, &before);
    }
    merge(&sandbox, "s1", &["s2"]).refused(73, &["s1 already exists"]);
    nothing_was_written(&sandbox, &before);
    sandbox
        .tollgate(&["merge", "out", "s2", "twice", "--despite", "overlap"])
        .refused(85, &["24 boots of 2 runs on 2 machines"]);
}

/// One boot with two contents: the records are right, each for its own console.
#[test]
fn the_same_boot_with_other_bytes_is_an_error() {
    let sandbox = fleet();
    MadeUp::shard(2, 4, 0).write(&sandbox.path("changed"), &cost(5));
    let before = tree(&sandbox.path(""));
    let answer = merge(&sandbox, "out", &["s2", "changed"]);
    answer.refused(65, &["s2/console", "changed/console", "same boot"]);
    nothing_was_written(&sandbox, &before);
}

#[test]
fn a_merged_run_is_not_continued() {
    let sandbox = fleet();
    merge(&sandbox, "out", &["s1", "s2", "s3", "s4"]).succeeded();
    let bench = sandbox.write("bench", "x");
    sandbox.experiment(&bench, 6, HOST);
    let words = ["run", "test.toml", "--resume", "--run", "out"];
    sandbox
        .tollgate(&words)
        .refused(65, &["merged", "continue its parts"]);
}

#[test]
fn two_merges_into_one_folder_make_one_run() {
    let sandbox = fleet();
    let start = || {
        let mut command = sandbox.command(&["merge", "out", "s1", "s2", "s3", "s4"]);
        command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut done = 0;
    for _ in 0..5 {
        let both = [start(), start()];
        for child in both {
            let answer: Answer = child.wait_with_output().unwrap().into();
            match answer.code {
                0 => done += 1,
                73 => assert!(answer.stderr.contains("out already exists")),
                code => panic!("{code}: {}", answer.stderr),
            }
        }
        let out = tree(&sandbox.path("out"));
        assert_eq!(out.len(), 4 * (1 + 24) + 2);
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        let left = tree(&sandbox.path(""));
        assert!(
            !left.keys().any(|name| name.contains(".unfinished")),
            "{left:?}"
        );
    }
    assert_eq!(done, 5);
}

/// A disk of its own that is full after so many kilobytes.
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let Some(own) = own_mounts() else {
        return not_run("test of merge on a full disk", "this user may not mount");
    };
    let sandbox = fleet();
    fs::create_dir(sandbox.path("small")).unwrap();
    let before = tree(&sandbox.path(""));
    for kilobytes in [20, 60, 100, 180] {
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k tmpfs small || exit 99
             \"$TOLLGATE\" merge small/out s1 s2 s3 s4; code=$?
             ls -A small; exit $code"
        );
        let output = std::process::Command::new("unshare")
            .args([own, "sh", "-c", &script])
            .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
            .current_dir(sandbox.path(""))
            .output();
        let answer = Answer::from(output.unwrap());
        answer.refused(74, &["No space left"]);
        assert_eq!(answer.stdout, "", "{kilobytes}");
        nothing_was_written(&sandbox, &before);
    }
}

/// From consoles of twelve machines to the page, with one machine that is 3 % slower.
#[test]
fn an_odd_machine_stands_in_the_table_and_on_the_page() {
    let sandbox = Sandbox::new();
    let mut runs = Vec::new();
    for index in 1..=12 {
        let name = format!("s{index}");
        let slow = if index == 5 { 1.03 } else { 1.0 };
        let own = 1.0 + 0.0005 * f64::from(index * 5 % 7);
        let shard = MadeUp::shard(index, 12, index);
        shard.write(&sandbox.path(&name), &|target, boot| {
            slow * own * cost(0)(target, boot)
        });
        change(
            &sandbox.path(&format!("{name}/manifest.json")),
            |manifest| {
                let turbo = if index == 5 { "off" } else { "on" };
                manifest["machine"]["settings"]["turbo"] = turbo.into();
            },
        );
        runs.push(name);
    }
    let runs: Vec<_> = runs.iter().map(String::as_str).collect();
    merge(&sandbox, "all", &runs).succeeded();
    sandbox.evaluate("all");
    let table = sandbox.read("all/table.txt");
    let odd = "Odd machine 0000000000000006";
    let differs = "setting.turbo (\"off\" instead of \"on\")";
    for words in [
        odd,
        differs,
        "machines like these",
        "spread between machines",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let page = sandbox.read("all/report.html");
    for words in [
        odd,
        "By class of machines",
        "all machines",
        "id=\"machines\"",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let summary: Value = serde_json::from_str(&sandbox.read("all/summary.json")).unwrap();
    assert_eq!(summary["fleet"]["odd"].as_array().unwrap().len(), 1);
}
