//! System calls, by number and by name.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use syscalls::{aarch64, x86_64};

/// The architecture of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86, without the i386 and x32 calls that its kernels may also accept.
    #[serde(rename = "x86-64")]
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Arch {
    /// The name of a call; `None` if the table does not have that number.
    pub fn name(self, number: u32) -> Option<&'static str> {
        let number = number as usize;
        match self {
            Self::X86_64 => x86_64::Sysno::new(number).map(|call| call.name()),
            Self::Aarch64 => aarch64::Sysno::new(number).map(|call| call.name()),
        }
    }

    /// The number of a call by its kernel name, as `openat`.
    pub fn number(self, name: &str) -> Option<u32> {
        match self {
            Self::X86_64 => x86_64::Sysno::from_str(name).ok().map(|call| call as u32),
            Self::Aarch64 => aarch64::Sysno::from_str(name).ok().map(|call| call as u32),
        }
    }

    /// All calls of the table, by number.
    pub fn calls(self) -> Vec<u32> {
        let mut numbers: Vec<u32> = match self {
            Self::X86_64 => x86_64::Sysno::iter().map(|call| call as u32).collect(),
            Self::Aarch64 => aarch64::Sysno::iter().map(|call| call as u32).collect(),
        };
        numbers.sort_unstable();
        numbers
    }
}

/// A system call of x86-64, by its number. The table need not have a name for it: a newer
/// kernel has more calls, and a program may try any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub u32);

/// The name of a call that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a system call (use the kernel's name, like openat, or a number)")]
pub struct UnknownCall {
    /// The name that was given.
    pub name: String,
}

impl Call {
    /// The kernel's name, without `sys_`.
    pub fn name(self) -> Option<&'static str> {
        Arch::X86_64.name(self.0)
    }

    /// All calls that have a name, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        Arch::X86_64.calls().into_iter().map(Self)
    }
}

impl Display for Call {
    /// The name, or the number if it does not have one.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}

impl FromStr for Call {
    type Err = UnknownCall;

    /// Accepts a name or a number.
    fn from_str(text: &str) -> Result<Self, UnknownCall> {
        let number = text.parse().ok().or_else(|| Arch::X86_64.number(text));
        number.map(Self).ok_or_else(|| UnknownCall {
            name: text.to_owned(),
        })
    }
}

impl Serialize for Call {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Call {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Call".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A system call: its name in the kernel, or its number if it does not \
             have a name",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_those_of_the_architecture() {
        assert_eq!(Arch::X86_64.number("openat"), Some(257));
        assert_eq!(Arch::Aarch64.number("openat"), Some(56));
        assert_eq!(Arch::X86_64.name(435), Some("clone3"));
        assert_eq!(Arch::Aarch64.name(435), Some("clone3"));
        assert_eq!(Arch::Aarch64.number("open"), None);
    }

    #[test]
    fn the_table_goes_past_call_334() {
        for name in ["rseq", "clone3", "close_range", "openat2", "io_uring_setup"] {
            let call: Call = name.parse().unwrap();
            assert!(call.0 >= 334, "{name}");
            assert_eq!(call.to_string(), name);
        }
    }

    #[test]
    fn a_call_is_read_by_name_and_by_number() {
        assert_eq!("read".parse(), Ok(Call(0)));
        assert_eq!("231".parse(), Ok(Call(231)));
        assert_eq!(Call(500).to_string(), "500");
        assert_eq!("500".parse(), Ok(Call(500)));
        let error = "opennat".parse::<Call>().unwrap_err();
        assert!(error.to_string().contains("opennat"), "{error}");
    }
}
