//! `make install`, and what it installs: the program, manual pages, completions.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// The program as it was built, with or without a plugin in its folder.
struct Build(TempDir);

impl Build {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::copy(cargo_bin("tollgate"), folder.path().join("tollgate")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `make install` into a folder below this one.
    fn install(&self, words: &[String]) -> Output {
        Command::new("make")
            .arg("-C")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .args(["--no-print-directory", "install"])
            .arg(format!("TOLLGATE={}", self.path("tollgate").display()))
            .args(words)
            // Those of `make test`.
            .env_remove("MAKEFLAGS")
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_owned()).unwrap()
}

fn ran(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    text(&output.stdout)
}

#[test]
fn everything_is_installed_below_destdir_and_prefix_and_runs() {
    let build = Build::new();
    fs::write(build.path("libtollgate-trace.so"), "the plugin").unwrap();
    let destdir = build.path("stage");
    let output = build.install(&[
        format!("DESTDIR={}", destdir.display()),
        "PREFIX=/opt/tollgate".to_owned(),
    ]);
    assert!(output.status.success(), "{output:?}");

    let root = destdir.join("opt/tollgate");
    let installed = [
        "bin/tollgate",
        "lib/tollgate/libtollgate-trace.so",
        "share/man/man1/tollgate.1",
        "share/man/man1/tollgate-boot.1",
        "share/man/man1/tollgate-tune-apply.1",
        "share/bash-completion/completions/tollgate",
        "share/fish/vendor_completions.d/tollgate.fish",
        "share/zsh/site-functions/_tollgate",
    ];
    for file in installed {
        assert!(root.join(file).is_file(), "{file}");
    }
    assert!(ran(&root.join("bin/tollgate"), &["-V"]).starts_with("tollgate "));

    // What fails is the image, which is not a kernel; the plugin was found before.
    let trace = Command::new(root.join("bin/tollgate"))
        .args(["trace", "--experiment", "gone.toml"])
        .arg(cargo_bin("tollgate"))
        .current_dir(build.0.path())
        .output()
        .unwrap();
    assert!(
        !text(&trace.stderr).contains("plugin is not there"),
        "{trace:?}"
    );
}

#[test]
fn without_a_plugin_there_is_none_and_trace_says_where_it_looked() {
    let build = Build::new();
    let prefix = build.path("prefix");
    let output = build.install(&[format!("PREFIX={}", prefix.display())]);
    assert!(output.status.success(), "{output:?}");
    assert!(!prefix.join("lib").exists());

    let trace = Command::new(prefix.join("bin/tollgate"))
        .args(["trace", "--experiment", "gone.toml"])
        .arg(cargo_bin("tollgate"))
        .env_remove("TOLLGATE_TRACE_PLUGIN")
        .current_dir(build.0.path())
        .output()
        .unwrap();
    assert_eq!(trace.status.code(), Some(69), "{trace:?}");
    assert!(
        text(&trace.stderr).contains("libtollgate-trace.so"),
        "{trace:?}"
    );
}

#[test]
fn a_program_that_was_not_built_is_named_with_the_remedy() {
    let build = Build::new();
    fs::remove_file(build.path("tollgate")).unwrap();
    let output = build.install(&[format!("PREFIX={}", build.path("prefix").display())]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("make tools"), "{output:?}");
    assert!(!build.path("prefix").exists());
}

#[test]
fn each_command_has_a_page_that_keeps_the_lines_of_its_notes() {
    let folder = TempDir::new().unwrap();
    let program = cargo_bin("tollgate");
    ran(&program, &["man", folder.path().to_str().unwrap()]);
    let help = ran(&program, &["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"boot"), "{commands:?}");
    for command in commands {
        let page = folder.path().join(format!("tollgate-{command}.1"));
        let page = fs::read_to_string(page).unwrap();
        let name = format!("tollgate-{command} - ").replace('-', "\\-");
        assert!(page.contains(&name), "{page}");
    }
    let page = fs::read_to_string(folder.path().join("tollgate.1")).unwrap();
    let codes = page.split(".nf\n").nth(1).unwrap();
    assert!(codes.contains("\n  124      `boot`"), "{codes}");
    assert!(!folder.path().join("tollgate-man.1").exists());
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("tollgate.bash");
    let completions = ran(&cargo_bin("tollgate"), &["completions", "bash"]);
    fs::write(&script, completions).unwrap();
    let completed = |words: &str| {
        let count = words.split(' ').count() - 1;
        let program = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={count}; \
             _tollgate tollgate \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[*]}}\"",
            script.display()
        );
        ran(Path::new("bash"), &["-c", &program])
    };
    assert_eq!(completed("tollgate doc"), "doctor\n");
    assert_eq!(completed("tollgate boot --time"), "--timeout\n");
    assert_eq!(completed("tollgate boot --engine kv"), "kvm\n");
    assert_eq!(completed("tollgate tune ap"), "apply\n");
}

#[test]
fn every_shell_has_completions_of_all_commands() {
    let program = cargo_bin("tollgate");
    for shell in ["bash", "zsh", "fish"] {
        let script = ran(&program, &["completions", shell]);
        for word in ["doctor", "diff-env", "huge-pages", "offline-siblings"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_short_version_is_one_line_and_the_long_one_names_what_belongs_to_it() {
    let build = Build::new();
    let program = build.path("tollgate");
    let short = ran(&program, &["-V"]);
    assert_eq!(short.lines().count(), 1, "{short}");
    let long = ran(&program, &["--version"]);
    assert!(long.starts_with(&short), "{long}");
    assert!(long.contains("guest-bench: not found"), "{long}");
    assert!(long.contains("console 2"), "{long}");

    let guest_bench = build.path("guest-bench");
    fs::write(&guest_bench, "abc").unwrap();
    let long = ran(&program, &["--version"]);
    // FIPS 180-2, appendix B.1.
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let expected = format!("guest-bench: sha256 {hash} ({})", guest_bench.display());
    assert!(long.contains(&expected), "{long}");
}
