//! A run that looks like a real one, with everything that a page has to show.

use eval::boot::Boot;
use eval::crossing::{Crossing, FORMAT_VERSION, Function};
use eval::levels::Levels;
use eval::report::{self, FactGroup, Provenance, Repeat};
use eval::rounds::Round;
use eval::summary::Summary;
use eval::units::Instructions;

use crate::common::{self, COUNTED, Counted, EMULATED, Fake, MEASURED, MODELS, Random};

/// What [`report::html`] takes, owned.
pub struct Fabricated {
    pub summary: Summary,
    pub levels: Levels,
    pub boots: Vec<Boot>,
    pub provenance: Provenance,
    pub crossings: Vec<Crossing>,
}

impl Fabricated {
    pub fn html(&self) -> String {
        let run = report::Run {
            summary: &self.summary,
            levels: &self.levels,
            boots: &self.boots,
            provenance: &self.provenance,
            crossings: &self.crossings,
            watches: None,
        };
        report::html(&run).unwrap()
    }
}

/// Targets on a CPU, counted and not, some from an emulator, one that was only counted, one
/// without an image, and a failed boot.
pub fn mixed() -> Fabricated {
    let [linux, off, _, host] = MEASURED;
    let [emulated, ring0, _] = EMULATED;
    let emulated = Fake {
        name: "emulated",
        label: "Linux 6.12, emulated by QEMU",
        ..emulated
    };
    let [with, without, unlike] = COUNTED;
    let [.., alone] = MODELS;
    of(
        &[linux, off, emulated, ring0, host],
        &[with, without, unlike, alone],
    )
}

fn of(fakes: &[Fake], counted: &[Counted]) -> Fabricated {
    const BOOTS: u32 = 25;
    let (mut summary, levels) = common::run_counted(fakes, BOOTS, 120, counted);
    flag(&mut summary);
    Fabricated {
        boots: boots(&summary, BOOTS),
        provenance: provenance(),
        crossings: vec![crossing()],
        summary,
        levels,
    }
}

/// Alternating boots, in the order of `common::run`.
fn boots(summary: &Summary, boots: u32) -> Vec<Boot> {
    let targets: Vec<_> = summary.targets.iter().map(|t| &t.info).collect();
    let mut random = Random(7);
    let mut position = 0..;
    let mut all = Vec::new();
    for boot in 0..boots {
        for info in &targets {
            let failed = info.name == "ring0" && boot == 11;
            all.push(Boot {
                target: info.name.clone(),
                boot,
                position: position.next().unwrap(),
                failed: failed
                    .then(|| "the guest panicked: Kernel panic - not syncing: no init".into()),
                disturbances: vec![
                    ("involuntary switches".into(), random.next() % 3 / 2),
                    ("run delay, ns".into(), random.next() % 40_000),
                    ("steal, 1/100 s".into(), 0),
                    ("interrupts".into(), 200 + random.next() % 40),
                ],
                watched_rounds: 120,
                disturbed_rounds: disturbed(&info.name, boot),
            });
        }
    }
    all
}

/// Every fifth boot has a round that others disturbed, a later one for longer.
fn disturbed(target: &str, boot: u32) -> Vec<Round> {
    let round = || Round {
        target: target.into(),
        boot,
        round: 3 * boot,
        imul_ticks: None,
        add_ticks: None,
        switches: Some(1),
        run_delay_ns: Some(1_500_000 + 1000 * u64::from(boot)),
        steal_cs: (target != "host").then_some(2),
        interrupts: Some(14),
    };
    let is_disturbed = boot % 5 == 1 || target == "host";
    is_disturbed.then(round).into_iter().collect()
}

fn provenance() -> Provenance {
    let group = |title: &str, facts: &[(&str, &str)]| FactGroup {
        title: title.into(),
        facts: facts
            .iter()
            .map(|&(name, value)| (name.into(), value.into()))
            .collect(),
    };
    let flags = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat ".repeat(12);
    let hash = "838750416cb579f9cb987d248e90db11c8c1527565c921e57c1d6170dff657fc";
    Provenance {
        environment: vec![
            group(
                "Machine",
                &[
                    ("model name", "AMD EPYC 7B13"),
                    ("microcode", "0x1000065"),
                    (
                        "kernel",
                        "Linux version 6.12.48+deb13-amd64 (debian-kernel@lists.debian.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0, GNU ld (GNU Binutils for Debian) 2.44) #1 SMP",
                    ),
                    ("flags", &flags),
                ],
            ),
            group(
                "Mitigations",
                &[(
                    "spectre_v2",
                    "Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected",
                )],
            ),
            group(
                "Target linux",
                &[
                    ("engine", "kvm: tollgate 0.1.0"),
                    (
                        "command line",
                        "console=ttyS0 quiet reboot=t panic=-1 -- method=precise rounds=20 benchmarks=tsc,scall,fcall warmup=y samples=50 batch_ticks=51922",
                    ),
                ],
            ),
        ],
        repeat: Repeat {
            remarks: vec!["The order of boots comes from `seed = 7362701328022753732`.".into()],
            commands: vec![
                "git checkout 54e7042d57f1".into(),
                "make all EXPERIMENT=experiments/table1.toml".into(),
            ],
            hashes: vec![
                ("guest-bench".into(), hash.into()),
                ("build/linux/bzImage".into(), hash.into()),
            ],
        },
    }
}

/// What made-up samples have no clock for.
fn flag(summary: &mut Summary) {
    for row in summary.targets.iter_mut().flat_map(|t| &mut t.rows) {
        row.clock_moved = Some(row.samples / 50);
        for boot in &mut row.boot_medians {
            boot.clock_moved = Some(u64::from(boot.boot % 5) * 2);
        }
    }
}

/// The path into Linux, shortened.
fn crossing() -> Crossing {
    let functions = [
        ("guest-bench", 2),
        ("entry_SYSCALL_64_after_hwframe", 38),
        ("arch_exit_to_user_mode_prepare.constprop.0", 20),
        ("its_return_thunk", 5),
    ];
    let functions = functions.map(|(name, instructions)| Function {
        name: name.into(),
        instructions: Instructions(instructions),
    });
    Crossing {
        version: FORMAT_VERSION,
        target: "linux".into(),
        benchmark: "scall".into(),
        cpu_model: "Skylake-Server".into(),
        qemu: "7.2.22".into(),
        kernel_inputs: "6bd34da78d33".into(),
        total: Instructions(65),
        functions: functions.to_vec(),
        instructions: None,
    }
}
