//! Values by level: target, benchmark, boot.

mod read;
mod values;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use contract::Benchmark;

pub use values::{BootValues, CLOCK_MOVED};

use crate::samples::Sample;
use crate::stats::{Sorted, StatsError};

/// A run's values, eight bytes each, and as many of their clock chains. They are added sample
/// by sample, so that a file of millions is never in memory as a whole.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    targets: BTreeMap<Arc<str>, BTreeMap<Benchmark, Boots>>,
}

/// Values of one benchmark on one target, boot by boot.
pub type Boots = BTreeMap<u32, BootValues>;

impl Levels {
    /// Adds one sample.
    pub fn add(&mut self, sample: &Sample) {
        self.boot(&sample.target, sample.boot, sample.benchmark)
            .add(sample.round, sample.reading, sample.value.0);
    }

    fn boot(&mut self, target: &Arc<str>, boot: u32, benchmark: Benchmark) -> &mut BootValues {
        let benchmarks = self.targets.entry(target.clone()).or_default();
        let boots = benchmarks.entry(benchmark).or_default();
        boots.entry(boot).or_default()
    }

    /// The targets that have samples, by name.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(|name| &**name)
    }

    /// The benchmarks that were measured on a target, in the tables' order.
    pub fn benchmarks(&self, target: &str) -> impl Iterator<Item = (Benchmark, &Boots)> {
        self.targets
            .get(target)
            .into_iter()
            .flatten()
            .map(|(benchmark, boots)| (*benchmark, boots))
    }

    /// All values of a benchmark on a target; `None` if there are none.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotFinite`].
    pub fn pooled(&self, target: &str, benchmark: Benchmark) -> Result<Option<Sorted>, StatsError> {
        self.targets
            .get(target)
            .and_then(|benchmarks| benchmarks.get(&benchmark))
            .map(pool)
            .transpose()
    }
}

/// All boots' values together.
pub(crate) fn pool(boots: &Boots) -> Result<Sorted, StatsError> {
    Sorted::new(
        boots
            .values()
            .flat_map(BootValues::values)
            .copied()
            .collect(),
    )
}

impl<S: Borrow<Sample>> FromIterator<S> for Levels {
    fn from_iter<I: IntoIterator<Item = S>>(samples: I) -> Self {
        let mut levels = Self::default();
        for sample in samples {
            levels.add(sample.borrow());
        }
        levels
    }
}
