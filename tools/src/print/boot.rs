//! What only our own VMM reports about a boot.

use vmm::BootOutcome;
use vmm::kvm::Report;

/// The diagnosis of a boot, and its counters and times if requested, one line each.
pub fn report(report: &Report, wants_stats: bool) -> Vec<String> {
    let mut lines: Vec<_> = report.diagnosis.iter().map(ToString::to_string).collect();
    if !wants_stats {
        return lines;
    }
    let BootOutcome { timings, pages, .. } = &report.outcome;
    lines.push(report.stats.to_string().trim_end().to_owned());
    let pages = pages.iter();
    lines.extend(pages.map(|pages| format!("guest memory's pages: {pages}")));
    for (event, time) in [
        ("first guest instruction", timings.guest_started),
        ("first console byte", timings.first_byte),
        ("end", Some(timings.ended)),
    ] {
        if let Some(time) = time {
            lines.push(format!("{event}: {:.3} ms", time.as_secs_f64() * 1e3));
        }
    }
    lines
}
