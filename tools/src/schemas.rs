//! docs/schema has a JSON Schema for each of these outputs, generated from their types:
//!
//! ```text
//! TOLLGATE_WRITE_SCHEMAS=1 cargo test -p tools schemas
//! ```

use std::path::Path;
use std::{env, fs};

use eval::bare::BareStats;
use eval::compare;
use eval::crossing::Crossing;
use eval::summary::{FORMAT_VERSION, Summary};
use eval::verdict::Verdict;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::output::{DOCTOR, Versioned};
use crate::print::compare::Compared;
use host::tune::status::Status;
use runs::environment::Comparison;

#[test]
fn the_schemas_are_those_of_the_types() {
    check::<Versioned<Verdict, DOCTOR>>("doctor", "tollgate doctor --json");
    check::<Versioned<Summary, { FORMAT_VERSION as u32 }>>("summary", "summary.json");
    check::<Versioned<Compared<compare::Comparison>>>("compare", "tollgate compare --json");
    check::<Versioned<Compared<compare::ExactComparison>>>(
        "compare-exact",
        "tollgate compare --exact --json",
    );
    check::<Versioned<BareStats>>("stats", "tollgate stats --json");
    check::<Versioned<Comparison>>("diff-env", "tollgate diff-env --json");
    check::<Versioned<usage::search::Show>>("usage-search", "tollgate usage search --show --json");
    check::<Versioned<usage::plan::Plan>>("usage-plan", "tollgate usage plan --json");
    check::<Versioned<usage::static_binary::StaticBinary>>(
        "usage-static-binary",
        "tollgate usage static binary --json",
    );
    check::<Versioned<usage::static_binary::Share>>(
        "usage-static-share",
        "tollgate usage static binary --seen --json",
    );
    check::<Versioned<usage::static_source::StaticSource>>(
        "usage-static-source",
        "tollgate usage static source --json",
    );
    check::<Versioned<usage::budget::Budget>>("usage-budget", "tollgate usage budget --json");
    check::<Versioned<usage::coverage::Coverage>>(
        "usage-coverage",
        "tollgate usage coverage --json",
    );
    check::<usage::result::Usage>("usage", "tollgate usage explore: usage.json");
    check::<Versioned<Status>>("tune-status", "tollgate tune status --json");
    check::<eval::watches::Watches>("watches", "watches.json");
    check::<Crossing>("trace", "tollgate trace --json, and trace-TARGET.json");
}

#[test]
fn the_documents_name_every_schema() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let formats = fs::read_to_string(docs.join("FORMATS.md")).unwrap();
    let table = formats.split_once("| schema | of |").unwrap().1;
    let table = table.split_once("\n\n").unwrap().0;
    for entry in fs::read_dir(docs.join("schema")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".schema.json").unwrap();
        assert!(table.contains(&format!("`{name}`")), "FORMATS.md: {name}");
    }
}

/// Compares with the file, or writes it.
#[track_caller]
fn check<T: JsonSchema>(name: &str, title: &str) {
    // Of the output; more is accepted as input.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    // Every field in the output has a description.
    RecursiveTransform(|schema: &mut Schema| {
        if schema.get("properties").is_some() {
            schema.insert("additionalProperties".into(), false.into());
        }
    })
    .transform(&mut schema);
    let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema");
    let file = file.join(format!("{name}.schema.json"));
    if env::var_os("TOLLGATE_WRITE_SCHEMAS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, schema).unwrap();
        return;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == schema,
        "{} is not the schema of the current types: write it with\n  \
         TOLLGATE_WRITE_SCHEMAS=1 cargo test -p tools schemas",
        file.display()
    );
}
