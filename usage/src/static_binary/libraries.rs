//! Finds the files that are loaded together, as ld.so(8) does.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use super::StaticError;
use super::elf::Elf;

pub(super) struct Closure {
    /// The program, its libraries in the order in which names are looked up, its loader.
    pub(super) files: Vec<Elf>,
    /// Libraries that were not found.
    pub(super) missing: Vec<String>,
}

/// Where libraries lie by default, on Debian and elsewhere.
const FOLDERS: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib/x86_64-linux-gnu",
    "/usr/local/lib",
];

/// The program and all libraries that it and they need.
pub(super) fn closure(program: &Path) -> Result<Closure, StaticError> {
    let configured = configured(Path::new("/etc/ld.so.conf"), 0);
    let first = Elf::read(program)?;
    let loader = first.loader.clone();
    let mut seen = BTreeSet::new();
    let mut missing = Vec::new();
    let mut waiting: VecDeque<(String, Vec<PathBuf>)> = wanted(&first).into();
    let mut files = vec![first];
    while let Some((name, search)) = waiting.pop_front() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let folders = search.iter().chain(&configured).cloned();
        let mut folders = folders.chain(FOLDERS.map(PathBuf::from));
        let found = folders.find_map(|folder| Elf::read(&folder.join(&name)).ok());
        match found {
            Some(library) => {
                waiting.extend(wanted(&library));
                files.push(library);
            }
            None => missing.push(name),
        }
    }
    // A library may name the loader, which is already in the list.
    if let Some(loader) = loader {
        let name = loader.file_name().unwrap_or_default();
        if !files.iter().any(|file| file.path.file_name() == Some(name)) {
            match Elf::read(&loader) {
                Ok(file) => files.push(file),
                Err(_) => missing.push(loader.display().to_string()),
            }
        }
    }
    Ok(Closure { files, missing })
}

/// The libraries that a file needs, and where it wants them looked for first.
fn wanted(file: &Elf) -> Vec<(String, Vec<PathBuf>)> {
    let origin = file.path.parent().unwrap_or(Path::new("."));
    let origin = origin.to_string_lossy();
    let folders = file.search.iter().map(|folder| {
        let folder = folder.replace("${ORIGIN}", &origin);
        PathBuf::from(folder.replace("$ORIGIN", &origin))
    });
    let folders: Vec<PathBuf> = folders.collect();
    let needed = file.needed.iter().cloned();
    needed.map(|name| (name, folders.clone())).collect()
}

/// The folders of ld.so.conf and of what it includes.
fn configured(file: &Path, depth: u32) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut folders = Vec::new();
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("include ") {
            Some(pattern) if depth < 4 => {
                for included in included(pattern.trim()) {
                    folders.extend(configured(&included, depth + 1));
                }
            }
            Some(_) => {}
            None if line.starts_with('/') => folders.push(line.into()),
            None => {}
        }
    }
    folders
}

/// The files of a folder, in the order of names: `/etc/ld.so.conf.d/*.conf`.
fn included(pattern: &str) -> Vec<PathBuf> {
    let Some((folder, end)) = pattern.split_once('*') else {
        return vec![pattern.into()];
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<_> = files
        .filter(|f| f.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    files
}
