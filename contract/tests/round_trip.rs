//! The record parser reads what the encoder writes.

use contract::{
    Answer, Batch, Benchmark, CONFIG_PREFIX, CallTried, Clock, Closing, Disturbance, Disturbed,
    Encoder, Fact, HEADER_BEGIN, MARK_OPCODE, Method, Quad, Record, RecordError, Slope, SystemCall,
    Tried, mark_begin, mark_end,
};
use proptest::prelude::*;

fn benchmark() -> impl Strategy<Value = Benchmark> {
    proptest::sample::select(&Benchmark::ALL[..])
}

prop_compose! {
    fn slope()(
        benchmark in benchmark(),
        [round, align, ops_n, ticks_n, ops_2n, ticks_2n, chain_before, chain_after] in any::<[u64; 8]>(),
    ) -> Slope {
        Slope { benchmark, round, align, ops_n, ticks_n, ops_2n, ticks_2n, chain_before, chain_after }
    }
}

prop_compose! {
    fn batch()(benchmark in benchmark(), [round, ops, ticks] in any::<[u64; 3]>()) -> Batch {
        Batch { benchmark, round, ops, ticks }
    }
}

prop_compose! {
    fn quad()(
        benchmark in benchmark(),
        [round, align, copies, turns, ticks_n_t, ticks_n_2t, ticks_2n_t, ticks_2n_2t] in any::<[u64; 8]>(),
    ) -> Quad {
        Quad { benchmark, round, align, copies, turns, ticks_n_t, ticks_n_2t, ticks_2n_t, ticks_2n_2t }
    }
}

prop_compose! {
    fn clock()([round, imul_ticks, add_ticks] in any::<[u64; 3]>()) -> Clock {
        Clock { round, imul_ticks, add_ticks }
    }
}

prop_compose! {
    fn disturbed()(
        by in proptest::sample::select(&Disturbance::ALL[..]),
        [round, amount] in any::<[u64; 2]>(),
    ) -> Disturbed {
        Disturbed { round, by, amount }
    }
}

prop_compose! {
    fn call()(
        tried in proptest::sample::select(&Tried::ALL[..]),
        [number, detail] in any::<[u64; 2]>(),
    ) -> CallTried {
        CallTried { number, tried, detail }
    }
}

proptest! {
    #[test]
    fn every_written_record_reads_the_same(slopes in prop::collection::vec(slope(), 0..20),
                               quads in prop::collection::vec(quad(), 0..20),
                               clocks in prop::collection::vec(clock(), 0..20),
                               disturbances in prop::collection::vec(disturbed(), 0..20),
                               calls in prop::collection::vec(call(), 0..20),
                               batches in prop::collection::vec(batch(), 0..20)) {
        let mut encoder = Encoder::new(String::new());
        encoder.header(true, 20, None).unwrap();
        encoder.format(Method::Precise).unwrap();
        encoder.fact_number(Fact::ChainOps, 64).unwrap();
        slopes.iter().for_each(|s| encoder.slope(s).unwrap());
        quads.iter().for_each(|q| encoder.quad(q).unwrap());
        batches.iter().for_each(|b| encoder.batch(b).unwrap());
        clocks.iter().for_each(|c| encoder.clock(c).unwrap());
        disturbances.iter().for_each(|d| encoder.disturbed(d).unwrap());
        calls.iter().for_each(|c| encoder.call(c).unwrap());
        let log = encoder.end().unwrap();

        let mut closing = Closing::default();
        let (mut got_slopes, mut got_batches, mut ended) = (vec![], vec![], false);
        let (mut got_clocks, mut got_disturbances, mut got_quads) = (vec![], vec![], vec![]);
        let mut got_calls = vec![];
        for line in log.lines() {
            match Record::parse(line).map(|r| r.expect("a good record")) {
                Some(Record::Slope(s)) => got_slopes.push(s),
                Some(Record::Quad(q)) => got_quads.push(q),
                Some(Record::Batch(b)) => got_batches.push(b),
                Some(Record::Clock(c)) => got_clocks.push(c),
                Some(Record::Disturbed(d)) => got_disturbances.push(d),
                Some(Record::Call(c)) => got_calls.push(c),
                Some(Record::End { lines, crc }) => {
                    prop_assert_eq!((lines, crc), (closing.lines(), closing.crc()));
                    ended = true;
                }
                Some(Record::Format(m)) => prop_assert_eq!(m, Method::Precise),
                Some(Record::Meta { key, value }) => prop_assert_eq!((key, value), ("chain_ops", "64")),
                Some(Record::Error(e)) => prop_assert!(false, "{}", e),
                Some(other) => prop_assert!(false, "{:?}", other),
                None => prop_assert!(line.contains("---") || line.starts_with(CONFIG_PREFIX)),
            }
            closing.line(line.as_bytes());
        }
        prop_assert!(ended);
        prop_assert_eq!(got_slopes, slopes);
        prop_assert_eq!(got_quads, quads);
        prop_assert_eq!(got_batches, batches);
        prop_assert_eq!(got_clocks, clocks);
        prop_assert_eq!(got_disturbances, disturbances);
        prop_assert_eq!(got_calls, calls);
    }

    #[test]
    fn no_line_makes_the_parser_panic(line in "(tollgate|meta|batch|slope|quad|clock|disturbed|call|end|error|[a-z]*)[\t0-9a-z+-]{0,60}") {
        let _ = Record::parse(&line);
    }
}

#[test]
fn a_log_reads_as_documented() {
    let mut encoder = Encoder::new(String::new());
    encoder.header(false, 2, Some(1000)).unwrap();
    encoder.format(Method::Paper).unwrap();
    encoder.answer(SystemCall::Noop, Answer::Works).unwrap();
    let sample = Batch {
        benchmark: Benchmark::Scall,
        round: 1,
        ops: 1000,
        ticks: 222_000,
    };
    encoder.batch(&sample).unwrap();
    let log = encoder.end().unwrap();
    let body = "--- 8< ---\n# CONFIG_WARMUP is not set\nCONFIG_NB_ROUNDS=2\n\
                CONFIG_ITER_PER_ROUND=1000\n--- >8 ---\ntollgate\t2\tpaper\n\
                meta\tsyscall_500\tnoop\nbatch\tscall\t1\t1000\t222000\n";
    // CRC-32 of `body`, by Python's zlib.crc32.
    assert_eq!(log, format!("{body}end\t8\t1cf40184\n"));
    assert!(log.starts_with(HEADER_BEGIN));
}

#[test]
fn bad_records_say_why() {
    let cases = [
        ("batch\tscall\t0\t1", RecordError::FieldCount { found: 4 }),
        (
            "batch\tscall\t0\t1\t2\t3",
            RecordError::FieldCount { found: 6 },
        ),
        (
            "batch\tnoop\t0\t1\t2",
            RecordError::Field {
                name: "benchmark",
                value: "noop",
            },
        ),
        (
            "batch\tscall\t0\t+1\t2",
            RecordError::Field {
                name: "ops",
                value: "+1",
            },
        ),
        (
            "batch\tscall\t0\t1\t18446744073709551616",
            RecordError::Field {
                name: "ticks",
                value: "18446744073709551616",
            },
        ),
        ("tollgate\t1\tprecise", RecordError::Version("1")),
        (
            "tollgate\t2\texakt",
            RecordError::Field {
                name: "method",
                value: "exakt",
            },
        ),
        (
            "end\t1\tfff",
            RecordError::Field {
                name: "crc",
                value: "fff",
            },
        ),
    ];
    for (line, error) in cases {
        assert_eq!(Record::parse(line), Some(Err(error)), "{line}");
    }
    assert_eq!(Record::parse("clocksource: tsc"), None);
}

#[test]
fn no_two_marks_are_the_same_instruction() {
    let mut seen = std::collections::HashSet::new();
    for benchmark in Benchmark::ALL {
        assert!(seen.insert(mark_begin(benchmark)));
        assert!(seen.insert(mark_end(benchmark)));
    }
    // What an assembler generates for `nop dword ptr [rax + rax + 0x746c0301]`.
    let [a, b, c, d] = MARK_OPCODE;
    assert_eq!([a, b, c, d], [0x0f, 0x1f, 0x84, 0x00]);
    assert_eq!(mark_end(Benchmark::Scall).to_le_bytes(), [1, 3, 0x6c, 0x74]);
}
