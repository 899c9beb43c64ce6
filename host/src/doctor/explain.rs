//! Explains a check: what it judges, its sources, and their current content.

use std::fs;
use std::io::Read;

use super::checks::{self, Check};
use crate::tree::Tree;

/// A check, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its name.
    pub check: &'static str,
    /// Its section of docs/DOCTOR.md.
    pub text: &'static str,
    /// Its sources.
    pub sources: Vec<Source>,
}

/// Something that a check reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A file, an instruction or a system call.
    pub name: String,
    /// The file's current content, or why it cannot be read; `None` if it is not a file.
    pub now: Option<String>,
}

/// The names of all checks.
pub fn checks() -> impl Iterator<Item = &'static str> {
    checks::ALL.iter().map(|check| check.name)
}

/// Explains the check of that name for these measuring CPUs; `None` if the name is not that of
/// a check.
pub fn explain(name: &str, tree: &Tree, cpus: &[usize]) -> Option<Explanation> {
    let check = checks::ALL.iter().find(|check| check.name == name)?;
    let sources = sources(check, cpus).into_iter();
    Some(Explanation {
        check: check.name,
        text: section(check.name)?,
        sources: sources.flat_map(|source| look(tree, source)).collect(),
    })
}

/// The check's sources: a file of each measuring CPU has its own path.
pub(super) fn sources(check: &Check, cpus: &[usize]) -> Vec<String> {
    const CPU: &str = "{cpu}";
    let sources = check.reads.iter().flat_map(|source| {
        if source.contains(CPU) {
            cpus.iter()
                .map(|cpu| source.replace(CPU, &cpu.to_string()))
                .collect()
        } else {
            vec![(*source).to_owned()]
        }
    });
    sources.collect()
}

const DOCUMENT: &str = include_str!("../../../docs/DOCTOR.md");

/// The check's section of the document.
fn section(name: &str) -> Option<&'static str> {
    let (_, rest) = DOCUMENT.split_once(&format!("\n### {name}\n"))?;
    let end = ["\n### ", "\n## "]
        .iter()
        .filter_map(|next| rest.find(next))
        .min();
    Some(rest.get(..end.unwrap_or(rest.len()))?.trim())
}

/// How many files are shown for a pattern.
const MOST: usize = 8;

/// The source with its current content; a pattern gives the files that match it.
fn look(tree: &Tree, source: String) -> Vec<Source> {
    let Some(path) = path(&source) else {
        return vec![Source {
            name: source,
            now: None,
        }];
    };
    if !path.contains('*') {
        let now = Some(contents(tree, path));
        return vec![Source { name: source, now }];
    }
    let paths = expand(tree, path);
    let files = paths.iter().take(MOST).map(|path| Source {
        name: path.clone(),
        now: Some(contents(tree, path)),
    });
    let mut files: Vec<_> = files.collect();
    if paths.len() > MOST || files.is_empty() {
        let more = match paths.len() {
            0 => "no file has such a name".to_owned(),
            all => format!("{} more", all - MOST),
        };
        files.push(Source {
            name: source,
            now: Some(more),
        });
    }
    files
}

/// The source's path, if it is a file: behind a comma stands when it is read, or what of it.
fn path(source: &str) -> Option<&str> {
    let path = source.split(',').next()?;
    (path.starts_with('/') && !path.contains(' ') && !path.contains("PID")).then_some(path)
}

/// The paths of a source's files on this machine.
#[cfg(test)]
pub(super) fn files(tree: &Tree, source: &str) -> Vec<String> {
    path(source).map_or_else(Vec::new, |path| expand(tree, path))
}

/// The paths that match a pattern, in which `*` stands for any part of a name.
fn expand(tree: &Tree, pattern: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    for part in pattern.split('/').skip(1) {
        let fits = |name: &String| match part.split_once('*') {
            Some((start, end)) => {
                name.len() + 1 >= part.len() && name.starts_with(start) && name.ends_with(end)
            }
            None => name == part,
        };
        let below = paths.into_iter().flat_map(|path| {
            let names = if part.contains('*') {
                tree.names(&path)
            } else {
                vec![part.to_owned()]
            };
            let names = names.into_iter().filter(fits);
            names
                .map(move |name| format!("{path}/{name}"))
                .collect::<Vec<_>>()
        });
        paths = below.collect();
    }
    paths.retain(|path| tree.place(path).exists());
    paths
}

/// Longer lines are cut off.
const LINE: usize = 100;

/// The first line of a file. Devices are not read, because they do not contain text.
fn contents(tree: &Tree, path: &str) -> String {
    let place = tree.place(path);
    let read = || {
        if !fs::metadata(&place)?.is_file() {
            return Ok("a device or a folder".to_owned());
        }
        let mut text = Vec::new();
        fs::File::open(&place)?.take(4096).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let text = match read() {
        Ok(text) => text,
        Err(error) => {
            let error: std::io::Error = error;
            return format!("cannot be read: {error}");
        }
    };
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or("(empty)");
    let cut: String = first.chars().take(LINE).collect();
    if first.len() > cut.len() || lines.next().is_some() {
        cut + " …"
    } else {
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn every_check_says_what_it_reads_and_why() {
        let (_folder, tree) = laid_out::<&str>(&[]);
        for check in checks() {
            let explanation = explain(check, &tree, &[0, 1]).unwrap();
            assert!(explanation.text.len() > 50, "{check}: {}", explanation.text);
            assert!(
                !explanation.text.contains('#'),
                "{check}: {}",
                explanation.text
            );
            assert!(!explanation.sources.is_empty(), "{check}");
        }
        assert_eq!(explain("no check", &tree, &[0]), None);
    }

    #[test]
    fn sources_are_shown_with_what_stands_there() {
        let cpu = "sys/devices/system/cpu";
        let (_folder, tree) = laid_out(&[
            (
                format!("{cpu}/cpu1/cpufreq/scaling_governor"),
                "powersave\n",
            ),
            ("proc/self/status".to_owned(), "Name:\tx\nSeccomp:\t0\n"),
            ("sys/class/hwmon/hwmon0/temp1_input".to_owned(), "71000"),
        ]);
        let now = |check: &str| {
            let sources = explain(check, &tree, &[1]).unwrap().sources;
            let sources = sources.into_iter().take(3);
            sources
                .map(|source| (source.name, source.now))
                .collect::<Vec<_>>()
        };
        let missing = "cannot be read: No such file or directory (os error 2)";
        let named = |name: &str, now: &str| (name.to_owned(), Some(now.to_owned()));
        let governor = [
            named(
                "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
                "powersave",
            ),
            named(
                "/sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq",
                missing,
            ),
            named(
                "/sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq",
                missing,
            ),
        ];
        assert_eq!(now("governor"), governor);
        assert_eq!(
            now("system-calls"),
            [named("/proc/self/status", "Name:\tx …")]
        );
        let heat = named("/sys/class/hwmon/hwmon0/temp1_input", "71000");
        assert_eq!(now("throttling")[2], heat);
        assert_eq!(now("tsc-step")[0].1, None);
    }
}
