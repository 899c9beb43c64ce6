//! A command is words in and an exit code out: whatever is longer belongs to a library.

use std::fs;
use std::path::{Path, PathBuf};

/// A command's file has fewer lines.
const LINES: usize = 60;

#[test]
fn a_commands_file_is_short() {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands"));
    assert!(files.len() > 15, "only {} files", files.len());
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let long: Vec<_> = files.iter().filter(|file| lines(file) >= LINES).collect();
    assert!(long.is_empty(), "{LINES} lines or more: {long:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
