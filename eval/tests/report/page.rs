//! The page as text.

use eval::Benchmark;
use roxmltree::{Document, ParsingOptions};

use crate::fabricated::{Fabricated, mixed};

/// The elements that a page may have: nothing that runs, loads or sends.
const ELEMENTS: [&str; 47] = [
    "a",
    "b",
    "body",
    "circle",
    "code",
    "data",
    "dd",
    "desc",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "ol",
    "p",
    "polygon",
    "polyline",
    "pre",
    "rect",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// The page as XML: maud writes HTML that is nearly that.
fn parse(page: &str) -> String {
    let page = page.replace("<!DOCTYPE html>", "");
    let closed = |tag: &str| match tag.strip_suffix('>') {
        Some(void) if tag.starts_with("<meta ") || tag.starts_with("<link ") => format!("{void}/>"),
        _ => tag.to_owned(),
    };
    let mut xml: String = page.split_inclusive('>').map(closed).collect();
    let style = xml.find("<style>").unwrap() + 7..xml.find("</style>").unwrap();
    xml.replace_range(style, "");
    xml
}

fn text_of(page: &str) -> String {
    let xml = parse(page);
    let document = Document::parse_with_options(&xml, ParsingOptions::default()).unwrap();
    let texts = document.descendants().filter_map(|node| node.text());
    texts.collect::<Vec<_>>().join(" ")
}

/// Fails if the page could do anything active.
fn assert_inert(page: &str) {
    let xml = parse(page);
    let document = Document::parse(&xml).unwrap();
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        assert!(ELEMENTS.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(
                !key.starts_with("on") && key != "src" && key != "style",
                "{key}"
            );
            let harmless = ["#", "data:,", "summary.", "samples.csv", "rounds.csv"];
            assert!(
                key != "href" || harmless.iter().any(|start| value.starts_with(start)),
                "{key}={value}"
            );
        }
    }
    let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
    for loads in ["url(", "@import", "http", "src"] {
        assert!(!style.contains(loads), "{loads}");
    }
}

#[test]
fn everything_is_on_the_page() {
    let page = mixed().html();
    assert_inert(&page);
    let text = text_of(&page);
    for part in [
        "UNFIT FOR MEASURING according to tollgate doctor: turbo.",
        "Experiment table1",
        "Linux 6.12/KVM, mitigations=off",
        "emulated: does not measure time",
        "were counted but not timed",
        "counted on Skylake-Server",
        "No count: boots differ: 8 in boot 0; 9 in boot 1.",
        "253 instructions",
        "no image: give one with `image = \"path\"`",
        "1 of 26 boots failed",
        "the guest panicked: Kernel panic",
        "system call (ENOSYS)",
        "linux, Skylake-Server: 65 instructions",
        "arch_exit_to_user_mode_prepare.constprop.0: 20.",
        "boot median, ticks",
        "involuntary switches",
        "Published, not measured here: EuroSys'21 paper, Table 1",
        "sudo tollgate tune apply",
        "git checkout 54e7042d57f1",
        "7362701328022753732",
        "838750416cb579f9cb987d248e90db11c8c1527565c921e57c1d6170dff657fc",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn each_system_call_of_the_run_is_explained() {
    let noop = "times a function call and system call 500, which does nothing. <b>enosys</b> is \
                the same call as <b>scall</b> on a kernel that lacks it";
    let mut run = mixed();
    let page = run.html();
    assert!(page.contains(noop) && !page.contains("getppid"), "{page}");

    let target = run.summary.targets.first_mut().unwrap();
    let row = target
        .rows
        .iter_mut()
        .find(|row| row.benchmark == Benchmark::Scall);
    row.unwrap().benchmark = Benchmark::GetppidEnosys;
    let page = run.html();
    for part in [
        "system calls: 500, which does nothing; 110, which looks up the number of the parent",
        "<b>getppid-enosys</b> is the same call as <b>getppid</b> on a kernel that lacks it",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}

#[test]
fn an_unfit_machine_is_mentioned_first() {
    let page = mixed().html();
    let xml = parse(&page);
    let document = Document::parse(&xml).unwrap();
    let body = document.descendants().find(|n| n.has_tag_name("body"));
    let first = body.unwrap().first_element_child().unwrap();
    let said: String = first.descendants().filter_map(|n| n.text()).collect();
    assert!(said.starts_with("UNFIT FOR MEASURING"), "{said}");
}

#[test]
fn exact_numbers_stand_behind_the_rounded_ones() {
    let fabricated = mixed();
    let page = fabricated.html();
    for row in fabricated.summary.targets.iter().flat_map(|t| &t.rows) {
        for exact in [row.ticks.mean, row.ticks.median_of_boot_medians] {
            let title = format!("title=\"{} ticks\"", exact.0);
            assert!(page.contains(&title), "{title}");
        }
        if let Some(cycles) = &row.cycles {
            let exact = cycles.figures.median_of_boot_medians;
            let title = format!("title=\"{} core cycles\"", exact.0);
            assert!(page.contains(&title), "{title}");
        }
    }
}

#[test]
fn hostile_texts_stay_text() {
    const HOSTILE: &str = "</td></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u{1b}[31m\u{0}\u{202e}";
    let mut run = mixed();
    let Fabricated {
        summary,
        boots,
        provenance,
        crossings,
        ..
    } = &mut run;
    let hostile = || HOSTILE.to_owned();
    crossings[0].target = hostile();
    crossings[0].functions[0].name = hostile();
    summary.info.experiment = hostile();
    summary.info.notes.push(hostile());
    let doctor = summary.info.doctor.as_mut().unwrap();
    for finding in &mut doctor.findings {
        finding.check = hostile();
        finding.what = hostile();
        finding.fix = Some(hostile());
    }
    for target in &mut summary.targets {
        target.info.label = hostile();
        target.info.engine = hostile();
        for check in &mut target.info.checks {
            check.what = hostile();
        }
        if let Some(missing) = &mut target.info.missing {
            missing.what = hostile();
            missing.hint = hostile();
        }
        for row in &mut target.rows {
            row.findings.push(hostile());
            if let Some(ratio) = &mut row.ratio {
                ratio.reference = hostile();
            }
        }
    }
    for boot in boots {
        boot.failed = Some(hostile());
        boot.disturbances.push((hostile(), 3));
    }
    for group in &mut provenance.environment {
        group.title = hostile();
        group.facts.push((hostile(), hostile()));
        group.facts.push((hostile(), HOSTILE.repeat(9)));
    }
    provenance.repeat.commands.push(hostile());
    provenance.repeat.remarks.push(hostile());
    provenance.repeat.hashes.push((hostile(), hostile()));

    let page = run.html();
    assert_inert(&page);
    assert!(!page.contains(['\u{1b}', '\u{0}', '\u{202e}']));
    assert!(
        text_of(&page)
            .contains("<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;[31m")
    );
}

#[test]
fn disturbed_rounds_are_counted_and_the_worst_named() {
    let page = text_of(&mixed().html());
    for part in [
        // All that there are of one target, and the first of another's 25.
        "mitigations=off: 5 of 3000 rounds",
        "host: 25 of 3000 rounds",
        "boot 24, round 72",
        "1524.0",
        "boot 21, round 63",
    ] {
        assert!(page.contains(part), "{part:?} in {page}");
    }
    // The host's worst five come from its last boots.
    assert!(!page.contains("boot 18, round 54"));
}

#[test]
fn without_kernel_counters_the_page_does_not_mention_rounds() {
    let mut run = mixed();
    for boot in &mut run.boots {
        boot.watched_rounds = 0;
        boot.disturbed_rounds.clear();
    }
    assert!(!text_of(&run.html()).contains("Disturbed rounds"));
}

#[test]
fn a_path_of_another_kernel_is_named() {
    let mut run = mixed();
    const ANOTHER: &str = "the path belongs to a different kernel or program";
    let counted = run.summary.targets.iter_mut().find_map(|target| {
        let count = target
            .counts
            .iter()
            .find(|c| c.benchmark.name() == "scall")?;
        Some((target.info.clone(), count.instructions?))
    });
    let (info, total) = counted.unwrap();
    let path = &mut run.crossings[0];
    path.target = info.counts_for.unwrap_or(info.name);
    path.benchmark = "scall".into();
    path.cpu_model = info.cpu_model.unwrap();
    path.total = total;
    assert!(!run.html().contains(ANOTHER));
    run.crossings[0].total.0 += 1;
    assert!(run.html().contains(ANOTHER));
}
