use super::file::parse;
use super::*;

const GOOD: &str = r#"
name = "good"
program = "bench"
boots = 2

[benchmark]
method = "precise"
rounds = 3

[[target]]
name = "linux"
engine = "qemu"
image = "bzImage"

[[target]]
name = "host"
engine = "host"
"#;

/// The complaint about the good experiment with one text replaced.
fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replacen(from, to, 1), Path::new("")).expect_err(to)
}

#[test]
fn a_good_experiment_is_read_with_defaults() {
    let experiment = parse(GOOD, Path::new("folder/good.toml")).unwrap();
    assert_eq!(experiment.program, Path::new("folder/bench"));
    assert_eq!(experiment.seed, None);
    let [linux, host] = &experiment.targets[..] else {
        panic!("two targets");
    };
    assert!(linux.benchmark.warmup);
    assert_eq!(
        linux.benchmark.sampling,
        Sampling::Precise {
            samples: 100,
            batch_us: 25.0
        }
    );
    assert_eq!(linux.benchmark.benchmarks.len(), 4);
    assert_eq!(linux.image.as_deref(), Some(Path::new("folder/bzImage")));
    assert_eq!(
        (linux.memory_mib, linux.cpus, linux.timeout_s),
        (256, 1, 120)
    );
    assert_eq!(
        (linux.label.as_str(), linux.program_as),
        ("linux", ProgramAs::Init)
    );
    assert_eq!((host.engine, &host.image), (EngineName::Host, &None));
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let complaint = complaint("boots = 2", "boots = 2\nboot = 3");
    assert!(
        complaint.contains("line 5") && complaint.contains("unknown field `boot`"),
        "{complaint}"
    );
}

#[test]
fn a_missing_field_is_named() {
    assert!(complaint("boots = 2\n", "").contains("missing field `boots`"));
    assert!(complaint("engine = \"qemu\"\n", "").contains("missing field `engine`"));
}

#[test]
fn bad_numbers_are_named_with_their_limits() {
    for (from, to, field) in [
        ("boots = 2", "boots = 0", "`boots` is 0"),
        ("rounds = 3", "rounds = 0", "`benchmark.rounds` is 0"),
        (
            "rounds = 3",
            "rounds = 4097",
            "`benchmark.rounds` is 4097; it must be from 1 to 4096",
        ),
        (
            "rounds = 3",
            "rounds = 3\nsamples = 0",
            "`benchmark.samples` is 0",
        ),
        (
            "rounds = 3",
            "rounds = 3\nbatch-us = nan",
            "`benchmark.batch-us` is NaN",
        ),
        (
            "rounds = 3",
            "rounds = 3\nbatch-us = -1.0",
            "`benchmark.batch-us` is -1",
        ),
        ("boots = 2", "boots = -2", "invalid value"),
        ("boots = 2", "boots = 2.5", "invalid type"),
        ("boots = 2", "boots = \"2\"", "invalid type"),
        (
            "image = \"bzImage\"",
            "image = \"bzImage\"\nmemory-mib = 1",
            "memory-mib",
        ),
        (
            "image = \"bzImage\"",
            "image = \"bzImage\"\ncpus = 0",
            "cpus",
        ),
        (
            "image = \"bzImage\"",
            "image = \"bzImage\"\npin = []",
            "pin",
        ),
        (
            "image = \"bzImage\"",
            "image = \"bzImage\"\nlabel = \" \"",
            "`label` is empty",
        ),
        (
            "image = \"bzImage\"",
            "image = \"bzImage\"\ntimeout-s = 0",
            ": `timeout-s` is 0; it must be",
        ),
    ] {
        let complaint = complaint(from, to);
        assert!(complaint.contains(field), "{to}: {complaint}");
        let quotes = complaint.matches('`').count();
        assert!(quotes.is_multiple_of(2), "{to}: {complaint}");
    }
}

#[test]
fn two_targets_of_one_name_are_refused() {
    assert!(
        complaint("name = \"host\"", "name = \"linux\"")
            .contains("two targets are named \"linux\"")
    );
    // The one that counts for linux has that name.
    let by_auto = GOOD.replace("engine = \"qemu\"", "engine = \"auto\"");
    let counts = by_auto.replace("name = \"host\"", "name = \"linux-exact\"");
    let complaint = parse(&counts, Path::new("")).unwrap_err();
    assert!(
        complaint.contains(
            "\"linux-exact\", which is reserved for the target that counts for \"linux\""
        )
    );
}

#[test]
fn names_that_are_no_file_names_are_refused() {
    for name in ["", "a/b", "..", "A", "-x", "a b", "a\\n"] {
        assert!(
            complaint("name = \"host\"", &format!("name = \"{name}\"")).contains("target.name")
        );
    }
}

#[test]
fn settings_of_the_other_method_are_refused() {
    assert!(complaint("rounds = 3", "rounds = 3\niterations = 5").contains("iterations"));
    assert!(
        complaint("method = \"precise\"", "method = \"paper\"\nsamples = 5").contains("samples")
    );
    assert!(complaint("method = \"precise\"", "method = \"exact\"").contains("\"exact\""));
    let paper_without_tsc = "method = \"paper\"\nbenchmarks = [\"scall\"]";
    assert!(complaint("method = \"precise\"", paper_without_tsc).contains("lacks \"tsc\""));
    assert!(complaint("rounds = 3", "rounds = 3\nbenchmarks = [\"enosys\"]").contains("enosys"));
}

#[test]
fn a_target_can_have_its_own_method() {
    let text = GOOD
        .replace("engine = \"host\"", "engine = \"host\"\nmethod = \"paper\"")
        .replace("rounds = 3", "rounds = 3\nsamples = 7\niterations = 5");
    let experiment = parse(&text, Path::new("")).unwrap();
    let sampling: Vec<_> = experiment
        .targets
        .iter()
        .map(|target| target.benchmark.sampling)
        .collect();
    let precise = Sampling::Precise {
        samples: 7,
        batch_us: 25.0,
    };
    assert_eq!(sampling, [precise, Sampling::Paper { iterations: 5 }]);
    // The chain of calls is the precise method's alone.
    let counts = experiment
        .targets
        .iter()
        .map(|target| target.benchmark.benchmarks.len());
    assert_eq!(counts.collect::<Vec<_>>(), [4, 3]);

    let wrong = "engine = \"host\"\nmethod = \"exact\"";
    assert!(complaint("engine = \"host\"", wrong).contains("target \"host\": `method`"));
}

#[test]
fn what_a_boot_cannot_hold_is_refused() {
    let most = "rounds = 1\nsamples = 16384";
    assert!(parse(&GOOD.replace("rounds = 3", most), Path::new("")).is_ok());
    let more = complaint("rounds = 3", "rounds = 1\nsamples = 16385");
    assert!(more.contains("65540") && more.contains("reduce"), "{more}");
    let twice = complaint("rounds = 3", "rounds = 3\nbenchmarks = [\"tsc\", \"tsc\"]");
    assert!(twice.contains("twice"), "{twice}");
}

#[test]
fn the_host_boots_no_image() {
    assert!(
        complaint("engine = \"host\"", "engine = \"host\"\nimage = \"x\"")
            .contains("does not boot an image")
    );
}

#[test]
fn a_command_line_is_one_line() {
    let two = "image = \"bzImage\"\ncmdline = \"a\\nb\"";
    assert!(complaint("image = \"bzImage\"", two).contains("line break"));
    let escape = "engine = \"host\"\nlabel = \"\\u001b[31m\"";
    assert!(complaint("engine = \"host\"", escape).contains("`label`"));
}

#[test]
fn without_targets_there_is_nothing_to_do() {
    let (head, _) = GOOD.split_once("[[target]]").unwrap();
    assert!(parse(head, Path::new("")).unwrap_err().contains("target"));
}

#[test]
fn the_experiments_of_this_project_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(load(&path).unwrap().name);
    }
    for name in ["table1", "paper", "quick", "method"] {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
}

/// The good experiment with its guest booted by `auto` and these lines more.
fn by_auto(more: &str) -> Experiment {
    let text = GOOD
        .replace("engine = \"qemu\"", "engine = \"auto\"")
        .replace("[benchmark]", &format!("{more}\n[benchmark]"));
    parse(&text, Path::new("")).unwrap()
}

fn names(experiment: &Experiment) -> Vec<&str> {
    experiment.targets.iter().map(|t| &*t.name).collect()
}

#[test]
fn guests_of_auto_are_counted_and_timed_where_kvm_is_real() {
    let without = by_auto("").measured(|| false);
    assert_eq!(names(&without), ["linux-exact", "host"]);
    let with = by_auto("").measured(|| true);
    assert_eq!(names(&with), ["linux", "linux-exact", "host"]);
    let [timed, counted, host] = &with.targets[..] else {
        panic!("three targets");
    };
    assert_eq!(counted.counts_for.as_deref(), Some("linux"));
    assert_eq!(counted.cpu.as_deref(), Some("Skylake-Server"));
    assert_eq!((timed.boots, counted.boots, host.boots), (2, 2, 2));
    assert!(counted.is_counted() && !timed.is_counted() && !host.is_counted());
    assert!(!counted.benchmark.benchmarks.contains(&Benchmark::Tsc));
    assert_eq!(counted.label, timed.label);
}

#[test]
fn the_experiment_says_how_to_count() {
    let exact = "[exact]\nboots = 3\nsamples = 8\ncpu = \"EPYC,-xsaves\"";
    let experiment = by_auto(exact).measured(|| false);
    let counted = &experiment.targets[0];
    assert_eq!(counted.boots, 3);
    assert_eq!(counted.cpu.as_deref(), Some("EPYC,-xsaves"));
    assert_eq!(counted.benchmark.sampling, Sampling::Exact { samples: 8 });
    let none = by_auto("[exact]\nboots = 0").measured(|| false);
    assert_eq!(names(&none), ["linux", "host"]);
}

#[test]
fn an_engine_that_is_named_is_not_counted_beside() {
    let named = parse(GOOD, Path::new("")).unwrap().measured(|| true);
    assert_eq!(names(&named), ["linux", "host"]);
}

#[test]
fn a_target_can_be_counted_alone() {
    let text = GOOD.replace(
        "engine = \"qemu\"",
        "engine = \"qemu\"\nmethod = \"exact\"\ncpu = \"EPYC\"",
    );
    let experiment = parse(&text, Path::new("")).unwrap().measured(|| true);
    assert_eq!(names(&experiment), ["linux", "host"]);
    let linux = &experiment.targets[0];
    assert_eq!((linux.boots, linux.benchmark.rounds), (2, 1));
    assert_eq!(linux.cpu.as_deref(), Some("EPYC"));
    assert_eq!(linux.counts_for, None);
}

#[test]
fn counting_needs_the_emulator_and_a_second_boot() {
    let host = "engine = \"host\"";
    let exact = "engine = \"host\"\nmethod = \"exact\"";
    assert!(complaint(host, exact).contains("only QEMU's emulator counts"));
    let cpu = "engine = \"host\"\ncpu = \"max\"";
    assert!(complaint(host, cpu).contains("`cpu` is set"));
    let bad = "engine = \"qemu\"\ncpu = \"max;reboot\"";
    assert!(complaint("engine = \"qemu\"", bad).contains("-cpu help"));
    let question = "engine = \"qemu\"\ncpu = \"help\"";
    assert!(complaint("engine = \"qemu\"", question).contains("-cpu help"));
    let empty = "method = \"exact\"\nbenchmarks = [\"tsc\"]";
    assert!(complaint("method = \"precise\"", empty).contains("does not contain a benchmark"));
    let samples = "method = \"exact\"\nsamples = 3";
    let said = complaint(
        "[benchmark]\nmethod = \"precise\"",
        &format!("[benchmark]\n{samples}"),
    );
    assert!(said.contains("`[exact]` has its own"), "{said}");
    let once = "boots = 2\n\n[exact]\nboots = 1";
    assert!(complaint("boots = 2", once).contains("`exact.boots` is 1"));
}
