//! What a rule removes: a call, or a part of one.

mod arguments;

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Call, UnknownCall};

pub use arguments::{index, parts};

/// A call, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feature {
    /// The call.
    pub call: Call,
    /// Which of its uses.
    pub part: Part,
}

/// Some uses of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of them.
    Whole,
    /// Those whose argument has this value under this mask. `arguments` has the argument.
    Argument {
        /// The bits that count.
        mask: u32,
        /// Their required values.
        value: u32,
    },
    /// Those with this path.
    Path(String),
}

/// The text names no call, or no part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFeature {
    /// The call does not exist.
    #[error(transparent)]
    Call(#[from] UnknownCall),
    /// The call has no such part.
    #[error("{call} has no part {part:?} (use a name like F_SETFL, a number, or a path)")]
    Part {
        /// The call.
        call: Call,
        /// The name that was given.
        part: String,
    },
}

impl Feature {
    /// Whether it is a call with all its uses.
    pub fn is_whole(&self) -> bool {
        self.part == Part::Whole
    }

    /// The part's name; `None`: the whole call.
    pub fn part_name(&self) -> Option<String> {
        match &self.part {
            Part::Whole => None,
            Part::Argument { value, .. } => Some(arguments::name(self.call, *value)),
            Part::Path(path) => Some(path.clone()),
        }
    }
}

impl From<Call> for Feature {
    fn from(call: Call) -> Self {
        let part = Part::Whole;
        Self { call, part }
    }
}

impl Display for Feature {
    /// As `fcntl`, `fcntl(F_SETFL)` or `openat(/proc/cpuinfo)`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.part_name() {
            None => self.call.fmt(f),
            Some(part) => f.pad(&format!("{}({part})", self.call)),
        }
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        let divided = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let Some((call, part)) = divided else {
            return Ok(text.parse::<Call>()?.into());
        };
        let call: Call = call.parse()?;
        let found = if part.starts_with('/') {
            Some(Part::Path(part.to_owned()))
        } else {
            arguments::part(call, part)
        };
        let unknown = || UnknownFeature::Part {
            call,
            part: part.to_owned(),
        };
        let part = found.ok_or_else(unknown)?;
        Ok(Self { call, part })
    }
}

impl Serialize for Feature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Feature {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Feature".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A system call, like fcntl, or a part of one, like fcntl(F_SETFL) or \
                openat(/proc/cpuinfo)",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_have_the_names_of_the_headers() {
        let mmap: Call = "mmap".parse().unwrap();
        let names = |call: Call, value| {
            let parts = parts(call, value).into_iter();
            let name = |part| Feature { call, part }.to_string();
            parts.map(name).collect::<Vec<_>>()
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | 1 << 30;
        let expected = [
            "mmap(MAP_PRIVATE)",
            "mmap(MAP_FIXED)",
            "mmap(MAP_ANONYMOUS)",
            "mmap(0x40000000)",
        ];
        assert_eq!(names(mmap, flags as u32), expected);
        let fcntl: Call = "fcntl".parse().unwrap();
        assert_eq!(names(fcntl, 4), ["fcntl(F_SETFL)"]);
        assert_eq!(names(fcntl, 0), ["fcntl(F_DUPFD)"]);
        assert_eq!(names(fcntl, 77), ["fcntl(0x4d)"]);
        let mprotect: Call = "mprotect".parse().unwrap();
        assert_eq!(names(mprotect, 0), ["mprotect(PROT_NONE)"]);
        assert_eq!(
            names(mprotect, 3),
            ["mprotect(PROT_READ)", "mprotect(PROT_WRITE)"]
        );
        assert_eq!(names(Call(0), 3), [""; 0]);
    }

    #[test]
    fn what_is_not_a_part_is_an_error() {
        for text in ["fcntl(F_NONE)", "read(1)", "fcntl()", "fcntl(x"] {
            assert!(text.parse::<Feature>().is_err(), "{text}");
        }
        let path: Feature = "openat(/proc/a(b)".parse().unwrap();
        assert_eq!(path.part, Part::Path("/proc/a(b".into()));
    }

    proptest! {
        #[test]
        fn every_part_is_read_as_it_is_written(
            index in 0..arguments::TABLE.len(),
            value in any::<u32>(),
        ) {
            let call: Call = arguments::TABLE[index].call.parse().unwrap();
            for part in parts(call, value) {
                let feature = Feature { call, part };
                prop_assert_eq!(feature.to_string().parse(), Ok(feature));
            }
        }
    }
}
