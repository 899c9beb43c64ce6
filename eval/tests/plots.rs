//! Plots: well-formed, complete, and honest about what they show.
//!
//! `EVAL_PLOTS=dir cargo test -p eval --test plots` leaves them there to be looked at.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{EMULATED, Fake, MEASURED};
use eval::Benchmark;
use eval::boot::Boot;
use eval::counts::Counts;
use eval::levels::Levels;
use eval::plot::{boots, comparison, distribution, ratio};
use eval::summary::{Summary, summarize};
use roxmltree::Document;

/// All texts of a plot, and a look at whether it is XML at all.
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text().map(|text| text.trim().to_owned()))
        .collect()
}

fn keep(name: &str, svg: &str) {
    if let Some(folder) = std::env::var_os("EVAL_PLOTS") {
        std::fs::write(std::path::Path::new(&folder).join(name), svg).unwrap();
    }
}

fn plots(name: &str, fakes: &[Fake]) -> (Vec<String>, Vec<String>) {
    let (summary, levels) = common::run(fakes, 25, 200);
    let comparison = comparison(&summary).unwrap().file();
    let distribution = distribution(&summary, &levels).unwrap().file();
    keep(&format!("comparison-{name}.svg"), &comparison);
    keep(&format!("distribution-{name}.svg"), &distribution);
    (texts(&comparison), texts(&distribution))
}

fn has(texts: &[String], part: &str) -> bool {
    texts.iter().any(|text| text.contains(part))
}

#[test]
fn measured_targets_stand_beside_the_papers() {
    let (comparison, distribution) = plots("measured", &MEASURED);
    for part in [
        "experiment table1",
        "UNFIT FOR MEASURING according to tollgate doctor: turbo.",
        "measured here",
        "published: EuroSys'21 paper, Table 1, Intel Core i7-9700K at 3.6 GHz",
        "Linux/KVM, mitigations=off (paper)",
        "222.0 ticks, 61.67 ns",
        "TSC ticks for one call, logarithmic: bars begin at 1",
        "system call (ENOSYS)",
        "no image",
    ] {
        assert!(has(&comparison, part), "{part:?} in {comparison:#?}");
    }
    assert!(!has(&comparison, "emulated"));
    for part in [
        "Linux on the host",
        "Unikraft/KVM: no image",
        "5000 samples of 25 boots",
        "% above",
        "5th to 95th",
    ] {
        assert!(has(&distribution, part), "{part:?} in {distribution:#?}");
    }
}

#[test]
fn emulated_targets_say_so_at_every_bar() {
    let (comparison, distribution) = plots("emulated", &EMULATED);
    let marked = comparison.iter().filter(|t| t.ends_with("ns, emulated"));
    assert_eq!(marked.count(), 4, "{comparison:#?}");
    assert!(has(&comparison, "emulated: does not measure time"));
    assert!(has(
        &distribution,
        "Linux 6.12 (emulated: does not measure time)"
    ));
    assert!(!has(&distribution, "Linux on the host (emulated"));
}

#[test]
fn hostile_labels_stay_text() {
    let (mut summary, levels) = common::run(&MEASURED, 3, 5);
    summary.info.experiment = "</text><script>\u{1b}[0m".into();
    for target in &mut summary.targets {
        target.info.label = format!("<&\"'>]]> {}", "very long label ".repeat(20));
    }
    for svg in [
        comparison(&summary).unwrap().file(),
        distribution(&summary, &levels).unwrap().file(),
    ] {
        assert!(!svg.contains("<script"));
        assert!(has(&texts(&svg), "<&\"'>]]>"));
        keep("hostile.svg", &svg);
    }
}

#[test]
fn a_run_without_samples_has_plots() {
    let (summary, _) = common::run(&MEASURED, 1, 1);
    let mut targets: Vec<_> = summary.targets.into_iter().map(|t| t.info).collect();
    for target in &mut targets {
        (target.boots_ok, target.boots_failed) = (0, 1);
    }
    let empty = Levels::default();
    let summary: Summary =
        summarize(summary.info, targets, &[], &empty, &Counts::default()).unwrap();
    let comparison = texts(&comparison(&summary).unwrap().file());
    assert!(has(&comparison, "no boot succeeded"));
    let distribution = texts(&distribution(&summary, &empty).unwrap().file());
    assert!(has(&distribution, "Linux on the host: no boot succeeded"));
}

#[test]
fn boots_stand_in_the_order_of_time() {
    let (summary, _) = common::run(&EMULATED, 25, 40);
    let failed = Boot {
        target: "ring0".into(),
        boot: 3,
        position: 13,
        failed: Some("it panicked".into()),
        ..Boot::default()
    };
    let svg = boots(&summary, &[failed]).unwrap().file();
    keep("boots.svg", &svg);
    let texts = texts(&svg);
    for part in [
        "Boots in order of time of experiment table1",
        "Linux 6.12 (emulated: does not measure time)",
        "Unikraft/KVM: no image",
        "25 boots, median 112",
        "1 failed; clock moved: 0 %",
    ] {
        assert!(has(&texts, part), "{part:?} in {texts:#?}");
    }
    // Each dot is a ground and an outline; six of the nine panels are an emulator's, whose
    // dots are hollow.
    let circles = || svg.split("<circle").skip(1);
    assert_eq!(circles().count(), 2 * 9 * 25);
    let is_white = |circle: &&str| {
        let (circle, _) = circle.split_once("/>").unwrap();
        circle.contains("fill=\"#FFFFFF\"")
    };
    assert_eq!(circles().filter(is_white).count(), 6 * 25);
}

#[test]
fn ratios_have_intervals_and_the_papers_beside_them() {
    let (summary, _) = common::run(&MEASURED, 25, 40);
    let svg = ratio(&summary).unwrap().file();
    keep("ratio.svg", &svg);
    let texts = texts(&svg);
    for part in [
        "Ratios of experiment table1",
        "Linux/KVM, mitigations=off (paper)",
        "0.694 × Linux/KVM, published",
    ] {
        assert!(has(&texts, part), "{part:?} in {texts:#?}");
    }
    let measured = texts
        .iter()
        .find(|t| t.starts_with("0.69") && t.ends_with("] × linux"));
    assert!(measured.is_some(), "{texts:#?}");
}

#[test]
fn a_comparison_plot_without_targets_says_so() {
    let (summary, _) = common::run(&MEASURED[3..], 2, 5);
    let texts = texts(&ratio(&summary).unwrap().file());
    assert!(
        has(&texts, "fewer than two targets can be compared"),
        "{texts:#?}"
    );
}

#[test]
fn odd_values_can_be_plotted() {
    let odd = [Fake {
        costs: &[
            (Benchmark::Tsc, 0.0),
            (Benchmark::Fcall, -4.0),
            (Benchmark::FcallChain, 1e-300),
            (Benchmark::Scall, 1e300),
        ],
        ..MEASURED[0]
    }];
    for count in [1, 2, 25] {
        let (summary, levels) = common::run(&odd, count, count);
        for svg in [
            comparison(&summary).unwrap().file(),
            distribution(&summary, &levels).unwrap().file(),
            boots(&summary, &[]).unwrap().file(),
            ratio(&summary).unwrap().file(),
        ] {
            assert!(!texts(&svg).is_empty());
            assert!(!svg.contains("NaN"));
        }
    }
}
