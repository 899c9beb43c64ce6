//! The output of `status` and `apply --dry-run` on each machine, compared with docs/TUNE.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use host::fake;
use serde_json::Value;

use super::common::conforms;
use super::machine::Machine;

#[test]
fn each_machine_is_shown_and_planned_for_like_this() {
    for name in fake::names() {
        let machine = Machine::new(name);
        let mut shown = String::new();
        for words in [
            &["status"][..],
            &["apply", "--dry-run"],
            &["apply", "--dry-run", "--cpus", "1", "--offline-siblings"],
            &["apply", "--dry-run", "--cpus", "1", "--stop-irqbalance"],
        ] {
            let answer = machine.tune(words);
            answer.succeeded();
            writeln!(
                shown,
                "$ tollgate tune {}\n{}",
                words.join(" "),
                answer.stdout
            )
            .unwrap();
        }
        insta::assert_snapshot!(name, shown);
        let json = machine.tune(&["status", "--json"]);
        conforms(&serde_json::from_str(&json.stdout).unwrap(), "tune-status");
        assert!(!machine.place("/var").exists(), "{name}");
    }
}

/// The table's cells, by driver and mode.
fn table() -> BTreeMap<(String, String), [String; 3]> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("docs/TUNE.md")).unwrap();
    let (_, after) = text.split_once("\n## Drivers\n").unwrap();
    let lines = after.lines().skip_while(|line| !line.starts_with("|"));
    let rows = lines.take_while(|line| line.starts_with("|")).skip(2);
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let [driver, mode, cells @ ..] = &cells[..] else {
            panic!("{row}");
        };
        let cells = cells.iter().map(|cell| cell.trim().replace('`', ""));
        let key = (driver.trim().replace('`', ""), mode.trim().to_owned());
        (key, cells.collect::<Vec<_>>().try_into().unwrap())
    })
    .collect()
}

/// A plan as a row of the table: governor, turbo, preference.
fn planned(plan: &str) -> [String; 3] {
    let write = |name: &str| {
        let lines = plan.lines().filter(|line| line.contains(" -> "));
        let mut values = lines.filter_map(|line| line.split_once(&format!("/{name}: ")));
        values.next().map(|(_, values)| values.to_owned())
    };
    let governor = write("scaling_governor").map(|values| {
        let (_, new) = values.split_once(" -> ").unwrap();
        new.trim_end_matches("  (unchanged)").to_owned()
    });
    let turbo = ["no_turbo", "boost"]
        .into_iter()
        .find(|name| write(name).is_some());
    let preference = plan
        .lines()
        .any(|line| line.contains("energy_performance_preference") && line.contains("recorded"));
    [
        governor.unwrap_or_else(|| "–".into()),
        turbo.unwrap_or("the limit alone").into(),
        if preference { "recorded" } else { "–" }.into(),
    ]
}

#[test]
fn the_table_of_drivers_says_what_is_planned() {
    let table = table();
    let mut seen = Vec::new();
    for name in fake::names() {
        let files = fake::files(name);
        let cpu = "/sys/devices/system/cpu";
        let Some(driver) = files.get(&format!("{cpu}/cpufreq/policy0/scaling_driver")) else {
            continue;
        };
        let mode = match driver.as_str() {
            "intel_pstate" | "intel_cpufreq" => {
                files[&format!("{cpu}/intel_pstate/status")].clone()
            }
            "amd-pstate-epp" | "amd-pstate" => files[&format!("{cpu}/amd_pstate/status")].clone(),
            _ => String::new(),
        };
        let key = (driver.clone(), mode);
        let row = table
            .get(&key)
            .unwrap_or_else(|| panic!("no row for {key:?}"));
        let plan = Machine::new(name).tune(&["apply", "--dry-run"]).stdout;
        for (cell, planned) in row.iter().zip(planned(&plan)) {
            let choices: Vec<_> = cell.split(" or ").collect();
            assert!(
                choices.contains(&planned.as_str()),
                "{name}: {planned:?}, {cell:?}"
            );
        }
        seen.push(key);
    }
    let unseen: Vec<_> = table.keys().filter(|key| !seen.contains(key)).collect();
    assert!(unseen.is_empty(), "no machine has {unseen:?}");
}

#[test]
fn status_tells_everything_in_a_table_and_in_json() {
    let machine = Machine::new("amd-pstate-active");
    let status = machine.tune(&["status", "--cpus", "1"]);
    status.succeeded();
    insta::assert_snapshot!(status.stdout);
    let json = machine.tune(&["status", "--cpus", "1", "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["policies"][1]["non_turbo"]["khz"], 3_600_000);
    assert_eq!(json["policies"][1]["driver"], "amd-pstate-active");
    assert_eq!(json["leftover"], Value::Null);
    assert_eq!(json["irqs"]["24"]["cpus"], serde_json::json!([0, 1, 2, 3]));
}
