//! The steps between a package's source and its tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{PackageError, Tool, apt, gone};

/// Unpacks the source of a folder, unless that was done.
pub fn unpack(folder: &Path, tree: &Path, tool: &Tool<'_>) -> Result<PathBuf, PackageError> {
    if tree.is_dir() {
        return Ok(tree.to_owned());
    }
    let description = apt::description(folder)?.ok_or_else(|| gone(folder))?;
    // Renamed when it is whole, so that an interruption does not leave half a tree.
    let part = tree.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(PackageError::io(&part))?;
    }
    let mut command = Command::new("dpkg-source");
    command.arg("--extract").arg(&description).arg(&part);
    let log = tree.with_extension("unpack.log");
    tool.run("unpacking", &log, "dpkg-dev", &mut command)?;
    fs::rename(&part, tree).map_err(PackageError::io(tree))?;
    Ok(tree.to_owned())
}

/// Builds without the tests, which come later.
pub fn build(
    tree: &Path,
    environment: &[(&str, &str)],
    tool: &Tool<'_>,
) -> Result<(), PackageError> {
    dependencies(tree)?;
    let options = env::var("DEB_BUILD_OPTIONS").unwrap_or_default();
    let mut command = Command::new("dpkg-buildpackage");
    command
        .args([
            "--no-check-builddeps",
            "--no-pre-clean",
            "--rules-target=build",
        ])
        .current_dir(tree)
        .env("DEB_BUILD_OPTIONS", format!("{options} nocheck"));
    for (name, value) in environment {
        command.env(name, value);
    }
    let log = tree.with_extension("build.log");
    tool.run("the build", &log, "dpkg-dev", &mut command)
}

fn dependencies(tree: &Path) -> Result<(), PackageError> {
    let output = Command::new("dpkg-checkbuilddeps")
        .current_dir(tree)
        .env("LC_ALL", "C")
        .output();
    let output = output.map_err(|error| PackageError::NotInstalled {
        program: "dpkg-checkbuilddeps".into(),
        package: "dpkg-dev",
        error,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let missing = said
        .split_once("dependencies: ")
        .map_or(&*said, |(_, names)| names);
    Err(PackageError::Dependencies {
        missing: missing.trim().to_owned(),
        tree: tree.to_owned(),
    })
}

/// Runs its tests once, in the tree itself, so that what they compile is there for all runs.
pub fn run_test(tree: &Path, test: &str, tool: &Tool<'_>) -> Result<(), PackageError> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", test]).current_dir(tree);
    let log = tree.with_extension("test.log");
    match tool.run("its tests", &log, "dash", &mut command) {
        Err(PackageError::Failed { log, said, .. }) => Err(PackageError::Tests {
            test: test.to_owned(),
            log,
            said,
        }),
        ended => ended,
    }
}
