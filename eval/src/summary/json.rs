use std::io::{BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::{Summary, SummaryError};

/// Version of `summary.json`; it changes whenever a field's meaning does.
pub const FORMAT_VERSION: u64 = 5;

/// The oldest version that can be read. Version 4 calls a finding's `fix` something else.
pub(super) const OLDEST_VERSION: u64 = 4;

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    #[serde(flatten)]
    summary: &'a Summary,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Writes `summary.json`, with every number in full precision.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json<W: Write>(mut out: W, summary: &Summary) -> Result<(), SummaryError> {
    let written = Written {
        version: FORMAT_VERSION,
        summary,
    };
    serde_json::to_writer_pretty(&mut out, &written)
        .map_err(std::io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|error| SummaryError::Io {
            file: "summary.json",
            error,
        })
}

/// Reads `summary.json`.
///
/// # Errors
///
/// [`SummaryError::Version`] for a file of a version that cannot be read, whatever else it contains;
/// [`SummaryError::Json`] for one that is cut off or damaged.
pub fn read_json<R: Read>(input: R) -> Result<Summary, SummaryError> {
    let mut value: serde_json::Value =
        serde_json::from_reader(BufReader::new(input)).map_err(failed)?;
    // The version comes first: another version may have other fields.
    let Version { version: found } = Version::deserialize(&value).map_err(failed)?;
    if !(OLDEST_VERSION..=FORMAT_VERSION).contains(&found) {
        return Err(SummaryError::Version { found });
    }
    if let Some(fields) = value.as_object_mut() {
        fields.remove("version");
    }
    serde_json::from_value(value).map_err(failed)
}

fn failed(error: serde_json::Error) -> SummaryError {
    if error.is_io() {
        SummaryError::Io {
            file: "summary.json",
            error: error.into(),
        }
    } else {
        SummaryError::Json(error)
    }
}
