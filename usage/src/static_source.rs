//! Finds the system calls in a program's C source: calls of the C library's wrappers, and
//! `syscall(SYS_…)`, in the syntax tree. A function that the source defines itself is not
//! the library's. Macros are not expanded, and other languages are not read.

mod wrappers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;
use tree_sitter::{Node, Parser};

use crate::Call;
use crate::lines::list;

/// The calls in a source tree.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StaticSource {
    /// How many files were read: those that end with .c or .h.
    pub files: usize,
    /// The calls that were found, by number.
    pub calls: Vec<FoundInSource>,
    /// Where `syscall` has a number that is not written there, as `FILE:LINE`.
    pub unknown: Vec<String>,
}

/// A call and where it is made.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundInSource {
    /// The call.
    pub call: Call,
    /// Its number.
    pub number: u32,
    /// `FILE:LINE`, with the path below the source tree.
    pub places: Vec<String>,
}

/// Why a source tree cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file or folder.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The folder does not contain C.
    #[error("{} does not contain a .c or .h file", path.display())]
    NoSource {
        /// The folder.
        path: PathBuf,
    },
    /// The parser.
    #[error("the C parser cannot be set up: {0}")]
    Parser(#[from] tree_sitter::LanguageError),
}

/// What is in a file.
#[derive(Default)]
struct Uses {
    /// Functions that are defined there.
    defined: BTreeSet<String>,
    /// Functions that are called by name, with the line.
    called: Vec<(String, usize)>,
    /// The first argument of `syscall`, with the line.
    numbers: Vec<(String, usize)>,
}

/// Reads all C below a folder, or one file.
///
/// # Errors
///
/// [`SourceError`].
pub fn analyse(path: &Path) -> Result<StaticSource, SourceError> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        return Err(SourceError::NoSource { path: path.into() });
    }
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_c::LANGUAGE.into())?;
    let mut uses = Vec::new();
    for file in &files {
        let text = fs::read(file).map_err(io(file))?;
        let name = file
            .strip_prefix(path)
            .ok()
            .filter(|name| !name.as_os_str().is_empty());
        let name = name.unwrap_or(file).display().to_string();
        let mut found = Uses::default();
        if let Some(tree) = parser.parse(&text, None) {
            found.read(tree.root_node(), &text);
        }
        uses.push((name, found));
    }
    Ok(merge(&uses))
}

fn merge(uses: &[(String, Uses)]) -> StaticSource {
    let defined: BTreeSet<&str> = uses
        .iter()
        .flat_map(|(_, found)| found.defined.iter().map(String::as_str))
        .collect();
    let mut calls: BTreeMap<Call, Vec<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (file, found) in uses {
        for (name, line) in &found.called {
            let wrapped = wrappers::wrapped(name).filter(|_| !defined.contains(name.as_str()));
            if let Some(call) = wrapped {
                calls
                    .entry(call)
                    .or_default()
                    .push(format!("{file}:{line}"));
            }
        }
        for (number, line) in &found.numbers {
            let place = format!("{file}:{line}");
            match number_of(number) {
                Some(call) => calls.entry(call).or_default().push(place),
                None => unknown.push(place),
            }
        }
    }
    let calls = calls.into_iter().map(|(call, places)| FoundInSource {
        call,
        number: call.0,
        places,
    });
    StaticSource {
        files: uses.len(),
        calls: calls.collect(),
        unknown,
    }
}

/// `SYS_read`, `__NR_read`, or a number.
fn number_of(text: &str) -> Option<Call> {
    let name = text
        .strip_prefix("SYS_")
        .or_else(|| text.strip_prefix("__NR_"));
    match name {
        Some(name) => name.parse().ok(),
        None => text.parse().ok().map(Call),
    }
}

impl Uses {
    fn read(&mut self, root: Node<'_>, text: &[u8]) {
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            match node.kind() {
                "function_definition" => self.defined.extend(defined(node, text)),
                "call_expression" => self.call(node, text),
                _ => {}
            }
            let mut cursor = node.walk();
            let children: Vec<_> = node.children(&mut cursor).collect();
            waiting.extend(children.into_iter().rev());
        }
    }

    fn call(&mut self, node: Node<'_>, text: &[u8]) {
        let function = node.child_by_field_name("function");
        let Some(function) = function.filter(|function| function.kind() == "identifier") else {
            return;
        };
        let line = node.start_position().row + 1;
        let name = words(function, text);
        if name != "syscall" {
            self.called.push((name, line));
            return;
        }
        let arguments = node.child_by_field_name("arguments");
        let number = arguments.and_then(|arguments| arguments.named_child(0));
        let number = number.map_or_else(String::new, |number| words(number, text));
        self.numbers.push((number, line));
    }
}

/// The name of the function that is defined.
fn defined(definition: Node<'_>, text: &[u8]) -> Option<String> {
    let mut node = definition.child_by_field_name("declarator")?;
    while node.kind() != "identifier" {
        node = node.child_by_field_name("declarator")?;
    }
    Some(words(node, text))
}

fn words(node: Node<'_>, text: &[u8]) -> String {
    let bytes = text.get(node.byte_range()).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> SourceError {
    let path = path.to_owned();
    move |error| SourceError::Io { path, error }
}

/// The C files of a folder, by name. Links are not followed.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let kind = fs::symlink_metadata(path).map_err(io(path))?;
    if kind.is_file() {
        let is_c = path.extension().is_some_and(|end| end == "c" || end == "h");
        files.extend(is_c.then(|| path.to_owned()));
    } else if kind.is_dir() {
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(io(path))? {
            inside.push(entry.map_err(io(path))?.path());
        }
        inside.sort();
        for path in inside {
            collect(&path, files)?;
        }
    }
    Ok(())
}

impl Display for StaticSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let calls: Vec<Call> = self.calls.iter().map(|found| found.call).collect();
        writeln!(f, "Calls ({}):\n{}", calls.len(), list(2, &calls))?;
        writeln!(f, "{} C files. Other languages are not read.", self.files)?;
        for place in &self.unknown {
            writeln!(f, "Unknown number: {place}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> StaticSource {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        analyse(folder.path()).unwrap()
    }

    fn names(source: &StaticSource) -> Vec<String> {
        source
            .calls
            .iter()
            .map(|found| found.call.to_string())
            .collect()
    }

    #[test]
    fn wrappers_and_numbers_are_found_with_their_places() {
        let source = found(&[(
            "src/a.c",
            "#include <unistd.h>\nint main(void) {\n  char b[1];\n  if (read(0, b, 1) < 0)\n    \
             _exit(1);\n  syscall(SYS_gettid);\n  syscall(__NR_openat2, 1);\n  syscall(500);\n  \
             return waitpid(1, 0, 0) + syscall(b[0]);\n}\n",
        )]);
        assert_eq!(
            names(&source),
            ["read", "wait4", "gettid", "exit_group", "openat2", "500"]
        );
        assert_eq!(source.calls[0].places, ["src/a.c:4"]);
        assert_eq!(source.unknown, ["src/a.c:9"]);
    }

    #[test]
    fn words_that_call_nothing_are_not_found() {
        let source = found(&[(
            "a.h",
            "/* read(0) */ struct s { int (*write)(int); };\nstatic const char *t = \"close(1)\";\n\
             int f(struct s *s) { int open = 1; return s->write(open); }\n",
        )]);
        assert_eq!(names(&source), Vec::<String>::new());
    }

    #[test]
    fn a_function_of_the_source_is_not_the_librarys() {
        let own = "static char *pipe(int x) { return 0; }\nvoid g(void) { pipe(1); dup(1); }\n";
        let other = "void h(void) { pipe(2); }\n";
        assert_eq!(names(&found(&[("a.c", own), ("b.c", other)])), ["dup"]);
    }

    #[test]
    fn a_folder_without_c_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            analyse(folder.path()),
            Err(SourceError::NoSource { .. })
        ));
        let missing = analyse(&folder.path().join("nowhere"));
        assert!(matches!(missing, Err(SourceError::Io { .. })));
    }
}
