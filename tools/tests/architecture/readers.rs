//! Files of /proc and /sys that two parts of `host` once read in two ways have one reader.

use std::fs;
use std::path::Path;

/// What only a reader writes, and the file of `host/src` in which it is.
const READERS: [(&str, &str); 5] = [
    ("thread_siblings_list\"", "core_files.rs"),
    ("scaling_available_frequencies\")", "core_files.rs"),
    ("acpi_cppc/nominal_freq\")", "core_files.rs"),
    // The fields of /proc/PID/stat.
    ("rsplit_once(')')", "process_stat.rs"),
    // The CPUs' lines of /proc/stat.
    ("strip_prefix(\"cpu\")", "cpu_time.rs"),
];

/// The doctor's list of what each check reads, for `--explain`.
const LISTS: &str = "doctor/checks/mod.rs";

#[test]
fn a_file_of_the_system_has_one_reader() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src");
    let mut sources = Vec::new();
    read(&root, &root, &mut sources);
    for (words, reader) in READERS {
        let found: Vec<_> = sources
            .iter()
            .filter(|(name, code)| name != LISTS && code.contains(words))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(found, [reader], "{words}");
    }
}

/// Each file's code, without its tests.
fn read(folder: &Path, root: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() {
            if !name.contains("fake") && !name.ends_with("tests") {
                read(&path, root, sources);
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            sources.push((name, code.to_owned()));
        }
    }
}
