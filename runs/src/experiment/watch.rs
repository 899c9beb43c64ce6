//! What a target's `watch` asks for: lists of values, which make a matrix.

use std::fmt::Display;

use contract::{Method, TimedOperation, WatchKind, WatchProgram, WatchSite};
use serde::Deserialize;

use super::ProgramAs;

/// One matrix of watches, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watching {
    /// How sites are watched.
    pub kinds: Vec<WatchKind>,
    /// What is watched; kinds watch the sites that they fit.
    pub sites: Vec<WatchSite>,
    /// What runs there.
    pub programs: Vec<WatchProgram>,
    /// Statistics of BPF programs: `off`, `on` or `both`.
    pub statistics: Statistics,
    /// What is timed; `None`: what reaches the site.
    pub operation: Option<TimedOperation>,
}

/// Whether the kernel keeps statistics of BPF programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistics {
    /// Never.
    Off,
    /// While the site is watched.
    On,
    /// Measured with and without.
    #[default]
    Both,
}

impl Watching {
    /// The program's word for it.
    pub fn word(&self) -> String {
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.name()).collect();
        let sites: Vec<_> = self.sites.iter().map(|site| site.name()).collect();
        let programs: Vec<_> = self.programs.iter().map(|program| program.name()).collect();
        let statistics = match self.statistics {
            Statistics::Off => "off",
            Statistics::On => "on",
            Statistics::Both => "both",
        };
        let operation = self
            .operation
            .map(|operation| format!(":{}", operation.name()));
        format!(
            "watch={}:{}:{}:{statistics}{}",
            kinds.join(","),
            sites.join(","),
            programs.join(","),
            operation.unwrap_or_default()
        )
    }
}

/// The key's value: one table, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum WatchTables {
    One(WatchTable),
    Several(Vec<WatchTable>),
}

impl Default for WatchTables {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WatchTable {
    kind: OneOrMore,
    site: OneOrMore,
    program: OneOrMore,
    #[serde(default)]
    stats: Statistics,
    operation: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl WatchTables {
    pub(super) fn checked(
        self,
        field: &str,
        program_as: ProgramAs,
        method: Method,
    ) -> Result<Vec<Watching>, String> {
        let tables = match self {
            Self::One(table) => vec![table],
            Self::Several(tables) => tables,
        };
        if !tables.is_empty() && program_as == ProgramAs::Initrd {
            return Err(format!(
                "{field} is set, but only Linux can be watched; leave out program-as"
            ));
        }
        if !tables.is_empty() && method == Method::Paper {
            return Err(format!(
                "{field} is set, but method = \"paper\" does not measure watches; \
                 write \"exact\" or \"precise\""
            ));
        }
        tables
            .into_iter()
            .map(|table| table.checked(field))
            .collect()
    }
}

impl WatchTable {
    fn checked(self, field: &str) -> Result<Watching, String> {
        let in_field = |error: String| format!("{field}: {error}");
        let watching = Watching {
            kinds: list(
                self.kind,
                "kind",
                &WatchKind::ALL.map(WatchKind::name),
                WatchKind::from_name,
            )
            .map_err(in_field)?,
            sites: list(
                self.site,
                "site",
                &WatchSite::ALL.map(WatchSite::name),
                WatchSite::from_name,
            )
            .map_err(in_field)?,
            programs: list(
                self.program,
                "program",
                &WatchProgram::ALL.map(WatchProgram::name),
                WatchProgram::from_name,
            )
            .map_err(in_field)?,
            statistics: self.stats,
            operation: self
                .operation
                .as_deref()
                .map(operation)
                .transpose()
                .map_err(in_field)?,
        };
        watching.check_fit().map_err(in_field)?;
        Ok(watching)
    }
}

impl Watching {
    /// Every kind has a site, and every site a kind.
    fn check_fit(&self) -> Result<(), String> {
        let has_site = |kind: &&WatchKind| !self.sites.iter().any(|site| kind.fits(*site));
        if let Some(kind) = self.kinds.iter().find(has_site) {
            return Err(format!(
                "{} cannot watch any of these sites; it fits {}",
                kind.name(),
                names(
                    WatchSite::ALL
                        .into_iter()
                        .filter(|site| kind.fits(*site))
                        .map(WatchSite::name)
                )
            ));
        }
        let has_kind = |site: &&WatchSite| !self.kinds.iter().any(|kind| kind.fits(**site));
        match self.sites.iter().find(has_kind) {
            Some(site) => Err(format!(
                "no kind of the list can watch {}; these can: {}",
                site.name(),
                names(
                    WatchKind::ALL
                        .into_iter()
                        .filter(|kind| kind.fits(*site))
                        .map(WatchKind::name)
                )
            )),
            None => Ok(()),
        }
    }
}

fn operation(name: &str) -> Result<TimedOperation, String> {
    match name {
        "noop" => Ok(TimedOperation::Noop),
        "getpgid" => Ok(TimedOperation::Getpgid),
        _ => Err(format!(
            "`operation` is {name:?}; it can be \"noop\" or \"getpgid\", and by default it is \
             what reaches the site"
        )),
    }
}

fn list<T>(
    given: OneOrMore,
    key: &str,
    known: &[&str],
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let given = match given {
        OneOrMore::One(name) => vec![name],
        OneOrMore::More(names) => names,
    };
    if given.is_empty() {
        return Err(format!(
            "`{key}` is empty; choose from {}",
            known.join(", ")
        ));
    }
    if let Some(twice) = given
        .iter()
        .enumerate()
        .find(|(at, name)| given.iter().take(*at).any(|other| other == *name))
    {
        return Err(format!("`{key}` contains {:?} twice", twice.1));
    }
    given
        .iter()
        .map(|name| {
            from_name(name)
                .ok_or_else(|| format!("`{key}` names {name:?}; choose from {}", known.join(", ")))
        })
        .collect()
}

fn names<T: Display>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
