//! `tollgate usage generate`: a measurement for a database.

mod elsewhere;

use std::env;

use anyhow::{Result, bail};
use host::{files, interrupt};
use usage::generate::generate;
use usage::recipe::Recipe;

use crate::cli::GenerateArgs;
use crate::exit::Code;
use crate::{output, progress};

/// Measures here, or in a root of its own.
pub fn run(args: &GenerateArgs) -> Result<Code> {
    let recipe = Recipe::read(&args.recipe())?;
    if let Some(source) = args.source() {
        return elsewhere::run(args, &recipe, source);
    }
    if args.build_only {
        bail!("--build-only needs a root to build: add --root or -d");
    }
    let dockerfile = args.built_from.as_ref().map(|file| files::read(file));
    let dockerfile = dockerfile.transpose()?;
    let workload = args.workload()?;
    let command = args.said.clone().unwrap_or_else(words);
    let stop = interrupt::flag()?;
    let bar = progress::bar(0, "runs");
    let show = super::explore::shown(&bar);
    let order = args.order(&recipe, &workload, dockerfile.as_deref(), &command)?;
    let made = generate(&order, &stop, &show);
    bar.finish_and_clear();
    let made = made?;
    output::print(&format!("{}\n{}", usage::text(&made.usage), made.share))?;
    tell!("usage: {}", made.folder.display());
    Ok(Code::Done)
}

/// The command, as it was given.
fn words() -> String {
    let words: Vec<_> = env::args().collect();
    words.join(" ")
}
