//! Finds the functions that can be reached from a program's entry.

use std::collections::{BTreeSet, HashMap};

use super::Site;
use super::code::Image;
use super::elf::Slot;

/// The reached functions, as indexes into a file's functions.
pub(super) struct Reach {
    functions: BTreeSet<(usize, usize)>,
    /// Names that were looked up.
    names: BTreeSet<(usize, String)>,
}

/// Functions with which a program loads libraries at run time: dlopen(3).
const LOADERS: [&str; 3] = ["dlopen", "dlmopen", "__libc_dlopen_mode"];

/// The file that looks up a name, and the file that defines it.
struct Names<'i>(HashMap<&'i str, (usize, u64)>);

impl<'i> Names<'i> {
    /// The first file that has a name has it for all.
    fn new(images: &'i [Image]) -> Self {
        let mut names = HashMap::new();
        for (image, place) in images.iter().zip(0..) {
            for (name, address) in &image.elf.exports {
                names.entry(name.as_str()).or_insert((place, *address));
            }
        }
        Self(names)
    }
}

impl Reach {
    pub(super) fn new(images: &[Image]) -> Self {
        let names = Names::new(images);
        let mut reach = Self {
            functions: BTreeSet::new(),
            names: BTreeSet::new(),
        };
        let mut waiting: Vec<(usize, u64)> = Vec::new();
        let loader = images
            .first()
            .and_then(|program| program.elf.loader.as_ref());
        let loader = loader.and_then(|loader| loader.file_name());
        for (image, place) in images.iter().zip(0..) {
            // A library's entry is never used; its constructors are, and are found in its data.
            let is_loader = loader.is_some() && image.elf.path.file_name() == loader;
            let is_entered = place == 0 || is_loader;
            waiting.extend(is_entered.then_some((place, image.elf.entry)));
            waiting.extend(image.elf.pointers.iter().map(|address| (place, *address)));
            let constructors = ["_init", "_fini"].map(|name| named(image, name));
            waiting.extend(constructors.into_iter().flatten().map(|at| (place, at)));
        }
        while let Some((image, address)) = waiting.pop() {
            let Some(held) = images.get(image) else {
                continue;
            };
            let Some(function) = held.function(address) else {
                continue;
            };
            if !reach.functions.insert((image, function)) {
                continue;
            }
            for goes in held.functions.get(function).iter().flat_map(|f| &f.goes) {
                match goes {
                    Slot::Address(address) => waiting.push((image, *address)),
                    Slot::Symbol(name) => {
                        reach.names.insert((image, name.clone()));
                        waiting.extend(names.0.get(name.as_str()));
                    }
                }
            }
        }
        reach
    }

    pub(super) fn functions(&self) -> impl Iterator<Item = (usize, usize)> {
        self.functions.iter().copied()
    }

    pub(super) fn has(&self, image: usize, function: usize) -> bool {
        self.functions.contains(&(image, function))
    }

    /// The functions that load libraries at run time.
    pub(super) fn loads(&self, images: &[Image]) -> Vec<Site> {
        let loads = |name: &str| LOADERS.contains(&name);
        let calls = self.names.iter().filter(|(_, name)| loads(name));
        let sites = calls.flat_map(|(place, name)| {
            let image = images.get(*place);
            let from = image.map_or(&[][..], |image| image.by_name(name));
            from.iter()
                .flat_map(move |at| image.map(|image| (*place, image, *at)))
        });
        let mut found = BTreeSet::new();
        for (place, image, at) in sites {
            // The stub in the linkage table is called by others.
            let stub = image.function(at).and_then(|f| image.functions.get(f));
            let callers = stub.map_or(&[][..], |stub| image.incoming(stub.start));
            let direct = [at];
            let from = if callers.is_empty() { &direct } else { callers };
            for at in from {
                if image.function(*at).is_some_and(|f| self.has(place, f)) {
                    found.insert(super::site(images, place, *at));
                }
            }
        }
        found.into_iter().collect()
    }
}

fn named(image: &Image, wanted: &str) -> Option<u64> {
    let names = image.elf.names.iter();
    { names }
        .find(|(_, name)| *name == wanted)
        .map(|(at, _)| *at)
}
