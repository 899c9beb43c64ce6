//! The version of this program, of the installed benchmark, and of the formats that it writes.

use eval::{crossing, summary};

use host::tool::Tool;
use host::{files, tune};
use runs::run::manifest;

use runs::companions;

/// Version of the tool, and the commit from which it was built.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("TOLLGATE_COMMIT"),
    ")"
);

/// The same with its compiler, for files.
pub const TOOL: Tool = Tool {
    version: VERSION,
    compiler: env!("TOLLGATE_RUSTC"),
};

/// The output of `--version`; `-V` prints the first line only.
pub fn long() -> String {
    format!(
        "tollgate {VERSION}\n\
         guest-bench: {}\n\
         formats: console {}, manifest.json {}, summary.json {}, trace JSON {}, tune journal {}\n",
        guest_bench(),
        contract::FORMAT_VERSION,
        manifest::FORMAT,
        summary::FORMAT_VERSION,
        crossing::FORMAT_VERSION,
        tune::JOURNAL_FORMAT,
    )
}

/// The current benchmark program. Experiments may name another one, and each run's manifest has
/// the hash of the one that ran.
fn guest_bench() -> String {
    const NAME: &str = "guest-bench";
    let Some(path) = companions::find(NAME) else {
        let [beside, installed] = companions::places(NAME).map(|path| path.display().to_string());
        return format!("not found ({beside}, {installed})");
    };
    match files::sha256_of(&path) {
        Ok(hash) => format!("sha256 {hash} ({})", path.display()),
        Err(error) => error.to_string(),
    }
}
