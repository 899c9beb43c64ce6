//! What a run will boot, and how to continue it.

use std::collections::BTreeMap;
use std::path::Path;

use runs::run::{Manifest, RunFolder};

use crate::cli::RunArgs;

/// The targets, with remarks, one line each.
pub fn announcement(run: &RunFolder, manifest: &Manifest) -> Vec<String> {
    let targets: Vec<_> = manifest.targets.iter().map(|t| t.name.as_str()).collect();
    let mut lines = vec![format!(
        "{}: {} boots of {} into {}",
        manifest.experiment,
        manifest.plan.len(),
        targets.join(", "),
        run.path().display()
    )];
    lines.extend(manifest.doctor.headline());
    let reasons = reasons(manifest).into_iter();
    lines.extend(reasons.map(|(reason, names)| format!("{}: {reason}", names.join(", "))));
    lines
}

/// Remarks about targets, and about which ones.
fn reasons(manifest: &Manifest) -> BTreeMap<String, Vec<&str>> {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for target in &manifest.targets {
        let engine = target.engine_reason.iter();
        let engine = engine.map(|why| format!("engine {}, because {why}", target.engine.name));
        let missing = target.missing.iter();
        for reason in engine.chain(missing.map(|hint| format!("no image; {hint}"))) {
            reasons.entry(reason).or_default().push(&target.name);
        }
    }
    reasons
}

/// The command that continues an interrupted run.
pub fn resuming(args: &RunArgs, folder: &Path) -> String {
    format!(
        "{} run {} --resume --run {}{}",
        quoted(&std::env::args().next().unwrap_or_default()),
        quoted(&args.experiment.display().to_string()),
        quoted(&folder.display().to_string()),
        tune_words(args)
    )
}

fn tune_words(args: &RunArgs) -> String {
    let words = [
        (args.tune, " --tune"),
        (args.offline_siblings, " --offline-siblings"),
        (args.stop_irqbalance, " --stop-irqbalance"),
    ];
    let said = words.iter().filter(|(said, _)| *said);
    said.map(|(_, word)| *word).collect()
}

/// A word as a shell has to be given it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
