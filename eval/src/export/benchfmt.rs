//! Go's benchmark format (golang.org/design/14313-benchmark-format), one line per boot: a boot is
//! the unit that benchstat may take for independent.

use std::fmt::Write;

use contract::Benchmark;

use super::{Context, instructions, only_counted, timed};
use crate::summary::Summary;
use crate::units::{Ticks, nanoseconds};

/// Configuration lines from `context`, then the boots. benchstat wants several lines of one name,
/// and compares them between two files.
pub fn benchfmt(summary: &Summary, context: &Context) -> String {
    let mut out = String::new();
    for (key, value) in context {
        let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{key}: {line}");
    }
    out.push('\n');
    let hz = summary.info.tsc.as_ref().map(|tsc| tsc.hz);
    for (target, row) in timed(summary) {
        let name = name(&target.info.name, row.benchmark);
        let counted = instructions(summary, target, row.benchmark);
        for boot in &row.boot_medians {
            let Ticks(ticks) = boot.median;
            let _ = write!(out, "{name} 1 {ticks} ticks/op");
            if let Some(hz) = hz {
                let _ = write!(out, " {} ns/op", nanoseconds(boot.median, hz).0);
            }
            if let Some(each) = counted {
                let _ = write!(out, " {each} insns/op");
            }
            out.push('\n');
        }
    }
    for (target, benchmark, each) in only_counted(summary) {
        let _ = writeln!(out, "{} 1 {each} insns/op", name(target, benchmark));
    }
    out
}

/// `BenchmarkScall/target=linux`: a name begins with a capital letter and has no spaces.
fn name(target: &str, benchmark: Benchmark) -> String {
    let call = benchmark.name();
    let mut letters = call.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let call: String = first.into_iter().chain(letters).collect();
    let target = target.replace(char::is_whitespace, "_");
    format!("Benchmark{call}/target={target}")
}
