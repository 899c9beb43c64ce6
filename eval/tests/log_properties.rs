//! Whatever happens to a log on its way, it is an error or the same log.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use contract::{Answer, Batch, Encoder, Fact, Quad, Slope, SystemCall};
use eval::log::{Log, parse};
use eval::{Benchmark, Method};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

const ROUNDS: u64 = 4;

fn slopes() -> impl Strategy<Value = Vec<Slope>> {
    // As many samples of one benchmark in every round, as the guest takes them.
    let round = |benchmarks: Vec<usize>| {
        let rounds: Vec<_> = (0..ROUNDS)
            .flat_map(|round| benchmarks.iter().map(move |which| slope(round, *which)))
            .collect();
        rounds
    };
    vec(0..4usize, 1..4).prop_flat_map(round)
}

fn slope(round: u64, which: usize) -> impl Strategy<Value = Slope> {
    let reading = (
        [1u64..1000, 1..1000],
        any::<[u64; 2]>(),
        [1..=u32::MAX, 1..=u32::MAX],
    );
    reading.prop_map(move |([ops, more], [ticks_n, ticks_2n], chain)| {
        let benchmark = Benchmark::ALL[which];
        let counts = u64::from(benchmark != Benchmark::Tsc);
        Slope {
            benchmark,
            round,
            align: 16 * (ops % 4),
            ops_n: counts * ops,
            ticks_n,
            ops_2n: counts * (ops + more),
            ticks_2n,
            chain_before: chain[0].into(),
            chain_after: chain[1].into(),
        }
    })
}

fn quads() -> impl Strategy<Value = Vec<Quad>> {
    let quad = (any::<[u64; 4]>(), [1u64..1000, 1..1_000_000], 0u64..4);
    let quads = (
        prop::sample::subsequence(vec![1usize, 2, 3], 1..=3),
        vec(quad, 12),
    );
    quads.prop_map(|(benchmarks, quads)| {
        let places =
            (0..ROUNDS).flat_map(|round| benchmarks.iter().map(move |which| (round, which)));
        let quads = places
            .zip(quads)
            .map(|((round, which), (ticks, [copies, turns], align))| Quad {
                benchmark: Benchmark::ALL[*which],
                round,
                align: 16 * align,
                copies,
                turns,
                ticks_n_t: ticks[0],
                ticks_n_2t: ticks[1],
                ticks_2n_t: ticks[2],
                ticks_2n_2t: ticks[3],
            });
        quads.collect()
    })
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let round = (1u64..1_000_000, any::<[u64; 2]>(), any::<u16>());
    vec(round, ROUNDS as usize).prop_map(|rounds| {
        let batch = |benchmark, round, ops, ticks| Batch {
            benchmark,
            round,
            ops,
            ticks,
        };
        let rounds = rounds.into_iter().zip(0..);
        rounds
            .flat_map(|((ops, [scall, fcall], tsc), round)| {
                [
                    batch(Benchmark::Tsc, round, 0, tsc.into()),
                    batch(Benchmark::Scall, round, ops, scall),
                    batch(Benchmark::Fcall, round, ops, fcall),
                ]
            })
            .collect()
    })
}

fn encode(
    method: Method,
    meta: &BTreeMap<String, String>,
    sample: impl Fn(&mut Encoder<String>),
) -> String {
    let mut log = Encoder::new(String::new());
    log.header(true, ROUNDS, Some(1000)).unwrap();
    log.format(method).unwrap();
    log.answer(SystemCall::Noop, Answer::Works).unwrap();
    for (key, value) in meta {
        log.fact_for(Fact::Cpu, key, value).unwrap();
    }
    sample(&mut log);
    log.end().unwrap()
}

/// Any good log of ours.
fn log() -> impl Strategy<Value = String> {
    let meta = || btree_map("[a-z_.]{1,12}", "[ -~é–]{0,24}", 0..4);
    let precise = (meta(), slopes(), quads()).prop_map(|(meta, slopes, quads)| {
        encode(Method::Precise, &meta, |log| {
            slopes.iter().for_each(|s| log.slope(s).unwrap());
            quads.iter().for_each(|q| log.quad(q).unwrap());
        })
    });
    let exact = (meta(), quads()).prop_map(|(meta, quads)| {
        encode(Method::Exact, &meta, |log| {
            quads.iter().for_each(|q| log.quad(q).unwrap());
        })
    });
    let paper = (meta(), batches()).prop_map(|(meta, batches)| {
        encode(Method::Paper, &meta, |log| {
            batches.iter().for_each(|b| log.batch(b).unwrap());
        })
    });
    prop_oneof![precise, exact, paper]
}

/// Lines that a kernel might print: anything that is not one of ours.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"[    0.000000] tsc: Detected 2596.110 MHz processor".to_vec()),
        Just(b"rcu: \tRCU restricting CPUs from NR_CPUS=2 to nr_cpu_ids=1.".to_vec()),
        Just(b"[    1.5] batch\tscall\t0\t1\t1".to_vec()),
        Just(b"CONFIG_X=y (as a kernel might say)".to_vec()),
        Just(b"tsc\t156".to_vec()),
        "[a-zA-Z0-9:. ]{0,40}".prop_map(String::into_bytes),
        vec(0x80u8..=0xff, 0..20),
    ]
}

/// An escape sequence, whole.
fn escape() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![
        Just(&b"\x1b[0m"[..]),
        Just(&b"\x1b[01;31m"[..]),
        Just(&b"\x1b[2J"[..]),
        Just(&b"\x1bc"[..]),
        Just(&b"\x1b[?7l"[..]),
        Just(&b"\x1b]0;a title\x07"[..]),
        Just(&b"\x1b(B"[..]),
        Just(&b"\r"[..]),
        Just(&b"\0"[..]),
    ]
}

fn whole(log: &str) -> Log {
    parse(log.as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cut_at_any_byte(log in log(), noise in noise()) {
        let good = whole(&log);
        let console = [log.as_bytes(), &noise, b"\n"].concat();
        for end in 0..console.len() {
            if let Ok(cut) = parse(&console[..end]) {
                prop_assert!(end + 1 >= log.len(), "cut at byte {}", end);
                prop_assert_eq!(&cut, &good);
            }
        }
    }

    #[test]
    fn any_byte_flipped(log in log(), before in noise(), after in noise(), bits in 1u8..=255) {
        let good = whole(&log);
        let mut console = [&before, &b"\r\n"[..], log.as_bytes(), &after, b"\n"].concat();
        for i in 0..console.len() {
            console[i] ^= bits;
            if let Ok(flipped) = parse(&console) {
                prop_assert_eq!(&flipped, &good, "byte {} changed", i);
            }
            console[i] ^= bits;
        }
    }

    #[test]
    fn any_byte_lost_or_doubled(log in log()) {
        let good = whole(&log);
        for i in 0..log.len() {
            let bytes = log.as_bytes();
            for changed in [[&bytes[..i], &bytes[i + 1..]].concat(), [&bytes[..=i], &bytes[i..]].concat()] {
                if let Ok(log) = parse(&changed) {
                    prop_assert_eq!(&log, &good, "byte {}", i);
                }
            }
        }
    }

    #[test]
    fn noise_between_lines_changes_nothing(log in log(), noises in vec(noise(), 1..20), seed in any::<u64>()) {
        let good = whole(&log);
        let mut random = common::Random(seed);
        let lines = log.lines().count() as u64;
        let places: Vec<_> = noises.iter().map(|_| random.next() % (lines + 1)).collect();
        let mut console = Vec::new();
        let insert = |i, console: &mut Vec<u8>| {
            for (noise, _) in noises.iter().zip(&places).filter(|(_, place)| **place == i) {
                console.extend_from_slice(noise);
                console.push(b'\n');
            }
        };
        for (i, line) in log.split_inclusive('\n').enumerate() {
            // The header block is printed at once, and holds settings.
            if !(1..5).contains(&i) {
                insert(i as u64, &mut console);
            }
            console.extend_from_slice(line.as_bytes());
        }
        insert(lines, &mut console);
        prop_assert_eq!(parse(&console).unwrap(), good);
    }

    #[test]
    fn escape_sequences_and_carriage_returns_change_nothing(
        log in log(), escapes in vec(escape(), 1..20), seed in any::<u64>()
    ) {
        let good = whole(&log);
        let mut random = common::Random(seed);
        let mut console = log.replace('\n', "\r\n").into_bytes();
        let mut places: Vec<_> = escapes.iter().map(|_| random.next() as usize % (console.len() + 1)).collect();
        places.sort_unstable();
        // From behind, so that no sequence lands within another.
        for (place, escape) in places.into_iter().zip(escapes).rev() {
            console.splice(place..place, escape.iter().copied());
        }
        prop_assert_eq!(parse(&console).unwrap(), good);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn random_lines_of_ours_never_panic(
        lines in vec("(tollgate|meta|batch|slope|quad|error|end|tsc|scall|fcall|CONFIG_NB_ROUNDS=|--- 8< ---|--- >8 ---)[\t0-9a-z.+-]{0,30}", 0..20)
    ) {
        let console = format!("--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\n{}\n", lines.join("\n"));
        let _ = parse(console.as_bytes());
    }

    #[test]
    fn an_original_log_with_a_flipped_byte_never_panics(place in 0..common::original_log().len(), byte in any::<u8>()) {
        let mut console = common::original_log().to_vec();
        console[place] = byte;
        let _ = parse(&console);
    }
}
