//! The union itself, which does not depend on the order or on how often something is merged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::MergeError;
use crate::shard::Shard;

/// Runs of one experiment, by machine and ID.
#[derive(Clone, Debug, Default)]
pub struct Union(BTreeMap<(String, String), Part>);

/// One of them.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its ID.
    pub run: String,
    /// The machine's.
    pub machine: String,
    /// Which part of the experiment it is; `None`: all of it.
    pub shard: Option<Shard>,
    /// What has to be the same in all runs, by name.
    pub same: BTreeMap<String, String>,
    /// How much of the run this copy has: of two copies, the manifest of the greater one stays.
    pub progress: Progress,
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Source,
    /// Files that all runs have in common, by name.
    pub common: BTreeMap<String, Source>,
    /// Consoles and records, by name.
    pub files: BTreeMap<String, Source>,
}

/// How far a copy of a run got. The manifest's hash makes the order total.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    /// Whether it ended.
    pub ended: bool,
    /// How often it was begun or resumed.
    pub starts: usize,
    /// The hash of its manifest.
    pub manifest: String,
}

/// A file. Two of them are the same if their bytes are, wherever they are.
#[derive(Clone, Debug, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Union {
    /// One run.
    pub fn of(part: Part) -> Self {
        let key = (part.machine.clone(), part.run.clone());
        Self([(key, part)].into())
    }

    /// The parts, by machine and run.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.0.values()
    }

    /// The machines.
    pub fn machines(&self) -> BTreeSet<&str> {
        self.0.keys().map(|(machine, _)| &**machine).collect()
    }

    /// Both together. Whether that is possible is a matter of each two parts, so the order of
    /// several unions decides nothing.
    pub fn join(mut self, other: Self, overlapping: bool) -> Result<Self, MergeError> {
        for (key, part) in other.0 {
            // What all parts have in common one of them shows.
            if let Some(known) = self.parts().next() {
                known.check_same(&part)?;
            }
            let others = self.0.iter().filter(|(known, _)| **known != key);
            for (_, known) in others {
                known.check_shard(&part, overlapping)?;
            }
            let joined = match self.0.remove(&key) {
                Some(known) => known.join(part)?,
                None => part,
            };
            self.0.insert(key, joined);
        }
        Ok(self)
    }
}

impl Part {
    fn check_same(&self, other: &Self) -> Result<(), MergeError> {
        let names: BTreeSet<_> = self.same.keys().chain(other.same.keys()).collect();
        for name in names {
            let (ours, theirs) = (self.same.get(name), other.same.get(name));
            if ours != theirs {
                let words = |value: Option<&String>| match value {
                    Some(value) => value.clone(),
                    None => "nothing".to_owned(),
                };
                return Err(MergeError::Differs {
                    a: self.folder.clone(),
                    b: other.folder.clone(),
                    what: name.clone(),
                    ours: words(ours),
                    theirs: words(theirs),
                });
            }
        }
        Ok(())
    }

    fn check_shard(&self, other: &Self, overlapping: bool) -> Result<(), MergeError> {
        let number = |part: &Self| part.shard.map(|shard| shard.of);
        if number(self) != number(other) {
            return Err(self.divided(other));
        }
        match self.shard {
            Some(shard) if self.shard == other.shard && !overlapping => Err(MergeError::Overlap {
                a: self.folder.clone(),
                b: other.folder.clone(),
                shard,
            }),
            _ => Ok(()),
        }
    }

    fn divided(&self, other: &Self) -> MergeError {
        let words = |part: &Self| match part.shard {
            Some(shard) => format!("shard {shard}"),
            None => "a whole run".into(),
        };
        MergeError::Divided {
            a: self.folder.clone(),
            b: other.folder.clone(),
            ours: words(self),
            theirs: words(other),
        }
    }

    /// Two copies of one run, each of which may have boots that the other one lacks.
    fn join(mut self, other: Self) -> Result<Self, MergeError> {
        if self.shard != other.shard {
            return Err(self.divided(&other));
        }
        // Their bytes are known to be the same.
        self.common.extend(other.common);
        for (name, theirs) in other.files {
            match self.files.get(&name) {
                Some(ours) if *ours != theirs => {
                    return Err(MergeError::Conflict {
                        a: ours.path.clone(),
                        b: theirs.path,
                    });
                }
                Some(_) => {}
                None => {
                    self.files.insert(name, theirs);
                }
            }
        }
        if other.progress > self.progress {
            self.progress = other.progress;
            self.manifest = other.manifest;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The parts of two unions that must be equal for the unions to be the same.
    type Content = Vec<(String, String, Option<Shard>, String, Vec<(String, String)>)>;

    fn content(union: &Union) -> Content {
        let files = |part: &Part| {
            let files = part.files.iter();
            files.map(|(n, s)| (n.clone(), s.sha256.clone())).collect()
        };
        let part = |part: &Part| {
            let Part { machine, run, .. } = part.clone();
            (
                machine,
                run,
                part.shard,
                part.manifest.sha256.clone(),
                files(part),
            )
        };
        union.parts().map(part).collect()
    }

    /// The result as far as it can be compared: of errors, only that there is one.
    fn joined(unions: &[&Union]) -> Option<Content> {
        let all = unions.iter().try_fold(Union::default(), |all, next| {
            all.join((*next).clone(), false)
        });
        all.ok().map(|union| content(&union))
    }

    fn source(sha256: String) -> Source {
        let path = PathBuf::from(&sha256);
        Source { path, sha256 }
    }

    /// A copy of a run that has some of its boots. Bytes follow from the names, but for
    /// `damage`, and a run's number decides its machine and shard.
    fn part(
        number: u32,
        boots: &BTreeSet<u32>,
        of: Option<u32>,
        damage: u32,
        program: u32,
    ) -> Part {
        let shard = of.map(|of| Shard {
            index: number % of + 1,
            of,
        });
        let manifest = format!("manifest {number} {}", boots.len());
        Part {
            run: format!("run {number}"),
            machine: format!("machine {}", number % 3),
            shard,
            same: [("program".to_owned(), program.to_string())].into(),
            progress: Progress {
                ended: boots.len() > 4,
                starts: boots.len() % 3,
                manifest: manifest.clone(),
            },
            folder: PathBuf::from(format!("folder {number}")),
            manifest: source(manifest),
            common: BTreeMap::new(),
            files: boots
                .iter()
                .map(|boot| {
                    let damage = if *boot == 0 { damage } else { 0 };
                    (
                        boot.to_string(),
                        source(format!("{number} {boot} {damage}")),
                    )
                })
                .collect(),
        }
    }

    /// Mostly unions that can be joined, and some that cannot.
    fn union() -> impl Strategy<Value = Union> {
        let boots = prop::collection::btree_set(0u32..6, 0..6);
        let rare = || prop_oneof![30 => Just(0u32), 1 => Just(1u32)];
        let of = prop_oneof![20 => Just(Some(8)), 1 => Just(Some(4)), 1 => Just(None)];
        let part = (0u32..8, boots, of, rare(), rare())
            .prop_map(|(n, boots, of, damage, program)| part(n, &boots, of, damage, program));
        prop::collection::vec(part, 0..4).prop_map(|parts| {
            parts.into_iter().fold(Union::default(), |all, next| {
                let joined = all.clone().join(Union::of(next), false);
                joined.unwrap_or(all)
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_order_decides_nothing(a in union(), b in union()) {
            prop_assert_eq!(joined(&[&a, &b]), joined(&[&b, &a]));
        }

        #[test]
        fn nor_do_the_steps(a in union(), b in union(), c in union()) {
            let together = |x: &Union, y: &Union| x.clone().join(y.clone(), false).ok();
            let left = together(&a, &b).and_then(|ab| together(&ab, &c));
            let right = together(&b, &c).and_then(|bc| together(&a, &bc));
            prop_assert_eq!(left.as_ref().map(content), right.as_ref().map(content));
        }

        #[test]
        fn twice_is_once_and_nothing_adds_nothing(a in union()) {
            let itself = Some(content(&a));
            prop_assert_eq!(joined(&[&a, &a]), itself.clone());
            let empty = Union::default();
            prop_assert_eq!(joined(&[&a, &empty]), itself.clone());
            prop_assert_eq!(joined(&[&empty, &a]), itself);
        }

        #[test]
        fn every_boot_is_there_once(a in union(), b in union()) {
            let Ok(all) = a.clone().join(b.clone(), false) else { return Ok(()) };
            let boots = |union: &Union| -> BTreeSet<(String, String)> {
                let parts = union.parts();
                parts
                    .flat_map(|p| p.files.keys().map(|f| (p.run.clone(), f.clone())))
                    .collect()
            };
            prop_assert_eq!(boots(&all), &boots(&a) | &boots(&b));
        }
    }

    #[test]
    fn what_cannot_be_merged_is_named() {
        let boots: BTreeSet<_> = [0, 1].into();
        let join = |a: &Part, b: &Part| {
            let joined = Union::of(a.clone()).join(Union::of(b.clone()), false);
            joined.unwrap_err().to_string()
        };
        let first = part(0, &boots, Some(8), 0, 0);
        let error = join(&first, &part(1, &boots, Some(8), 0, 1));
        assert!(error.contains("the program differs (0 and 1)"), "{error}");
        let error = join(&first, &part(1, &boots, Some(4), 0, 0));
        assert!(
            error.contains("shard 1/8") && error.contains("shard 2/4"),
            "{error}"
        );
        let error = join(&first, &part(1, &boots, None, 0, 0));
        assert!(error.contains("a whole run"), "{error}");
        let again = Part {
            run: "other".into(),
            ..first.clone()
        };
        let error = join(&first, &again);
        assert!(error.contains("both shard 1/8"), "{error}");
        let both = Union::of(first.clone()).join(Union::of(again), true);
        assert_eq!(both.unwrap().parts().count(), 2);
        let error = join(&first, &part(0, &boots, Some(8), 1, 0));
        assert!(error.contains("0 0 0 and 0 0 1"), "{error}");
    }
}
