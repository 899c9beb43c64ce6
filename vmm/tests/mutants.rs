//! Every image is refused with a reason or booted, and leaves nothing behind. Alone in its
//! process, because it counts everything in it.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod run;
mod tiny;

use std::cell::Cell;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use run::spec;
use vmm::kvm::{Io, KvmOptions, Report, boot};
use vmm::{BootSpec, End, Protocol};

/// Bounds the time as well: a guest that runs wild uses up its whole timeout, and the host's
/// kernel needs additional time to destroy its machine.
const CASES: u32 = 200;
const PATIENCE: Duration = Duration::from_millis(40);

/// A good image, and what happens to it.
#[derive(Clone, Debug)]
struct Mutant {
    kind: usize,
    /// Where to change it, as a fraction of the file or of its first bytes, and to what.
    bytes: Vec<(Index, bool, u8)>,
    cut: Option<Index>,
    protocol: Option<Protocol>,
    memory_mib: u32,
    cpus: u32,
    initrd: Option<Vec<u8>>,
}

impl Mutant {
    fn image(&self) -> Vec<u8> {
        let code = [tiny::print("x"), tiny::exit(0)].concat();
        let mut image = match self.kind {
            0 => tiny::vmlinux(&code),
            1 => tiny::pvh(&code),
            2 => tiny::multiboot_elf(&code),
            3 => tiny::multiboot_flat(&code),
            _ => tiny::bzimage(&code),
        };
        for (index, in_headers, byte) in &self.bytes {
            let reach = if *in_headers { 0x270 } else { image.len() };
            let at = index.index(reach.min(image.len()));
            image[at] = *byte;
        }
        if let Some(cut) = self.cut {
            image.truncate(cut.index(image.len()));
        }
        image
    }
}

fn mutants() -> impl Strategy<Value = Mutant> {
    let bytes = proptest::collection::vec((any::<Index>(), any::<bool>(), any::<u8>()), 0..8);
    let protocol = proptest::option::weighted(
        0.3,
        prop_oneof![
            Just(Protocol::Linux64),
            Just(Protocol::Pvh),
            Just(Protocol::Multiboot),
        ],
    );
    let cut = proptest::option::weighted(0.1, any::<Index>());
    let initrd = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9000));
    let machine = (1u32..9, 1u32..3);
    (0usize..5, bytes, cut, protocol, machine, initrd).prop_map(
        |(kind, bytes, cut, protocol, (memory_mib, cpus), initrd)| Mutant {
            kind,
            bytes,
            cut,
            protocol,
            memory_mib,
            cpus,
            initrd,
        },
    )
}

fn try_to_boot(mutant: &Mutant) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    fs::write(&kernel, mutant.image()).unwrap();
    let initrd = mutant.initrd.as_ref().map(|bytes| {
        let path = folder.path().join("initrd");
        fs::write(&path, bytes).unwrap();
        path
    });
    let spec = BootSpec {
        initrd,
        cmdline: "a b".into(),
        memory_mib: mutant.memory_mib,
        cpus: mutant.cpus,
        timeout: PATIENCE,
        ..spec(kernel)
    };
    let options = KvmOptions {
        protocol: mutant.protocol,
        console_limit: 1 << 20,
        ..Default::default()
    };
    let io = Io {
        console: &mut |_| {},
        input: None,
        stop: &AtomicBool::new(false),
    };
    boot(&spec, &options, io)
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_mutated_image_boots_or_is_refused_with_a_reason() {
    let good = |kind| Mutant {
        kind,
        bytes: Vec::new(),
        cut: None,
        protocol: None,
        memory_mib: 4,
        cpus: 1,
        initrd: None,
    };
    for kind in 0..5 {
        let end = try_to_boot(&good(kind)).outcome.end;
        assert_eq!(end, End::Exited { status: 0 }, "{kind}");
    }
    let before = (count("fd"), count("task"));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
    let (booted, refused) = (Cell::new(0), Cell::new(0));
    runner
        .run(&mutants(), |mutant| {
            let report = try_to_boot(&mutant);
            match report.outcome.end {
                End::EngineFailed { reason } => {
                    prop_assert!(
                        !reason.is_empty() && !reason.contains("panicked"),
                        "{reason}"
                    );
                    refused.set(refused.get() + 1);
                }
                _ => booted.set(booted.get() + 1),
            }
            Ok(())
        })
        .unwrap();
    let (booted, refused) = (booted.get(), refused.get());
    eprintln!("{booted} booted, {refused} refused");
    assert!(booted > CASES / 10 && refused > CASES / 10);
    // Threads of boots that were given up end on their own.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!((count("fd"), count("task")), before, "descriptors, threads");
}

fn count(what: &str) -> usize {
    fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}
