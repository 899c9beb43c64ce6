//! The method in five lines.

use contract::{Answer, Benchmark, Method, SystemCall};
use maud::html;

use super::Run;
use super::section::Section;

/// How the numbers were measured.
pub(super) fn section(run: &Run<'_>) -> Option<Section> {
    let methods = run.summary.targets.iter().map(|target| target.info.method);
    let methods: Vec<_> = methods.collect();
    let calls = calls(run);
    let used = |method| methods.contains(&Some(method));
    let content = html! {
        ol {
            li {
                "One program, with the same bytes on every target, times " (times(&calls)) "."
                @for (works, refused) in names(&calls) {
                    " " b { (refused) } " is the same call as " b { (works) } " on a kernel that lacks it, and is never compared with it."
                }
            }
            @if used(Method::Precise) {
                li { b { "precise" } ": two batches with n and 2n copies of the call, each between fenced readings of the time stamp counter. A sample is the difference of their ticks divided by the difference of their calls: loop and readings cancel." }
            }
            @if used(Method::Exact) {
                li { b { "exact" } ": four batches of n and 2n copies in t and 2t turns, on an \
                    emulated machine whose counter advances by one per instruction: [T(2n,2t) − \
                    T(2n,t) − T(n,2t) + T(n,t)] ÷ (t·n), in integers. Only a whole number that is \
                    the same in every boot is a count." }
            }
            @if used(Method::Paper) {
                li { b { "paper" } ": the original’s. One long loop between "
                    code { "cpuid; rdtsc" } " and " code { "rdtscp; cpuid" } ", minus an empty \
                        measurement, \
                    divided by its calls: the value includes the loop’s counting and the timer’s \
                    interrupts." }
            }
            li { "Each target is booted many times, in blocks that boot every target once in a \
                shuffled order, so that memory layout and drift affect all targets alike. \
                Intervals are computed over boots, because samples of one boot are not \
                independent." }
            li { "No sample is deleted. Disturbances are counted and reported separately, and a \
                boot counts completely or not at all." }
            li { "Emulated targets do not measure time; instructions counted there are exact. Warm caches and trained predictors make every call cheaper than in a real program." }
        }
        p .note { "tollgate’s docs/METHOD.md lists each decision, its source, and the effect of \
            leaving it out." }
    };
    Some(Section {
        id: "method",
        title: "Method",
        content,
    })
}

/// The system calls that were measured, in the table's order.
fn calls(run: &Run<'_>) -> Vec<SystemCall> {
    let lines = run
        .summary
        .platforms()
        .flat_map(|platform| platform.lines());
    let measured: Vec<_> = lines
        .filter_map(|line| line.benchmark.system_call())
        .collect();
    let mut calls = SystemCall::ALL.to_vec();
    calls.retain(|call| measured.contains(call));
    calls
}

/// What the program times, in words.
fn times(calls: &[SystemCall]) -> String {
    let call = |call: &SystemCall| format!("{}, which {}", call.number(), call.does());
    match calls {
        [] => "function calls".into(),
        [one] => format!("a function call and system call {}", call(one)),
        several => {
            let several: Vec<_> = several.iter().map(call).collect();
            format!("a function call and system calls: {}", several.join("; "))
        }
    }
}

/// The benchmarks of each call, on kernels that have it and on kernels that lack it.
fn names(calls: &[SystemCall]) -> Vec<(&'static str, &'static str)> {
    let of = |call: &SystemCall| {
        let works = Benchmark::of_call(*call, Answer::Works)?;
        let refused = Benchmark::of_call(*call, Answer::Enosys)?;
        Some((works.name(), refused.name()))
    };
    calls.iter().filter_map(of).collect()
}
