//! What a sample's value is.

use contract::{Answer, Fact, SystemCall};
use eval::log::{Dialect, Reading, parse};
use eval::units::{CyclesPerTick, Ticks};
use eval::{Benchmark, Method};

use super::with_header;

#[test]
fn the_precise_methods_value_is_the_slope() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tprecise",
            "meta\tsyscall_500\tnoop",
            "meta\tchain_ops\t500",
            "slope\ttsc\t0\t0\t0\t34\t0\t36\t1500\t1500",
            "slope\tscall\t0\t0\t64\t8450\t128\t16770\t1500\t3000",
            "slope\ttsc\t1\t0\t0\t36\t0\t0\t0\t0",
            "slope\tscall\t1\t48\t64\t300\t128\t290\t1500\t1500",
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(log.dialect, Dialect::Tollgate);
    assert_eq!(log.method, Some(Method::Precise));
    assert_eq!(log.answer(SystemCall::Noop), Some(Answer::Works));
    assert_eq!(log.fact(Fact::Release), None);
    let values: Vec<_> = log.samples.iter().map(|s| s.value.0).collect();
    assert_eq!(values, [34.0, 130.0, 36.0, -10.0 / 64.0]);
    assert_eq!(log.samples[3].round, 1);
    assert_eq!(
        log.clock(&log.samples[1]),
        Some((CyclesPerTick(1.0), CyclesPerTick(0.5)))
    );
}

#[test]
fn the_papers_value_is_what_the_original_computes() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tpaper",
            "meta\tsyscall_500\tenosys",
            "batch\ttsc\t0\t0\t70",
            "batch\tenosys\t0\t1000\t222070",
            "batch\tenosys\t1\t1000\t4068",
            "batch\ttsc\t1\t0\t68",
        ])
        .as_bytes(),
    )
    .unwrap();
    let values: Vec<_> = log.samples.iter().map(|s| s.value).collect();
    assert_eq!(values, [70.0, 222.0, 4.0, 68.0].map(Ticks));
    assert_eq!(log.samples[1].benchmark, Benchmark::Enosys);
    assert_eq!(
        log.samples[1].reading,
        Reading::Batch {
            ops: 1000,
            ticks: 222_070
        }
    );
    assert_eq!(log.clock(&log.samples[1]), None);
}

#[test]
fn ticks_near_the_counters_end_keep_their_difference() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tprecise",
            "slope\tfcall\t0\t0\t1\t18446744073709551614\t2\t18446744073709551615\t1\t1",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(log.samples[0].value, Ticks(1.0));
}
