//! Rows of the tables: what was timed, together with what was counted.

use contract::{Benchmark, Method};

use super::{Count, Row, Summary, TargetSummary, guest};
use crate::units::Instructions;
use crate::verdict::State;

/// A target, timed or counted, and the target on which its instructions were counted.
#[derive(Clone, Copy, Debug)]
pub struct Platform<'s> {
    /// The target that gives the name.
    pub target: &'s TargetSummary,
    /// Where instructions were counted: on another target, or on the target itself.
    pub counted: Option<&'s TargetSummary>,
}

/// One benchmark on a platform.
#[derive(Clone, Copy, Debug)]
pub struct Line<'s> {
    /// What was timed or counted.
    pub benchmark: Benchmark,
    /// Its cost in time, if it was timed.
    pub row: Option<&'s Row>,
    /// Its cost in instructions, if they were counted.
    pub count: Option<&'s Count>,
}

impl Summary {
    /// The targets in their order; each target that counts for another is merged with it.
    pub fn platforms(&self) -> impl Iterator<Item = Platform<'_>> {
        let alone = self.targets.iter().filter(|t| !self.is_companion(t));
        alone.map(|target| Platform {
            target,
            counted: match target.info.method {
                Some(Method::Exact) => Some(target),
                _ => self.companion(target),
            },
        })
    }

    /// Whether anything was counted.
    pub fn has_counts(&self) -> bool {
        self.targets.iter().any(|target| !target.counts.is_empty())
    }

    fn is_companion(&self, counted: &TargetSummary) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| {
            self.companion(target)
                .is_some_and(|companion| companion.info.name == counted.info.name)
        })
    }

    /// The first target that counts for this one, which is timed.
    fn companion(&self, timed: &TargetSummary) -> Option<&TargetSummary> {
        let is_timed = timed.info.method != Some(Method::Exact);
        let mut targets = self.targets.iter().filter(|_| is_timed);
        targets.find(|target| target.info.counts_for.as_ref() == Some(&timed.info.name))
    }
}

impl<'s> Platform<'s> {
    /// Its benchmarks, in the tables' order.
    pub fn lines(&self) -> Vec<Line<'s>> {
        let (rows, counted) = (&self.target.rows, self.counted);
        let line = |benchmark| {
            let row = rows.iter().find(|row| row.benchmark == benchmark);
            let mut counts = counted.iter().flat_map(|counted| &counted.counts);
            let count = counts.find(|count| count.benchmark == benchmark);
            (row.is_some() || count.is_some()).then_some(Line {
                benchmark,
                row,
                count,
            })
        };
        Benchmark::ALL.into_iter().filter_map(line).collect()
    }

    /// Whether nothing was timed: there are instructions and no ticks.
    pub fn is_counted_only(&self) -> bool {
        self.target.info.method == Some(Method::Exact)
    }

    /// Whether the times are an emulator's.
    pub fn is_emulated(&self) -> bool {
        self.target.info.measures_emulator()
    }

    /// Whether anything was counted.
    pub fn has_counts(&self) -> bool {
        self.counted
            .is_some_and(|counted| !counted.counts.is_empty())
    }

    /// The processor for which instructions were counted, as text.
    pub fn counted_on(&self) -> Option<String> {
        let info = &self.counted?.info;
        let model = info.cpu_model.as_deref().unwrap_or("the default CPU");
        Some(format!("counted on {model} as QEMU emulates it"))
    }

    /// Whether that call's instructions are those of another path than the timed one's: the
    /// counted guest has other mitigations, and the call enters the kernel.
    pub fn counts_another_path(&self, benchmark: Benchmark) -> bool {
        benchmark.system_call().is_some() && self.has_other_mitigations()
    }

    fn has_other_mitigations(&self) -> bool {
        let checks = self.counted.iter().flat_map(|counted| &counted.info.checks);
        checks
            .filter(|found| found.check == guest::CHECK)
            .any(|found| found.state != State::Ok)
    }
}

impl Line<'_> {
    /// Instructions for one operation, if there is a count.
    pub fn instructions(&self) -> Option<Instructions> {
        self.count?.instructions
    }

    /// Instructions per core cycle, if both are known.
    pub fn instructions_per_cycle(&self) -> Option<f64> {
        let cycles = self.row?.cycles.as_ref()?;
        let cycles = cycles.figures.median_of_boot_medians.0;
        let Instructions(instructions) = self.instructions()?;
        (cycles > 0.0).then(|| instructions as f64 / cycles)
    }
}
