//! docs/schema has a JSON Schema for each of these outputs, generated from their types:
//!
//! ```text
//! TOLLGATE_WRITE_SCHEMAS=1 cargo test -p tools schemas
//! ```

use std::path::Path;
use std::{env, fs};

use eval::crossing::Crossing;
use eval::verdict::Verdict;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::output::Versioned;
use host::tune::status::Status;
use runs::environment::Comparison;

#[test]
fn the_schemas_are_those_of_the_types() {
    compare::<Versioned<Verdict>>("doctor", "tollgate doctor --json");
    compare::<Versioned<Comparison>>("diff-env", "tollgate diff-env --json");
    compare::<Versioned<usage::search::Show>>(
        "usage-search",
        "tollgate usage search --show --json",
    );
    compare::<Versioned<usage::plan::Plan>>("usage-plan", "tollgate usage plan --json");
    compare::<Versioned<usage::static_binary::StaticBinary>>(
        "usage-static-binary",
        "tollgate usage static binary --json",
    );
    compare::<Versioned<usage::static_source::StaticSource>>(
        "usage-static-source",
        "tollgate usage static source --json",
    );
    compare::<Versioned<usage::budget::Budget>>("usage-budget", "tollgate usage budget --json");
    compare::<usage::result::Usage>("usage", "tollgate usage explore: usage.json");
    compare::<Versioned<Status>>("tune-status", "tollgate tune status --json");
    compare::<Crossing>("trace", "tollgate trace --json, and trace-TARGET.json");
}

/// Compares with the file, or writes it.
#[track_caller]
fn compare<T: JsonSchema>(name: &str, title: &str) {
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
