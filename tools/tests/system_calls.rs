//! System calls of ordinary kernels, counted: from a benchmark's row in the contract to tables and
//! plots, without another word about it.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use common::{Sandbox, built};
use serde_json::Value;

/// What a run of the exact method counted on Linux and on ring0, whose table lacks call 110.
fn run(sandbox: &Sandbox) -> Value {
    let target = |name, image, more| {
        let image = built(image);
        format!(
            "[[target]]\nname = \"{name}\"\nengine = \"qemu\"\ncpu = \"Skylake-Server\"\n\
             image = \"{}\"\ntimeout-s = 60\n{more}\n",
            image.display()
        )
    };
    let linux = "cmdline = \"console=ttyS0 quiet reboot=k panic=-1\"";
    let text = format!(
        "name = \"test\"\nprogram = \"{}\"\nboots = 1\n\
         [benchmark]\nmethod = \"exact\"\nrounds = 1\n\
         benchmarks = [\"scall\", \"getppid\", \"fcall\"]\n{}{}",
        built("build/guest-bench").display(),
        target("linux", "build/linux/bzImage", linux),
        target("ring0", "build/ring0", "program-as = \"initrd\""),
    );
    sandbox.write("test.toml", text);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.evaluate("run");
    serde_json::from_str(&sandbox.read("run/summary.json")).unwrap()
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn getppid_is_counted_and_its_refusal_has_a_name_of_its_own() {
    let sandbox = Sandbox::new();
    let summary = run(&sandbox);
    let counts = |target: &str| -> Vec<(String, u64)> {
        let targets = summary["targets"].as_array().unwrap();
        let target = targets.iter().find(|t| t["name"] == target).unwrap();
        let counts = target["counts"].as_array().unwrap().iter();
        let count = |c: &Value| {
            let name = c["benchmark"].as_str().unwrap().to_owned();
            (name, c["instructions"].as_u64().expect("a count"))
        };
        counts.map(count).collect()
    };
    let [fcall, scall, getppid] = &counts("linux")[..] else {
        panic!("{summary}");
    };
    assert_eq!((fcall.0.as_str(), fcall.1), ("fcall", 3));
    assert_eq!((scall.0.as_str(), getppid.0.as_str()), ("scall", "getppid"));
    // The same way in and out, and more to do in between.
    assert!(
        (1..100).contains(&(getppid.1 - scall.1)),
        "{scall:?} {getppid:?}"
    );

    let [_, scall, refused] = &counts("ring0")[..] else {
        panic!("{summary}");
    };
    assert_eq!((scall.0.as_str(), scall.1), ("scall", 8));
    assert_eq!(refused.0, "getppid-enosys");
    assert!(refused.1 > scall.1, "{refused:?}");

    for (file, words) in [
        ("summary.csv", ["getppid", "getppid-enosys"]),
        ("table.txt", ["getppid", "getppid-enosys"]),
        ("table.md", ["getppid", "getppid (ENOSYS)"]),
        ("instructions.svg", ["getppid", "getppid (ENOSYS)"]),
        ("report.html", ["getppid", "getppid (ENOSYS)"]),
    ] {
        let text = sandbox.read(&format!("run/{file}"));
        assert!(words.iter().all(|word| text.contains(word)), "{file}");
    }
}
