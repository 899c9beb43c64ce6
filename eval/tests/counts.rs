//! What is planted in guests' logs of the exact method comes back as a whole number, through
//! the real parser, counts.csv and the summary; anything else gives no count.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Random;
use contract::{Answer, Encoder, Quad, SystemCall};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::quads::{self, RunQuad, Unit, instructions};
use eval::summary::{RunInfo, Summary, TargetInfo, summarize};
use eval::units::Instructions;
use eval::verdict::State;
use eval::{Benchmark, Method, log};
use proptest::prelude::*;

const SAMPLES: u64 = 64;

/// What a boot's operations take.
#[derive(Clone, Copy)]
struct Planted {
    fcall: u64,
    scall: u64,
    /// Share of samples into which an interrupt falls.
    interrupted: f64,
}

const QUIET: Planted = Planted {
    fcall: 3,
    scall: 253,
    interrupted: 0.01,
};

/// A boot's console. The padding before a loop differs with its place, and an interrupt takes
/// some hundreds of instructions.
fn console(planted: Planted, random: &mut Random) -> String {
    let mut console = Encoder::new(String::new());
    console.header(true, 1, None).unwrap();
    console.format(Method::Exact).unwrap();
    console.answer(SystemCall::Noop, Answer::Works).unwrap();
    for (benchmark, each) in [
        (Benchmark::Scall, planted.scall),
        (Benchmark::Fcall, planted.fcall),
        (Benchmark::FcallChain, 4),
    ] {
        for sample in 0..SAMPLES {
            let interrupted = random.uniform() < planted.interrupted;
            let hit = interrupted.then(|| random.next() % 4);
            let extra = 300 + random.next() % 1000;
            let batch = |which: u64, copies: u64, turns: u64| {
                let padding = copies + 3 * (sample % 4);
                let disturbed = if hit == Some(which) { extra } else { 0 };
                60 + padding + turns * (2 + copies * each) + disturbed
            };
            let quad = Quad {
                benchmark,
                round: 0,
                align: sample % 4 * 16,
                copies: 16,
                turns: 1,
                ticks_n_t: batch(0, 16, 1),
                ticks_n_2t: batch(1, 16, 2),
                ticks_2n_t: batch(2, 32, 1),
                ticks_2n_2t: batch(3, 32, 2),
            };
            console.quad(&quad).unwrap();
        }
    }
    console.end().unwrap()
}

/// Those boots, all the way from consoles to the summary.
fn run(boots: &[Planted], seed: u64) -> Summary {
    let mut random = Random(seed);
    let mut all = Vec::new();
    for (planted, boot) in boots.iter().zip(0..) {
        let log = log::parse(console(*planted, &mut random).as_bytes()).unwrap();
        let (unit, quads) = quads::of_log("linux", boot, &log);
        assert_eq!(unit, Unit::Instructions);
        all.extend(quads);
    }
    let mut csv = Vec::new();
    quads::write_csv(&mut csv, Unit::Instructions, &all).unwrap();
    let read: Vec<RunQuad> = quads::read_csv(&csv[..], Unit::Instructions).unwrap();
    assert_eq!(read, all);
    let target = TargetInfo {
        name: "linux".into(),
        label: "Linux".into(),
        method: Some(Method::Exact),
        engine: "qemu".into(),
        emulated: true,
        counts_for: None,
        cpu_model: Some("Skylake-Server".into()),
        cpu_lacks: Vec::new(),
        guest: None,
        checks: Vec::new(),
        missing: None,
        boots_ok: boots.len() as u32,
        boots_failed: 0,
    };
    let info = RunInfo {
        experiment: "planted".into(),
        incomplete: None,
        tsc: None,
        notes: Vec::new(),
        doctor: None,
    };
    let counts: Counts = read.iter().collect();
    let boots = common::in_turns(std::slice::from_ref(&target), boots.len() as u32);
    summarize(info, vec![target], &boots, &Levels::default(), &counts).unwrap()
}

/// The counts of `fcall`, `fcall_chain` and `scall`.
fn values(summary: &Summary) -> Vec<Option<u64>> {
    let counts = summary.targets[0].counts.iter();
    counts
        .map(|count| count.instructions.map(|Instructions(each)| each))
        .collect()
}

#[test]
fn a_planted_count_is_found_and_one_more_instruction_too() {
    for seed in 0..20 {
        let summary = run(&[QUIET; 2], seed);
        assert_eq!(values(&summary), [Some(3), Some(4), Some(253)]);
        assert_eq!(summary.targets[0].info.checks[0].state, State::Ok);
        let more = Planted {
            scall: 254,
            ..QUIET
        };
        assert_eq!(values(&run(&[more; 2], seed))[2], Some(254));
        // Two boots that do not repeat each other give none.
        let differ = run(&[QUIET, more], seed);
        assert_eq!(values(&differ)[2], None);
        let finding = &differ.targets[0].counts[2].findings[0];
        assert!(
            finding.contains("253 in boot 0; 254 in boot 1"),
            "{finding}"
        );
    }
}

#[test]
fn too_many_interrupts_leave_no_count() {
    let busy = Planted {
        interrupted: 0.3,
        ..QUIET
    };
    for seed in 0..20 {
        let summary = run(&[QUIET, busy], seed);
        // Function calls suffer as much: this is not a count.
        assert_eq!(values(&summary), [None; 3]);
        assert_eq!(summary.targets[0].info.checks[0].state, State::Unfit);
    }
}

#[test]
fn a_counter_that_does_not_count_instructions_is_detected() {
    let ticks = Planted { fcall: 5, ..QUIET };
    let summary = run(&[ticks; 2], 1);
    assert_eq!(values(&summary), [None; 3]);
    let found = &summary.targets[0].info.checks[0];
    assert!(
        found.what.contains("fcall takes 3, but was counted as 5"),
        "{}",
        found.what
    );
}

proptest! {
    #[test]
    fn only_the_operation_is_counted(
        each in 0u64..1_000_000, copies in 1u64..1000, turns in 1u64..1000,
        starts in [0u64..1_000_000, 0..1_000_000], turn in 0u64..1000,
    ) {
        let batch = |start: u64, copies: u64, turns: u64| start + turns * (turn + copies * each);
        let quad = Quad {
            benchmark: Benchmark::Scall,
            round: 0,
            align: 0,
            copies,
            turns,
            ticks_n_t: batch(starts[0], copies, turns),
            ticks_n_2t: batch(starts[0], copies, 2 * turns),
            ticks_2n_t: batch(starts[1], 2 * copies, turns),
            ticks_2n_2t: batch(starts[1], 2 * copies, 2 * turns),
        };
        prop_assert_eq!(instructions(&quad), Some(Instructions(each)));
    }

    #[test]
    fn a_disturbed_batch_never_gives_the_planted_count(
        each in 1u64..1000, disturbed in 1u64..100_000, which in 0usize..4,
    ) {
        let mut quad = common::quad(Benchmark::Scall, 0, each);
        let batches = [
            &mut quad.ticks_n_t,
            &mut quad.ticks_n_2t,
            &mut quad.ticks_2n_t,
            &mut quad.ticks_2n_2t,
        ];
        for (batch, i) in batches.into_iter().zip(0..) {
            *batch += if i == which { disturbed } else { 0 };
        }
        prop_assert_ne!(instructions(&quad), Some(Instructions(each)));
    }

    #[test]
    fn any_quads_never_panic(ticks in any::<[u64; 4]>(), copies in any::<u64>(), turns in any::<u64>()) {
        let mut quad = common::quad(Benchmark::Scall, 0, 1);
        (quad.copies, quad.turns) = (copies, turns);
        [quad.ticks_n_t, quad.ticks_n_2t, quad.ticks_2n_t, quad.ticks_2n_2t] = ticks;
        let _ = instructions(&quad);
    }
}

#[test]
fn one_exact_log_has_counts_and_no_means() {
    let mut random = Random(3);
    let logs = [0, 1].map(|boot| {
        let console = console(QUIET, &mut random);
        (
            format!("{boot}.log"),
            log::parse(console.as_bytes()).unwrap(),
        )
    });
    let stats = eval::bare::stats(&logs).unwrap();
    assert!(stats.stats.is_empty());
    let text = eval::bare::text(&stats);
    assert!(text.contains("| scall | 128 | 253 | "), "{text}");
    let json = serde_json::to_string_pretty(&stats).unwrap();
    assert!(
        json.contains("\"unit\": \"instructions for one operation\""),
        "{json}"
    );
    let one = eval::bare::text(&eval::bare::stats(&logs[..1]).unwrap());
    assert!(one.contains("| scall | 64 | – | – |"), "{one}");
    assert!(
        one.contains("a second one has to give the same 253"),
        "{one}"
    );
}
