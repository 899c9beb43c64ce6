//! Cycles of modules: to read one of them, you would have to read all of them.
//!
//! Compares the modules of one folder, each with everything below it: an arrow from `a::b` to
//! `c::d` is one from `a` to `c`. A module and its own submodules may use each other, and
//! tests may use anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::crates;
use super::paths::{self, Named};

/// A module's place in its crate: `["engine", "kvm"]`.
type Module = Vec<String>;

/// The text of each module, without its tests.
type Sources = BTreeMap<Module, String>;

#[test]
fn modules_do_not_form_cycles() {
    let mut cycles = Vec::new();
    for folder in crates::folders() {
        for root in roots(&folder) {
            let found = cycles_of(&sources(&root));
            let name = root.strip_prefix(folder.parent().unwrap()).unwrap();
            let name = name.display();
            cycles.extend(found.into_iter().map(|cycle| format!("{name}: {cycle}")));
        }
    }
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

/// The files in which a crate's library and its programs begin.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let manifest = crates::manifest(folder);
    let programs = manifest.get("bin").and_then(toml::Value::as_array);
    let library = manifest.get("lib").into_iter();
    let named = library.chain(programs.into_iter().flatten());
    let named = named.filter_map(|part| part.get("path")?.as_str());
    let mut roots: Vec<_> = ["src/lib.rs", "src/main.rs"]
        .into_iter()
        .chain(named)
        .map(|root| folder.join(root))
        .filter(|root| root.exists())
        .collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Every file below the folder of `root`, except those that only tests see. A root with a name
/// of its own has its own modules in a folder of that name, before those that it shares.
fn sources(root: &Path) -> Sources {
    let mut sources = Sources::new();
    read(root.parent().unwrap(), &[], &mut sources);
    let own = root.file_stem().unwrap().to_str().unwrap();
    if !["lib", "main"].contains(&own) {
        let all = std::mem::take(&mut sources);
        let (owned, shared): (Sources, Sources) = all
            .into_iter()
            .partition(|(module, _)| module.first().is_some_and(|first| first == own));
        sources = shared;
        sources.extend(owned.into_iter().map(|(module, text)| {
            let inside = module.get(1..).unwrap_or_default();
            (inside.to_vec(), text)
        }));
    }
    let mut tests = BTreeSet::new();
    for (module, text) in &sources {
        let mut lines = text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let next = lines.peek().copied().unwrap_or_default();
            let declared = next.trim_start_matches("pub ").strip_prefix("mod ");
            if line == "#[cfg(test)]"
                && let Some(name) = declared.and_then(|name| name.strip_suffix(';'))
            {
                tests.insert([module.as_slice(), &[name.to_owned()]].concat());
            }
        }
    }
    sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    for text in sources.values_mut() {
        // By custom a file's tests are its end.
        if let Some((code, _)) = text.split_once("#[cfg(test)]\nmod tests {") {
            *text = code.to_owned();
        }
    }
    sources
}

fn read(folder: &Path, module: &[String], sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let inside = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            read(&path, &inside, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_the_folders = ["lib", "main", "mod"].contains(&name.as_str());
            let module = if is_the_folders {
                module.to_vec()
            } else {
                inside
            };
            let text = fs::read_to_string(&path).unwrap();
            // A crate may be a library and a program.
            *sources.entry(module).or_default() += &text;
        }
    }
}

/// The cycles of a crate, each in words.
fn cycles_of(sources: &Sources) -> Vec<String> {
    let uses: BTreeMap<&Module, Vec<Named>> = sources
        .iter()
        .map(|(module, text)| (module, paths::find(text)))
        .collect();
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, named) in &uses {
        for named in named {
            let Some(target) = resolve(&uses, module, &named.path, 0) else {
                continue;
            };
            let same = module.iter().zip(&target).take_while(|(a, b)| a == b);
            let end = same.count() + 1;
            if let (Some(from), Some(to)) = (module.get(..end), target.get(..end)) {
                arrows.entry(from.to_vec()).or_default().insert(to.to_vec());
            }
        }
    }
    let mut found = BTreeMap::new();
    for start in arrows.keys() {
        if let Some(cycle) = way_back(&arrows, start) {
            let members: BTreeSet<_> = cycle.iter().cloned().collect();
            let names: Vec<_> = cycle.iter().map(|module| module.join("::")).collect();
            found.entry(members).or_insert_with(|| names.join(" → "));
        }
    }
    found.into_values().collect()
}

/// The module in which a path of another module ends, whatever was imported under another
/// name on the way; none outside of the crate.
fn resolve(
    uses: &BTreeMap<&Module, Vec<Named>>,
    from: &Module,
    path: &[String],
    depth: usize,
) -> Option<Module> {
    // The compiler reports an import that leads to itself.
    if depth > 8 {
        return None;
    }
    let mut at = from.clone();
    for (n, word) in path.iter().enumerate() {
        match word.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            name => {
                let inner = [at.as_slice(), &[name.to_owned()]].concat();
                if uses.contains_key(&inner) {
                    at = inner;
                    continue;
                }
                let imports = uses.get(&at)?.iter();
                let mut imports = imports.filter(|import| import.is_use && import.name == name);
                let Some(import) = imports.find(|import| import.path != path) else {
                    // An item of this module, or the name of another crate.
                    return (n > 0).then_some(at);
                };
                let rest = path.get(n + 1..).unwrap_or_default();
                let whole = [&import.path, rest].concat();
                return resolve(uses, &at, &whole, depth + 1);
            }
        }
    }
    Some(at)
}

/// The shortest way from a module to itself.
fn way_back(arrows: &BTreeMap<Module, BTreeSet<Module>>, start: &Module) -> Option<Vec<Module>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way
                .last()
                .and_then(|last| arrows.get(last))
                .into_iter()
                .flatten()
            {
                let mut way = way.clone();
                way.push(next.clone());
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

fn planted(files: &[(&str, &str)]) -> Vec<String> {
    let module = |name: &str| -> Module {
        let words = name.split("::").filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let files = files.iter();
    cycles_of(
        &files
            .map(|(name, text)| (module(name), (*text).to_owned()))
            .collect(),
    )
}

#[test]
fn a_planted_cycle_is_found() {
    let files = [
        ("", "mod run; mod machine; mod doctor;"),
        ("run", "use crate::machine::Machine;"),
        ("machine", "fn f() { crate::doctor::examine() }"),
        ("doctor", "mod plan;"),
        ("doctor::plan", "use crate::{other, run::{TargetId, b}};"),
    ];
    assert_eq!(planted(&files), ["doctor → run → machine → doctor"]);
    assert!(planted(&files[..4]).is_empty());
}

#[test]
fn a_cycle_inside_a_folder_is_found_through_what_is_exported() {
    let files = [
        ("a", "pub mod b; mod c; pub use self::b::B; use self::c::C;"),
        ("a::b", "use super::C;"),
        ("a::c", "use super::B;"),
    ];
    assert_eq!(planted(&files), ["a::b → a::c → a::b"]);
}

#[test]
fn a_program_with_a_root_of_its_own_is_read_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file(
        "Cargo.toml",
        "[[bin]]\npath = \"src/kernel/main.rs\"\n[[bin]]\npath = \"src/kernel/other.rs\"\n",
    );
    file("src/lib.rs", "");
    file("src/kernel/main.rs", "mod a; mod b;");
    file("src/kernel/a.rs", "use crate::b::B;");
    file("src/kernel/b.rs", "");
    file(
        "src/kernel/other.rs",
        "mod a; #[path = \"other/b.rs\"] mod b;",
    );
    file("src/kernel/other/b.rs", "use crate::a::A;");
    let found = roots(folder.path()).into_iter().map(|root| {
        let name = root.file_stem().unwrap().to_string_lossy().into_owned();
        (name, cycles_of(&sources(&root)))
    });
    let cycle = vec!["a → b → a".to_owned()];
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("main".to_owned(), vec![]),
            ("other".to_owned(), cycle),
            ("lib".to_owned(), vec![]),
        ]
    );
}

#[test]
fn a_module_may_use_its_own_parts() {
    let files = [
        ("a", "mod b; use self::b::B; pub struct A;"),
        ("a::b", "use super::A; use crate::a::b::B; use std::a::b;"),
        ("c", "use crate::a::A; use host::a;"),
    ];
    assert!(planted(&files).is_empty());
}
