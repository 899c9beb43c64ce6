//! CITATION.cff and ARTIFACT.md agree with the sources and the recorded paths.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn the_citation_has_this_version() {
    let line = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(read("CITATION.cff").contains(&line), "{line}");
}

#[test]
fn the_artifact_claims_the_counts_of_the_recorded_paths() {
    let artifact = read("ARTIFACT.md");
    let golden: toml::Table = read("tools/tests/golden/paths.toml").parse().unwrap();
    let paths = golden["path"].as_array().unwrap();
    for target in ["linux", "linux-nomitig", "ring0", "ring0-full"] {
        let path = paths.iter().find(|path| {
            path["target"].as_str() == Some(target)
                && path["cpu_model"].as_str() == Some("Skylake-Server")
        });
        let total = path.unwrap()["total"].as_integer().unwrap();
        let claim = format!("| `{target}` | {total} |");
        assert!(artifact.contains(&claim), "{claim}");
    }
}

#[test]
fn the_artifact_runs_experiments_that_are_there() {
    let artifact = read("ARTIFACT.md");
    let named: Vec<_> = artifact
        .split(['`', ' ', '=', ',', '\n'])
        .filter(|word| word.starts_with("experiments/") || word.starts_with("tools/"))
        .collect();
    assert!(named.len() > 5, "{named:?}");
    for file in named {
        assert!(!read(file).is_empty(), "{file}");
    }
}
