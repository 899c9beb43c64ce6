//! The programs that a build made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::elf::{ET_EXEC, PT_INTERP};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectKind};

use super::{PackageError, SubjectOf};

/// Programs that an error lists.
const LISTED: usize = 20;

/// The program to explore, by its path in the tree; `None`: everything.
pub fn choose(
    tree: &Path,
    source: &str,
    subject: SubjectOf<'_>,
) -> Result<Option<PathBuf>, PackageError> {
    let all = match subject {
        SubjectOf::Everything => return Ok(None),
        _ => programs(tree)?,
    };
    if let SubjectOf::Program(path) = subject {
        let inside = path.strip_prefix(tree).unwrap_or(path);
        let known = all.iter().find(|known| *known == inside);
        let unknown = || PackageError::NotAProgram {
            path: path.to_owned(),
            among: list(&all),
        };
        return known.cloned().map(Some).ok_or_else(unknown);
    }
    let mut named = all
        .iter()
        .filter(|path| is_named(path, source))
        .collect::<Vec<_>>();
    // libtool executes this one, if it is there, in place of the other.
    named.sort_by_key(|path| !file_name(path).starts_with("lt-"));
    match (named.as_slice(), all.as_slice()) {
        ([one], _) => Ok(Some((*one).clone())),
        ([], [one]) => Ok(Some(one.clone())),
        ([first, second], _) if first.parent() == second.parent() => Ok(Some((*first).clone())),
        (_, []) => Err(PackageError::NoProgram(source.to_owned())),
        _ => Err(PackageError::Which { among: list(&all) }),
    }
}

fn list(all: &[PathBuf]) -> String {
    let names = all
        .iter()
        .take(LISTED)
        .map(|path| path.display().to_string());
    let names: Vec<_> = names.collect();
    let more = all.len().saturating_sub(LISTED);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    names.join(", ") + &rest
}

fn is_named(path: &Path, source: &str) -> bool {
    let name = file_name(path);
    name.strip_prefix("lt-").unwrap_or(&name) == source
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Every program in a tree, by its path there.
pub fn programs(tree: &Path) -> Result<Vec<PathBuf>, PackageError> {
    let mut found = Vec::new();
    for path in elf_files(tree)? {
        let data = fs::read(&path).map_err(PackageError::io(&path))?;
        if is_program(&data) {
            found.push(path.strip_prefix(tree).unwrap_or(&path).to_owned());
        }
    }
    Ok(found)
}

fn is_program(data: &[u8]) -> bool {
    let Ok(file) = ElfFile64::<Endianness>::parse(data) else {
        return false;
    };
    let endian = file.endian();
    let mut headers = file.elf_program_headers().iter();
    let asks_for_loader = headers.any(|header| header.p_type(endian) == PT_INTERP);
    let fixed = file.elf_header().e_type.get(endian) == ET_EXEC;
    let kind = file.kind();
    fixed || (asks_for_loader && matches!(kind, ObjectKind::Dynamic | ObjectKind::Executable))
}

/// Every executable ELF file in a tree, sorted: programs and shared libraries.
pub fn elf_files(tree: &Path) -> Result<Vec<PathBuf>, PackageError> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(PackageError::io(&folder))? {
            let entry = entry.map_err(PackageError::io(&folder))?;
            let path = entry.path();
            let facts = fs::symlink_metadata(&path).map_err(PackageError::io(&path))?;
            if facts.is_dir() {
                folders.push(path);
            } else if facts.is_file() && facts.permissions().mode() & 0o111 != 0 && is_elf(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_elf(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with a copy of a real program under each name.
    fn tree(names: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for name in names {
            let path = tree.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy("/bin/true", path).unwrap();
        }
        fs::write(tree.path().join("script"), "#!/bin/sh\n").unwrap();
        tree
    }

    fn chosen(names: &[&str], subject: SubjectOf<'_>) -> Result<Option<PathBuf>, String> {
        let tree = tree(names);
        choose(tree.path(), "hello", subject).map_err(|error| error.to_string())
    }

    #[test]
    fn the_program_is_the_one_with_the_name_or_the_only_one() {
        let found = |names: &[&str]| chosen(names, SubjectOf::Found).unwrap().unwrap();
        assert_eq!(found(&["src/hello", "src/test"]), Path::new("src/hello"));
        assert_eq!(found(&["src/other"]), Path::new("src/other"));
        let libtool = ["a/.libs/hello", "a/.libs/lt-hello"];
        assert_eq!(found(&libtool), Path::new("a/.libs/lt-hello"));
        assert_eq!(chosen(&["x"], SubjectOf::Everything), Ok(None));
    }

    #[test]
    fn several_programs_have_to_be_chosen_from() {
        let error = chosen(&["a", "b"], SubjectOf::Found).unwrap_err();
        assert!(error.contains("--program: a, b"), "{error}");
        let error = chosen(&[], SubjectOf::Found).unwrap_err();
        assert!(error.contains("no program"), "{error}");
        let error = chosen(&["a"], SubjectOf::Program(Path::new("script"))).unwrap_err();
        assert!(
            error.contains("script is not a program; fix: name one of a"),
            "{error}"
        );
        let one = chosen(&["a", "b"], SubjectOf::Program(Path::new("b")));
        assert_eq!(one, Ok(Some("b".into())));
    }
}
