//! Made-up runs that look like real ones.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;

use contract::{Answer, Batch, Encoder, Fact, Quad, Slope, SystemCall};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::log::Reading;
use eval::method_checks::CLOCK_CHAINS;
use eval::quads::RunQuad;
use eval::samples::Sample;
use eval::summary::{BootInfo, GuestCpu, Missing, RunInfo, Summary, TargetInfo, Tsc, summarize};
use eval::units::{Ticks, TscHz};
use eval::verdict::{Finding, Noise, State, Verdict};
use eval::{Benchmark, Method};

/// Multiplications of a clock chain.
pub const CHAIN_OPS: u64 = 4096;

/// A fixture's bytes.
pub fn original_log() -> &'static [u8] {
    include_bytes!("../fixtures/original-linux.0.log")
}

/// A log as the guest prints it.
pub fn tollgate_log(method: Method, rounds: u64) -> String {
    let mut log = Encoder::new(String::new());
    let iterations = (method == Method::Paper).then_some(100_000);
    log.header(true, rounds, iterations).unwrap();
    log.format(method).unwrap();
    log.answer(SystemCall::Noop, Answer::Works).unwrap();
    log.fact_for(Fact::Vulnerability, "meltdown", "Mitigation: PTI")
        .unwrap();
    log.fact_number(Fact::ChainOps, 500).unwrap();
    for round in 0..rounds {
        for (benchmark, cost) in [
            (Benchmark::Tsc, 0),
            (Benchmark::Scall, 222),
            (Benchmark::Fcall, 4),
        ] {
            if method == Method::Exact && benchmark == Benchmark::Tsc {
                continue;
            }
            let jitter = (round * 7 + cost) % 5;
            let ops = |n| if benchmark == Benchmark::Tsc { 0 } else { n };
            let ticks = |n| 70 + jitter + n * cost;
            match method {
                Method::Paper => log.batch(&Batch {
                    benchmark,
                    round,
                    ops: ops(100_000),
                    ticks: ticks(100_000),
                }),
                Method::Precise => log.slope(&Slope {
                    benchmark,
                    round,
                    align: 16,
                    ops_n: ops(128),
                    ticks_n: ticks(128),
                    ops_2n: ops(256),
                    ticks_2n: ticks(256) + jitter,
                    chain_before: 1500,
                    chain_after: 1501,
                }),
                Method::Exact => log.quad(&quad(benchmark, round, cost)),
            }
            .unwrap();
        }
    }
    log.end().unwrap()
}

/// Four batches of an operation of so many instructions, in one turn and in two.
pub fn quad(benchmark: Benchmark, round: u64, each: u64) -> Quad {
    let batch = |copies: u64, turns: u64| 57 + turns * (2 + copies * each);
    Quad {
        benchmark,
        round,
        align: round % 4 * 16,
        copies: 16,
        turns: 1,
        ticks_n_t: batch(16, 1),
        ticks_n_2t: batch(16, 2),
        ticks_2n_t: batch(32, 1),
        ticks_2n_2t: batch(32, 2),
    }
}

/// A generator of numbers that every platform and language agrees on (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In 0..1.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal, mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A target with samples around `costs`.
pub struct Fake {
    pub name: &'static str,
    pub label: &'static str,
    pub engine: &'static str,
    pub emulated: bool,
    pub costs: &'static [(Benchmark, f64)],
}

pub const MEASURED: [Fake; 4] = [
    Fake {
        name: "linux",
        label: "Linux 6.12/KVM",
        engine: "kvm",
        emulated: false,
        costs: &[
            (Benchmark::Tsc, 34.0),
            (Benchmark::Fcall, 4.02),
            (Benchmark::Scall, 222.0),
        ],
    },
    Fake {
        name: "linux-nomit",
        label: "Linux 6.12/KVM, mitigations=off",
        engine: "kvm",
        emulated: false,
        costs: &[
            (Benchmark::Tsc, 34.0),
            (Benchmark::Fcall, 4.02),
            (Benchmark::Scall, 153.6),
        ],
    },
    Fake {
        name: "ring0",
        label: "ring-0 unikernel (tollgate)",
        engine: "kvm",
        emulated: false,
        costs: &[
            (Benchmark::Tsc, 34.0),
            (Benchmark::Fcall, 4.02),
            (Benchmark::Scall, 60.3),
        ],
    },
    Fake {
        name: "host",
        label: "Linux on the host",
        engine: "host",
        emulated: false,
        costs: &[
            (Benchmark::Tsc, 34.0),
            (Benchmark::Fcall, 4.02),
            (Benchmark::Enosys, 90.4),
        ],
    },
];

pub const EMULATED: [Fake; 3] = [
    Fake {
        name: "linux",
        label: "Linux 6.12",
        engine: "qemu",
        emulated: true,
        costs: &[
            (Benchmark::Tsc, 1210.0),
            (Benchmark::Fcall, 26.6),
            (Benchmark::Scall, 2600.0),
        ],
    },
    Fake {
        name: "ring0",
        label: "ring-0 unikernel (tollgate)",
        engine: "qemu",
        emulated: true,
        costs: &[
            (Benchmark::Tsc, 1190.0),
            (Benchmark::Fcall, 26.4),
            (Benchmark::Scall, 415.0),
        ],
    },
    Fake {
        name: "host",
        label: "Linux on the host",
        engine: "host",
        emulated: false,
        costs: &[
            (Benchmark::Tsc, 44.0),
            (Benchmark::Fcall, 3.1),
            (Benchmark::Enosys, 112.0),
        ],
    },
];

/// So many boots of so many samples, with a tail and, under emulation, much noise. What
/// makes boots differ is the core's clock, half as fast again as the counter's.
pub fn samples(fakes: &[Fake], boots: u32, rounds: u32) -> Vec<Sample> {
    let mut random = Random(500);
    let mut samples = Vec::new();
    for fake in fakes {
        let target: Arc<str> = fake.name.into();
        let noise = if fake.emulated { 0.06 } else { 0.002 };
        for boot in 0..boots {
            let shift = 1.0 + noise * random.normal();
            for round in 0..rounds {
                for &(benchmark, cost) in fake.costs {
                    let mut value = cost * shift * (1.0 + noise * random.normal());
                    if random.uniform() < 0.01 {
                        value *= 1.0 + 20.0 * random.uniform();
                    }
                    if benchmark == Benchmark::Tsc {
                        value = (value / 2.0).round() * 2.0;
                    }
                    samples.push(Sample {
                        target: target.clone(),
                        boot,
                        benchmark,
                        round,
                        reading: slope(benchmark, round, shift / 1.5),
                        value: Ticks(value),
                    });
                }
            }
        }
    }
    samples
}

/// A reading with so many ticks a core cycle; a counter that steps by 2.
fn slope(benchmark: Benchmark, round: u32, ticks_per_cycle: f64) -> Reading {
    let chain = (3.0 * CHAIN_OPS as f64 * ticks_per_cycle) as u64;
    // An empty measurement has no chains around it.
    let (ops, chain) = match benchmark {
        Benchmark::Tsc => (0, 0),
        _ => (1000, chain),
    };
    Reading::Slope {
        align: u64::from(round / 2 % 4 * 16),
        ops_n: ops,
        ticks_n: 40_000,
        ops_2n: 2 * ops,
        ticks_2n: 80_002,
        chain_before: chain,
        chain_after: chain,
    }
}

/// A verdict with a finding in each state.
pub fn unfit() -> Verdict {
    let finding = |check: &str, state, what: &str, fix: Option<&str>| Finding {
        check: check.into(),
        state,
        what: what.into(),
        fix: fix.map(str::to_owned),
        read: Vec::new(),
    };
    Verdict::new(
        vec![
            finding("tsc-invariant", State::Ok, "the counter is invariant", None),
            finding(
                "turbo",
                State::Unfit,
                "turbo is on",
                Some("sudo tollgate tune apply"),
            ),
            finding("isolation", State::Warning, "CPU 1 is not isolated", None),
            finding("governor", State::Unknown, "cpufreq is missing", None),
        ],
        Some(Noise {
            cpu: 1,
            seconds: 2.0,
            gap_ns: 1000.0,
            lost: 0.0125,
            gaps_per_second: 251.5,
            longest_ns: 54321.0,
            chain_spread: 0.0075,
        }),
    )
}

/// A target whose instructions were counted.
pub struct Counted {
    /// The target that it counts for.
    pub of: &'static str,
    pub label: &'static str,
    pub model: &'static str,
    /// Instructions of a system call in each boot.
    pub scall: [u64; 2],
    pub spectre_v2: &'static str,
    pub flags: &'static str,
}

pub const COUNTED: [Counted; 3] = [
    Counted {
        of: "linux",
        label: "Linux 6.12/KVM",
        model: "Skylake-Server",
        scall: [253, 253],
        spectre_v2: "Mitigation: IBRS",
        flags: "fpu pti ibrs",
    },
    Counted {
        of: "linux-nomit",
        label: "Linux 6.12/KVM, mitigations=off",
        model: "Skylake-Server",
        scall: [238, 238],
        spectre_v2: "Vulnerable",
        flags: "fpu ibrs",
    },
    Counted {
        of: "ring0",
        label: "ring-0 unikernel (tollgate)",
        model: "Skylake-Server",
        // Its second boot took another path.
        scall: [8, 9],
        spectre_v2: "",
        flags: "",
    },
];

/// The same Linux on several processors, none of them timed.
pub const MODELS: [Counted; 4] = [
    model("Skylake-Server", 253, "Mitigation: IBRS", "pti ibrs"),
    // Of what makes no difference something differs.
    model("Icelake-Server", 253, "Mitigation: IBRS", "pti ibrs umip"),
    model("EPYC", 263, "Mitigation: Retpolines", "ibpb"),
    model("max", 238, "Vulnerable; STIBP: disabled", "ibpb fsgsbase"),
];

const fn model(
    model: &'static str,
    scall: u64,
    spectre_v2: &'static str,
    flags: &'static str,
) -> Counted {
    Counted {
        of: model,
        label: model,
        model,
        scall: [scall, scall],
        spectre_v2,
        flags,
    }
}

impl Counted {
    fn info(&self) -> TargetInfo {
        let guest = [
            ("vulnerability.meltdown", "Not affected"),
            ("vulnerability.spectre_v2", self.spectre_v2),
            ("cpu.flags", self.flags),
        ];
        TargetInfo {
            name: self.name(),
            label: self.label.into(),
            method: Some(Method::Exact),
            engine: "qemu".into(),
            emulated: true,
            counts_for: Some(self.of.into()),
            cpu_model: Some(self.model.into()),
            cpu_lacks: vec!["CPUID.01H:ECX.pcid".into(), "CPUID.07H:EBX.invpcid".into()],
            guest: GuestCpu::of(guest.into_iter()).filter(|_| !self.flags.is_empty()),
            missing: None,
            boots_ok: 2,
            checks: Vec::new(),
            boots_failed: 0,
        }
    }

    fn name(&self) -> String {
        format!("{}-exact", self.of)
    }

    /// Both boots' samples; an interrupt fell into one of each boot's.
    fn quads(&self) -> Vec<RunQuad> {
        let mut quads = Vec::new();
        for (boot, scall) in (0..).zip(self.scall) {
            for (benchmark, each) in [
                (Benchmark::Scall, scall),
                (Benchmark::Fcall, 3),
                (Benchmark::FcallChain, 4),
            ] {
                quads.extend((0..64).map(|sample| {
                    let mut quad = quad(benchmark, 0, each);
                    if benchmark == Benchmark::Scall && sample == 17 {
                        quad.ticks_2n_2t += 1723;
                    }
                    RunQuad {
                        target: self.name(),
                        boot,
                        quad,
                    }
                }));
            }
        }
        quads
    }
}

/// A run of those targets, and of a `unikraft` without an image.
pub fn run(fakes: &[Fake], boots: u32, rounds: u32) -> (Summary, Levels) {
    run_counted(fakes, boots, rounds, &[])
}

/// The same with counted targets.
pub fn run_counted(
    fakes: &[Fake],
    boots: u32,
    rounds: u32,
    counted: &[Counted],
) -> (Summary, Levels) {
    let levels: Levels = samples(fakes, boots, rounds).iter().collect();
    let mut targets: Vec<_> = fakes
        .iter()
        .map(|fake| TargetInfo {
            name: fake.name.into(),
            label: fake.label.into(),
            method: Some(Method::Precise),
            engine: fake.engine.into(),
            emulated: fake.emulated,
            counts_for: None,
            cpu_model: None,
            cpu_lacks: Vec::new(),
            guest: (fake.name == "linux").then(timed_guest),
            missing: None,
            boots_ok: boots,
            checks: checks(fake),
            boots_failed: u32::from(fake.name == "ring0"),
        })
        .collect();
    targets.push(TargetInfo {
        name: "unikraft".into(),
        label: "Unikraft/KVM".into(),
        method: Some(Method::Precise),
        engine: "kvm".into(),
        emulated: false,
        counts_for: None,
        cpu_model: None,
        cpu_lacks: Vec::new(),
        guest: None,
        missing: Some(Missing {
            what: "no image".into(),
            hint: "give one with `image = \"path\"`, see kernels/unikraft/README.md".into(),
        }),
        boots_ok: 0,
        checks: Vec::new(),
        boots_failed: 0,
    });
    let info = RunInfo {
        experiment: "table1".into(),
        incomplete: None,
        tsc: Some(Tsc {
            hz: TscHz(3.6e9),
            source: "CPUID leaf 15H".into(),
        }),
        notes: vec!["AMD EPYC 7B13, 2026-11-20 12:00 UTC".into()],
        doctor: Some(unfit()),
    };
    targets.extend(counted.iter().map(Counted::info));
    let boots = in_turns(&targets, boots);
    let quads: Vec<_> = counted.iter().flat_map(Counted::quads).collect();
    let counts: Counts = quads.iter().collect();
    let summary = summarize(info, targets, &boots, &levels, &counts).unwrap();
    (summary, levels)
}

fn timed_guest() -> GuestCpu {
    let facts = [
        ("vulnerability.meltdown", "Not affected"),
        ("vulnerability.spectre_v2", "Mitigation: Retpolines"),
    ];
    GuestCpu::of(facts.into_iter()).unwrap()
}

/// Boots in the order of time, where every block boots each target once.
pub fn in_turns(targets: &[TargetInfo], boots: u32) -> Vec<BootInfo> {
    let block = |boot| {
        targets.iter().map(move |target| BootInfo {
            target: target.name.clone(),
            boot,
            chain_ops: Some(CHAIN_OPS),
        })
    };
    (0..boots).flat_map(block).collect()
}

/// The check of the clock chains, passed.
pub fn good_clock() -> Finding {
    Finding {
        check: CLOCK_CHAINS.into(),
        state: State::Ok,
        what: "a multiplication takes 3.000 additions".into(),
        fix: None,
        read: Vec::new(),
    }
}

/// The same where a multiplication takes four cycles.
pub fn bad_clock() -> Finding {
    Finding {
        state: State::Warning,
        what: "a multiplication takes 4.000 additions".into(),
        ..good_clock()
    }
}

/// What the method's checks found on a target: one has a counter of another frequency.
fn checks(fake: &Fake) -> Vec<Finding> {
    let (state, what) = match fake.name {
        "ring0" => (State::Warning, "CPUID says 1000.000 MHz there"),
        _ => (State::Ok, "CPUID says 2600.000 MHz there"),
    };
    let finding = Finding {
        check: "tsc-frequency".into(),
        state,
        what: what.into(),
        fix: None,
        read: Vec::new(),
    };
    if fake.emulated {
        Vec::new()
    } else {
        vec![good_clock(), finding]
    }
}
