//! Embeds the commit and the compiler from which the tool is built, for the manifests of its
//! runs.

use std::process::Command;

fn main() {
    println!("cargo::rustc-env=TOLLGATE_COMMIT={}", commit());
    println!("cargo::rustc-env=TOLLGATE_RUSTC={}", compiler());
    // A static program relocates itself at every start. Packed relocations take a thirtieth of the
    // file, all of which would have to be read. musl supports them since 1.2.4, GNU ld since 2.38.
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    // The index changes with every commit, checkout and staged file.
    if let Some(index) = git(&["rev-parse", "--git-path", "index"]) {
        println!("cargo::rerun-if-changed={index}");
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    match Command::new(rustc).arg("--version").output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "rustc of unknown version".into(),
    }
}

fn commit() -> String {
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown commit".into();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changed) if changed.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

fn git(args: &[&str]) -> Option<String> {
    // Otherwise git would refresh the index, and the next build would start from scratch.
    let output = Command::new("git")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args(args)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}
