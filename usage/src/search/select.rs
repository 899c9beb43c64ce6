use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::{Needs, Selection, together};
use crate::database::{Application, Database, DatabaseError, Kind, Measurement, Name, NameError};
use crate::{Call, Need};

/// Which applications: `A,B`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applications {
    /// All that the database has.
    All,
    /// These.
    Named(BTreeSet<Name>),
}

/// Which workloads: `bench`, `suite`, or `*` for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workloads {
    /// Both kinds.
    All,
    /// One kind.
    Of(Kind),
}

/// A kind of workload that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of workload; write bench, suite or '*'")]
pub struct UnknownWorkloads(String);

impl FromStr for Applications {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let names: Result<_, _> = text.split(',').map(|name| Name::new(name.trim())).collect();
        names.map(Self::Named)
    }
}

impl FromStr for Workloads {
    type Err = UnknownWorkloads;

    fn from_str(text: &str) -> Result<Self, UnknownWorkloads> {
        match text {
            "*" => Ok(Self::All),
            "bench" | "benchmark" => Ok(Self::Of(Kind::Bench)),
            "suite" => Ok(Self::Of(Kind::Suite)),
            _ => Err(UnknownWorkloads(text.to_owned())),
        }
    }
}

/// As the user writes it.
impl Display for Workloads {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "*",
            Self::Of(kind) => kind.name(),
        })
    }
}

impl Workloads {
    fn include(self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Of(wanted) => wanted == kind,
        }
    }
}

/// Reads the measurements of these applications and workloads. An application's workloads
/// are combined; if a workload has several measurements, the newest counts.
///
/// # Errors
///
/// A table cannot be read.
pub fn select(
    database: &Database,
    applications: &Applications,
    workloads: Workloads,
) -> Result<Selection, DatabaseError> {
    let named: Vec<&Name> = match applications {
        Applications::All => database.applications.keys().collect(),
        Applications::Named(names) => names.iter().collect(),
    };
    let mut selection = Selection::default();
    for name in named {
        let application = database.applications.get(name);
        let measurements: Vec<_> = application
            .iter()
            .flat_map(|application| application.newest())
            .filter(|measurement| workloads.include(measurement.workload.kind))
            .collect();
        if measurements.is_empty() {
            selection.no_data.insert(name.clone());
            continue;
        }
        let several = measurements.iter().filter(|m| several(application, m));
        selection.chosen.extend(several.map(|m| m.choice()));
        let needs = needs(&measurements)?;
        selection.applications.insert(name.clone(), needs);
    }
    Ok(selection)
}

/// Keeps only these applications and workloads of a database.
pub fn restrict(database: &mut Database, applications: &Applications, workloads: Workloads) {
    database.applications.retain(|name, application| {
        application
            .0
            .retain(|workload, _| workloads.include(workload.kind));
        let named = match applications {
            Applications::All => true,
            Applications::Named(names) => names.contains(name),
        };
        named && !application.0.is_empty()
    });
}

fn several(application: Option<&Application>, measurement: &Measurement) -> bool {
    let all = application.and_then(|application| application.0.get(&measurement.workload));
    all.is_some_and(|all| all.len() > 1)
}

fn needs(measurements: &[&Measurement]) -> Result<Needs, DatabaseError> {
    let mut needs = Needs::default();
    for measurement in measurements {
        let table = measurement.dynamic()?.0;
        let kind = match measurement.workload.kind {
            Kind::Bench => &mut needs.bench,
            Kind::Suite => &mut needs.suite,
        };
        add(kind.get_or_insert_default(), &table);
        add(&mut needs.dynamic, &table);
        if let Some(found) = measurement.static_binary()? {
            needs.static_binary.get_or_insert_default().extend(found.0);
        }
        if let Some(found) = measurement.static_sources()? {
            needs.static_sources.get_or_insert_default().extend(found.0);
        }
    }
    Ok(needs)
}

fn add(so_far: &mut BTreeMap<Call, Need>, table: &BTreeMap<Call, Need>) {
    *so_far = together([&*so_far, table]);
}
