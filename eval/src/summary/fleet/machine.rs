//! Machines as they are known before anything is computed.

use std::collections::BTreeMap;

use contract::Benchmark;
use serde::{Deserialize, Serialize};

use crate::units::TscHz;

/// Facts of a machine, by name.
pub type Facts = BTreeMap<String, String>;

/// A machine, as it is known apart from its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Its identity.
    pub id: String,
    /// Machines of a class have this in common: model, microcode and kernel.
    pub class: String,
    /// Whether the doctor found it fit for measuring, each time.
    pub fit: bool,
    /// Its counter's frequency.
    pub hz: TscHz,
    /// All its facts.
    pub facts: Facts,
}

/// What a fleet's numbers are about.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The machines that were measured: boots are drawn within each.
    TheseMachines,
    /// All machines of which these are examples: the interval covers the differences between
    /// machines.
    MachinesLikeThese,
}

/// One machine's part of a row: its boots' medians in ticks.
pub(super) type ByMachine = BTreeMap<usize, Vec<f64>>;

/// A row of the summary, by machine.
pub(super) struct Task {
    pub(super) target: String,
    pub(super) benchmark: Benchmark,
    pub(super) reference: Option<String>,
    pub(super) medians: ByMachine,
}
