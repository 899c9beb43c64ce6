//! `tollgate usage package` and `tollgate usage coverage`, on a package that the test makes: apt
//! reads it from a folder, so nothing needs a network.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::{Sandbox, conforms, not_run};
use serde_json::Value;

const PROGRAM: &str = "#include <stdio.h>
#include <string.h>
static int never(void) {
  return 7;
}
int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], \"seven\") == 0)
    return never();
  puts(\"four\");
  return 0;
}
";

const RULES: &str = "#!/usr/bin/make -f
include /usr/share/dpkg/buildflags.mk
build: tiny
tiny: tiny.c
\t$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<
check:
\t./tiny | grep -qx four
clean:
\trm -f tiny
binary: build
";

/// Makes the package, and a folder that apt can read it from.
fn archive(sandbox: &Sandbox) {
    let control = "Source: tiny\nMaintainer: Nobody <nobody@example.org>\n\n\
                   Package: tiny\nArchitecture: any\nDescription: prints a number\n";
    let changelog = "tiny (1.0) unstable; urgency=low\n\n  * First.\n\n \
                     -- Nobody <nobody@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n";
    for (name, text) in [
        ("tiny.c", PROGRAM),
        ("debian/rules", RULES),
        ("debian/control", control),
        ("debian/changelog", changelog),
        ("debian/source/format", "3.0 (native)\n"),
    ] {
        let path = sandbox.path("archive/tiny-1.0").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rules = sandbox.path("archive/tiny-1.0/debian/rules");
    fs::set_permissions(rules, fs::Permissions::from_mode(0o755)).unwrap();
    let script = "dpkg-source --build tiny-1.0 && rm -r tiny-1.0 && dpkg-scansources . > Sources";
    let folder = sandbox.path("archive");
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(&folder)
        .output();
    let made = made.unwrap();
    assert!(made.status.success(), "{made:?}");
    let line = format!("deb [trusted=yes] copy:{} ./\n", folder.display());
    sandbox.write("tiny.list", line);
}

/// Whether this machine has what builds packages; else the test counts as not run.
fn builds_packages() -> bool {
    let tools = "command -v apt-get dpkg-buildpackage dpkg-scansources gcov make";
    let mut command = Command::new("sh");
    command.args(["-c", tools]).stdout(Stdio::null());
    let found = command.status().unwrap().success();
    if !found {
        not_run("test of usage package", "dpkg-dev or gcc is not installed");
    }
    found
}

#[test]
fn a_package_is_built_explored_and_its_coverage_counted() {
    if !builds_packages() {
        return;
    }
    let sandbox = Sandbox::new();
    archive(&sandbox);
    let words = ["usage", "package", "tiny", "--sources", "tiny.list"];
    let explored = sandbox.tollgate(&[&words[..], &["--replicas", "1"]].concat());
    explored.succeeded();
    assert!(explored.stderr.contains("test.log"), "{}", explored.stderr);
    let result: Value = serde_json::from_str(&sandbox.read("usage.json")).unwrap();
    let package = &result["package"];
    assert_eq!(package["version"], "1.0");
    assert_eq!(package["test"], "debian/rules check");
    assert_eq!(package["program"], "tiny");
    let calls = result["calls"].as_array().unwrap();
    let verdict = |name: &str| {
        let mut calls = calls.iter();
        calls
            .find(|used| used["call"] == name)
            .map(|used| &used["verdict"])
    };
    assert_eq!(verdict("write").unwrap(), "required");
    // Only the program's: make and the shell start other programs.
    assert_eq!(verdict("execve"), None);

    let coverage = sandbox.tollgate(&["usage", "coverage", "usage.json", "--json"]);
    coverage.succeeded();
    let coverage: Value = serde_json::from_str(&coverage.stdout).unwrap();
    conforms(&coverage, "usage-coverage");
    assert_eq!(coverage["functions"]["executed"], 1);
    assert_eq!(coverage["functions"]["all"], 2);
    assert_eq!(coverage["never"][0]["name"], "never");

    // A test that does not notice that the program is gone.
    let blind = sandbox.tollgate(&[&words[..], &["--test", "./tiny; true"]].concat());
    blind.refused(1, &["passes without the program", "/bin/false as"]);
    let fails = sandbox.tollgate(&[&words[..], &["--test", "echo no; exit 3"]].concat());
    fails.refused(
        1,
        &[
            "echo no; exit 3 fails even with all calls",
            "test.log",
            "\nno",
        ],
    );
    let other = sandbox.tollgate(&[&words[..], &["--program", "tiny.c"]].concat());
    other.refused(65, &["tiny.c is not a program; fix: name one of tiny"]);
    let gone = ["usage", "package", "absent", "--sources", "tiny.list"];
    sandbox
        .tollgate(&gone)
        .refused(66, &["source of absent; fix: "]);
    fs::remove_dir_all(sandbox.path("tiny")).unwrap();
    let gone = sandbox.tollgate(&["usage", "coverage", "usage.json"]);
    gone.refused(66, &["no longer contains the source of the package; fix: "]);
}

#[test]
fn wrong_packages_and_folders_are_refused_before_anything_starts() {
    let sandbox = Sandbox::new();
    let wrong = sandbox.tollgate(&["usage", "package", "../hello"]);
    wrong.refused(
        64,
        &["\"../hello\" is not the name of a source package; fix: "],
    );
    fs::create_dir(sandbox.path("full")).unwrap();
    sandbox.write("full/mine", "");
    let full = sandbox.tollgate(&["usage", "package", "hello", "--folder", "full"]);
    full.refused(
        73,
        &["full holds something else; fix: choose another --folder"],
    );
}
