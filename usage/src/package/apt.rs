//! Gets a source package by apt, with lists and a configuration that only we use.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use host::files;
use tempfile::TempDir;

use super::{Order, PackageError, Tool, absolute, names};

/// Downloads the source into the folder, unless it is there; returns the absolute folder.
pub fn source(order: &Order<'_>, tool: &Tool<'_>) -> Result<PathBuf, PackageError> {
    let (name, version) = parsed(order.source)?;
    let folder = absolute(order.folder)?;
    if let Some((held, held_version)) = held(&folder)? {
        let same = held == name && version.is_none_or(|version| version == held_version);
        return if same {
            Ok(folder)
        } else {
            let what = format!("the source of {held} {held_version}");
            Err(PackageError::Occupied { path: folder, what })
        };
    }
    if !names(&folder)?.is_empty() {
        let what = "something else".into();
        return Err(PackageError::Occupied { path: folder, what });
    }
    let private = private(order.sources)?;
    let log = private.path().join("log");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        let configuration = private.path().join("apt.conf");
        command.env("APT_CONFIG", configuration).args(words);
        command.current_dir(&folder);
        command
    };
    // A list that does not answer matters only if the package is not in the others.
    let updated = tool.run("reading apt's lists", &log, "apt", &mut apt(&["update"]));
    let words = [
        "source",
        "--only-source",
        "--download-only",
        "--",
        order.source,
    ];
    let fetched = tool.run("downloading", &log, "apt", &mut apt(&words));
    let mut said: Vec<_> = Vec::new();
    for step in [updated, fetched] {
        match step {
            Err(PackageError::Failed { said: why, .. }) => said.push(why),
            step => step?,
        }
    }
    match held(&folder)? {
        Some(_) => Ok(folder),
        None => Err(PackageError::Fetch {
            source_package: order.source.to_owned(),
            said: said.join("\n"),
        }),
    }
}

/// The name, and the version if one is given.
fn parsed(source: &str) -> Result<(&str, Option<&str>), PackageError> {
    let (name, version) = match source.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (source, None),
    };
    let allowed = |text: &str, also: &str| {
        let fits = |byte: char| byte.is_ascii_alphanumeric() || also.contains(byte);
        text.starts_with(|byte: char| byte.is_ascii_alphanumeric()) && text.chars().all(fits)
    };
    let fits = allowed(name, "+-.") && version.is_none_or(|version| allowed(version, "+-.~:"));
    fits.then_some((name, version))
        .ok_or_else(|| PackageError::Name(source.to_owned()))
}

/// The file that describes the source in a folder.
pub fn description(folder: &Path) -> Result<Option<PathBuf>, PackageError> {
    let mut names = names(folder)?.into_iter();
    let name = names.find(|name| name.ends_with(".dsc"));
    Ok(name.map(|name| folder.join(name)))
}

/// The name and version of the source in a folder.
pub fn held(folder: &Path) -> Result<Option<(String, String)>, PackageError> {
    let Some(path) = description(folder)? else {
        return Ok(None);
    };
    let text = files::read_text(&path)?;
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    Ok(field("Source:").zip(field("Version:")))
}

/// A configuration like the machine's, but with lists of its own, and without the commands that
/// the machine runs after an update.
fn private(sources: Option<&Path>) -> Result<TempDir, PackageError> {
    let temporary = std::env::temp_dir();
    // apt downloads as a user of its own, who has to get in.
    let folder = tempfile::Builder::new()
        .prefix("tollgate-apt-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .map_err(PackageError::io(&temporary))?;
    for name in ["parts", "lists/partial", "cache/archives/partial"] {
        let path = folder.path().join(name);
        fs::create_dir_all(&path).map_err(PackageError::io(&path))?;
    }
    let lists = match sources {
        Some(file) => vec![(file.to_owned(), files::read_text(file)?)],
        None => machines()?,
    };
    let mut any = false;
    for (number, (path, text)) in lists.iter().enumerate() {
        let kind = if is_deb822(path) { "sources" } else { "list" };
        let text = sources_only(text, is_deb822(path));
        any |= !text.is_empty();
        files::write(&folder.path().join(format!("parts/{number}.{kind}")), text)?;
    }
    if !any {
        return Err(PackageError::NoSources);
    }
    let configuration = configuration(folder.path())?;
    files::write(&folder.path().join("apt.conf"), configuration)?;
    Ok(folder)
}

/// The machine's lists.
fn machines() -> Result<Vec<(PathBuf, String)>, PackageError> {
    let parts = Path::new("/etc/apt/sources.list.d");
    let mut paths = vec![PathBuf::from("/etc/apt/sources.list")];
    if parts.is_dir() {
        let names = names(parts)?.into_iter();
        let known = names.filter(|name| name.ends_with(".list") || name.ends_with(".sources"));
        paths.extend(known.map(|name| parts.join(name)));
    }
    let there = paths.into_iter().filter(|path| path.is_file());
    there
        .map(|path| Ok((path.clone(), files::read_text(&path)?)))
        .collect()
}

fn is_deb822(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "sources")
}

/// The same places, but for sources.
fn sources_only(text: &str, deb822: bool) -> String {
    if deb822 {
        let line = |line: &str| match line.split_once(':') {
            Some(("Types", _)) => "Types: deb-src\n".into(),
            _ => format!("{line}\n"),
        };
        let whole: String = text.lines().map(line).collect();
        return if whole.contains("Types:") {
            whole
        } else {
            String::new()
        };
    }
    let line = |line: &str| {
        let rest = line.trim_start();
        let rest = rest
            .strip_prefix("deb-src")
            .or_else(|| rest.strip_prefix("deb"))?;
        rest.starts_with([' ', '\t'])
            .then(|| format!("deb-src{rest}\n"))
    };
    let lines: BTreeSet<_> = text.lines().filter_map(line).collect();
    lines.into_iter().collect()
}

fn configuration(folder: &Path) -> Result<String, PackageError> {
    let dump = Command::new("apt-config").arg("dump").output();
    let dump = dump.map_err(|error| PackageError::NotInstalled {
        program: "apt-config".into(),
        package: "apt",
        error,
    })?;
    let dump = String::from_utf8_lossy(&dump.stdout);
    let kept = dump.lines().filter(|line| !line.contains("-Invoke"));
    let mut text: String = kept.map(|line| format!("{line}\n")).collect();
    let folder = folder.display();
    for (key, value) in [
        ("Dir::Etc::parts", "/dev/null".to_owned()),
        ("Dir::Etc::main", "/dev/null".to_owned()),
        ("Dir::Etc::sourcelist", "/dev/null".to_owned()),
        ("Dir::Etc::sourceparts", format!("{folder}/parts")),
        ("Dir::State::lists", format!("{folder}/lists")),
        ("Dir::Cache", format!("{folder}/cache")),
        ("Dir::Cache::pkgcache", String::new()),
        ("Dir::Cache::srcpkgcache", String::new()),
    ] {
        text += &format!("{key} \"{value}\";\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_programs_become_lists_of_sources() {
        let old = "# deb http://x a b\ndeb [arch=amd64] http://d bookworm main\n\
                   deb-src [arch=amd64] http://d bookworm main\ndebug x\n";
        let new = "deb-src [arch=amd64] http://d bookworm main\n";
        assert_eq!(sources_only(old, false), new);
        let old = "Types: deb deb-src\nURIs: http://d\nSuites: bookworm\n";
        let new = "Types: deb-src\nURIs: http://d\nSuites: bookworm\n";
        assert_eq!(sources_only(old, true), new);
        assert_eq!(sources_only("# nothing\n", true), "");
    }

    #[test]
    fn names_that_are_options_or_paths_are_refused() {
        assert_eq!(parsed("hello").unwrap(), ("hello", None));
        assert_eq!(parsed("g++=4:12~1-1").unwrap(), ("g++", Some("4:12~1-1")));
        for wrong in ["", "-o", "../x", "a b", "hello=", "hello=-1", "hello/sid"] {
            let error = parsed(wrong).unwrap_err().to_string();
            assert!(error.contains("fix: "), "{error}");
        }
    }

    #[test]
    fn a_folder_with_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(held(folder.path()).unwrap(), None);
        let text = "Format: 3.0\nSource: hello\nVersion: 2.10-3\n";
        fs::write(folder.path().join("hello_2.10-3.dsc"), text).unwrap();
        let (name, version) = held(folder.path()).unwrap().unwrap();
        assert_eq!((&*name, &*version), ("hello", "2.10-3"));
    }
}
