//! Prints the calls in the files of a program as JSON.

use std::env;
use std::io;
use std::process::exit;

fn main() {
    let path = env::args_os().nth(1).unwrap_or_default();
    let found = usage::static_binary::analyse(path.as_ref());
    let printed = match &found {
        Ok(found) => serde_json::to_writer(io::stdout().lock(), found).map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = printed {
        eprintln!("{error}");
        exit(1);
    }
}
