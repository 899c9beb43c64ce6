//! The same command again, in another root.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use host::files;
use usage::database::{adopt, recipe_id};
use usage::packages;
use usage::recipe::Recipe;
use usage::root::{Root, Source};

use crate::cli::GenerateArgs;
use crate::exit::Code;
use crate::output;

/// Builds the root, measures in it, and takes the measurement out of it.
pub fn run(args: &GenerateArgs, recipe: &Recipe, source: Source<'_>) -> Result<Code> {
    tell!("usage: building the root");
    let root = Root::new(source)?;
    if args.build_only {
        output::print(&packages::installed(root.path()))?;
        return Ok(Code::Done);
    }
    let dockerfile = args.dockerfile.as_ref().map(|file| files::read(file));
    let dockerfile = dockerfile.transpose()?;
    let (outside, inside) = root.ours();
    root.hold(recipe, dockerfile.as_deref(), &env::current_exe()?)?;
    let mut command = Command::new(inside.join("tollgate"));
    command.args(args.words_inside(&inside, super::words()));
    root.enter(&mut command)?;
    let status = command.status().context(
        "tollgate cannot be executed in the root; fix: use the static one that `make tools` builds",
    )?;
    if !status.success() {
        bail!("the exploration in the root ended with {status}");
    }
    let workload = Path::new(&args.application.to_string()).join(args.workload()?.to_string());
    let id = recipe_id(dockerfile.as_deref());
    let made = outside.join("db").join(&workload).join(id);
    let folder = adopt(&made, &args.db.join(workload), args.allow_dirty)?;
    tell!("usage: kept as {}", folder.display());
    Ok(Code::Done)
}
