//! What gcov counted, for the files that a program is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::{Coverage, Executed, FileCoverage, Function};
use crate::package::{PackageError, Tool, elf_files};
use crate::result::Package;

/// What `gcov --json-format` prints.
#[derive(Deserialize)]
struct Report {
    current_working_directory: PathBuf,
    files: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    file: PathBuf,
    lines: Vec<Line>,
    functions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Line {
    line_number: u64,
    count: u64,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    start_line: u64,
    execution_count: u64,
}

/// Whether each line and function was executed. A header's are in several objects.
#[derive(Default)]
struct Counted {
    lines: BTreeMap<u64, bool>,
    functions: BTreeMap<(u64, String), bool>,
}

/// Removes what earlier executions counted.
pub fn forget(tree: &Path) -> Result<(), PackageError> {
    for path in files_of(tree, "gcda")? {
        fs::remove_file(&path).map_err(PackageError::io(&path))?;
    }
    Ok(())
}

/// Reads what was counted.
pub fn count(tree: &Path, package: Package, tool: &Tool<'_>) -> Result<Coverage, PackageError> {
    let mut counted = BTreeMap::new();
    for notes in notes(tree, &package)? {
        if tool.stop.load(Ordering::Relaxed) {
            return Err(PackageError::Interrupted);
        }
        add(&mut counted, tree, report(tree, &notes)?);
    }
    if counted.is_empty() {
        let program = package.program.clone().unwrap_or(package.source);
        return Err(PackageError::NoData { program });
    }
    Ok(summed(package, counted))
}

/// The compiler's notes on each object of the program: those whose counters it holds. A program
/// names the file of each of its objects' counters.
fn notes(tree: &Path, package: &Package) -> Result<Vec<PathBuf>, PackageError> {
    let all = files_of(tree, "gcno")?;
    let Some(program) = &package.program else {
        return Ok(all);
    };
    let program = tree.join(program);
    let mut held = BTreeSet::new();
    for path in elf_files(tree)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path == program || name.contains(".so") {
            held.extend(counters(&fs::read(&path).map_err(PackageError::io(&path))?));
        }
    }
    Ok(all
        .into_iter()
        .filter(|notes| held.contains(notes))
        .collect())
}

/// The notes that belong to the counters whose names are among these bytes.
fn counters(bytes: &[u8]) -> impl Iterator<Item = PathBuf> {
    let strings = bytes.split(|byte| *byte == 0);
    let strings = strings.filter(|string| string.ends_with(b".gcda"));
    strings.filter_map(|string| {
        let start = string.iter().position(|byte| *byte == b'/')?;
        let name = std::str::from_utf8(string.get(start..)?).ok()?;
        Some(Path::new(name).with_extension("gcno"))
    })
}

fn report(tree: &Path, notes: &Path) -> Result<Report, PackageError> {
    let output = Command::new("gcov")
        .args(["--json-format", "--stdout"])
        .arg(notes)
        .current_dir(tree)
        .output()
        .map_err(|error| PackageError::NotInstalled {
            program: "gcov".into(),
            package: "gcc",
            error,
        })?;
    let wrong = |reason: String| PackageError::Gcov {
        path: notes.to_owned(),
        reason,
    };
    if !output.status.success() {
        return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().into()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| wrong(error.to_string()))
}

/// Only files of the tree: the system's headers are not the program.
fn add(counted: &mut BTreeMap<String, Counted>, tree: &Path, report: Report) {
    let folder = tree.join(&report.current_working_directory);
    for source in report.files {
        let path = normal(&folder.join(&source.file));
        let Ok(inside) = path.strip_prefix(tree) else {
            continue;
        };
        let file: &mut Counted = counted.entry(inside.display().to_string()).or_default();
        for line in source.lines {
            *file.lines.entry(line.line_number).or_default() |= line.count > 0;
        }
        for entry in source.functions {
            let function = file.functions.entry((entry.start_line, entry.name));
            *function.or_default() |= entry.execution_count > 0;
        }
    }
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

fn summed(package: Package, counted: BTreeMap<String, Counted>) -> Coverage {
    let mut coverage = Coverage {
        package,
        lines: Executed::default(),
        functions: Executed::default(),
        files: Vec::new(),
        never: Vec::new(),
    };
    for (file, counted) in counted {
        let lines = executed(counted.lines.values());
        let functions = executed(counted.functions.values());
        coverage.lines += lines;
        coverage.functions += functions;
        let never = counted
            .functions
            .into_iter()
            .filter(|(_, entered)| !entered);
        coverage
            .never
            .extend(never.map(|((line, name), _)| Function {
                file: file.clone(),
                line,
                name,
            }));
        coverage.files.push(FileCoverage {
            file,
            lines,
            functions,
        });
    }
    coverage
}

fn executed<'a>(each: impl Iterator<Item = &'a bool>) -> Executed {
    let mut sum = Executed::default();
    for executed in each {
        sum.all += 1;
        sum.executed += u64::from(*executed);
    }
    sum
}

impl std::ops::AddAssign for Executed {
    fn add_assign(&mut self, other: Self) {
        self.executed += other.executed;
        self.all += other.all;
    }
}

/// The files of a tree with this extension, sorted.
fn files_of(tree: &Path, extension: &str) -> Result<Vec<PathBuf>, PackageError> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(PackageError::io(&folder))? {
            let entry = entry.map_err(PackageError::io(&folder))?;
            let kind = entry.file_type().map_err(PackageError::io(&folder))?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::example;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn only_what_the_program_is_made_of_counts() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().canonicalize().unwrap();
        let sources = [
            (
                "main.c",
                "#include \"half.h\"\nint unused(void);\n\nint main(int n, char **v) {\n  return half(n) ? unused() : 0;\n}\n",
            ),
            (
                "more.c",
                "#include \"half.h\"\nint unused(void) {\n  return half(8);\n}\n",
            ),
            ("test.c", "int test(void) {\n  return 1;\n}\n"),
            (
                "half.h",
                "static inline int half(int n) {\n  return n / 2;\n}\n",
            ),
        ];
        for (name, text) in sources {
            fs::write(tree.join(name), text).unwrap();
        }
        let gcc = |words: &[&str]| {
            let status = Command::new("gcc").args(words).current_dir(&tree).status();
            assert!(status.unwrap().success(), "{words:?}");
        };
        gcc(&["--coverage", "-O0", "-c", "main.c", "more.c", "test.c"]);
        gcc(&["--coverage", "-o", "program", "main.o", "more.o"]);
        assert!(
            Command::new(tree.join("program"))
                .status()
                .unwrap()
                .success()
        );

        let stop = AtomicBool::new(false);
        let tool = Tool {
            stop: &stop,
            note: &|_| {},
        };
        let package = Package {
            program: Some("program".into()),
            ..example()
        };
        let found = count(&tree, package, &tool).unwrap();
        let files: Vec<_> = found.files.iter().map(|file| &*file.file).collect();
        assert_eq!(files, ["half.h", "main.c", "more.c"]);
        // half.h is executed in one object, and not in the other.
        assert_eq!(
            found.lines,
            Executed {
                executed: 4,
                all: 6
            }
        );
        assert_eq!(
            found.functions,
            Executed {
                executed: 2,
                all: 3
            }
        );
        let never: Vec<_> = found
            .never
            .iter()
            .map(|never| (&*never.name, never.line))
            .collect();
        assert_eq!(never, [("unused", 2)]);
        assert!(
            found.to_string().contains("4 of 6 lines (66.7 %)"),
            "{found}"
        );

        forget(&tree).unwrap();
        let package = Package {
            program: Some("program".into()),
            ..example()
        };
        let found = count(&tree, package, &tool).unwrap();
        assert_eq!(
            found.lines,
            Executed {
                executed: 0,
                all: 6
            }
        );
        let package = Package {
            program: Some("main.c".into()),
            ..example()
        };
        let error = count(&tree, package, &tool).unwrap_err().to_string();
        assert!(error.contains("no coverage data for main.c"), "{error}");
    }
}
