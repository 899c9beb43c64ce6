//! Which targets are timed, which are counted, and which are both.

use contract::{Benchmark, Method, Operation};

use super::{EngineName, Exact, Experiment, Sampling, Target};

/// The suffix in the name of a counted target, after that of the timed one.
pub(super) const SUFFIX: &str = "-exact";

impl Experiment {
    /// The targets as they are booted, with or without a real KVM. A guest of `auto` is counted
    /// by QEMU's emulator; if KVM really runs guests, it is timed as well.
    pub fn measured(mut self, kvm_is_real: impl Fn() -> bool) -> Self {
        let exact = self.exact.clone();
        let targets = self.targets.into_iter();
        self.targets = targets
            .flat_map(|target| of_target(target, &exact, &kvm_is_real))
            .collect();
        self
    }
}

fn of_target(target: Target, exact: &Exact, kvm_is_real: &impl Fn() -> bool) -> Vec<Target> {
    let by_auto = target.engine.is_auto() && target.image.is_some();
    if !by_auto || exact.boots == 0 || target.is_counted() {
        return vec![target];
    }
    let counted = counted(&target, exact);
    if kvm_is_real() {
        vec![target, counted]
    } else {
        vec![counted]
    }
}

fn counted(timed: &Target, exact: &Exact) -> Target {
    let mut counted = timed.clone();
    counted.name.push_str(SUFFIX);
    counted.counts_for = Some(timed.name.clone());
    counted.boots = exact.boots;
    counted.engine = EngineName::Qemu;
    counted.cpu = Some(exact.cpu.clone());
    counted.benchmark.rounds = 1;
    counted.benchmark.benchmarks = countable(&timed.benchmark.benchmarks);
    counted.benchmark.sampling = Sampling::Exact {
        samples: exact.samples,
    };
    counted
}

/// An empty measurement counts nothing; function calls check the count.
fn countable(timed: &[Benchmark]) -> Vec<Benchmark> {
    let is_check = |b: &Benchmark| matches!(b.operation(), Operation::Function { .. });
    let others = timed.iter().copied();
    let others = others.filter(|b| b.is_by(Method::Exact) && !is_check(b));
    others
        .chain(Benchmark::ALL.into_iter().filter(is_check))
        .collect()
}

impl Target {
    /// Whether it is counted instead of timed.
    pub fn is_counted(&self) -> bool {
        matches!(self.benchmark.sampling, Sampling::Exact { .. })
    }
}
