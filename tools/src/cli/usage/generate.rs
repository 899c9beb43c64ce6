//! The command line of `tollgate usage generate`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ::usage::database::{Kind, Name, NameError, Workload};
use ::usage::generate::Order;
use ::usage::recipe::Recipe;
use ::usage::root::Source;
use anyhow::Result;
use clap::Args;

use super::two_for_each_cpu;
use crate::version::VERSION;

pub const EXAMPLES: &str = "\
Examples:
  tollgate usage generate --db db -a nginx -w pages --bench
  mmdebstrap --variant=minbase --include=nginx-light,curl bookworm root.tar
  tollgate usage generate --db db -a nginx -w pages --bench --root root.tar
  tollgate usage generate --db db -a nginx -w pages --bench -d ./Dockerfile

A recipe is a folder with recipe.toml (packages, command, ready, stdin, requests), a program
called test, and what both need. tollgate's own recipes are in usage/recipes. Without -d and
--root, the recipe is explored on this machine's own files. docs/USAGE.md explains all.";

/// `tollgate usage generate`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("kind").required(true))]
pub struct GenerateArgs {
    /// The database's folder
    #[arg(long, value_name = "DIR")]
    pub db: PathBuf,
    /// The application's name in the database
    #[arg(short, long, value_name = "NAME", value_parser = Name::new)]
    pub application: Name,
    /// The workload's name in the database
    #[arg(short, long, value_name = "NAME", default_value = "")]
    workload: String,
    /// The workload is a benchmark
    #[arg(long, group = "kind")]
    bench: bool,
    /// It is the application's own tests
    #[arg(long, group = "kind")]
    suite: bool,
    /// The recipe's folder [default: usage/recipes/NAME of the application]
    #[arg(long, value_name = "DIR")]
    recipe: Option<PathBuf>,
    /// Build the root to explore in by buildah
    #[arg(short, long, value_name = "FILE", conflicts_with = "root")]
    pub dockerfile: Option<PathBuf>,
    /// Unpack the root to explore in from this archive
    #[arg(long, value_name = "TAR")]
    pub root: Option<PathBuf>,
    /// Only build the root, and list its packages
    #[arg(long)]
    pub build_only: bool,
    /// Replace a measurement that already exists
    #[arg(long)]
    pub allow_dirty: bool,
    /// Runs of each rule that have to agree
    #[arg(long, value_name = "N", default_value = "2")]
    pub replicas: NonZeroU32,
    /// Parallel runs [default: two for each CPU]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroU32>,
    /// What the measurement's cmd.txt says, in a root
    #[arg(long, hide = true)]
    pub said: Option<String>,
    /// What the root was built from, in that root
    #[arg(long, hide = true, value_name = "FILE")]
    pub built_from: Option<PathBuf>,
}

impl GenerateArgs {
    /// The workload.
    ///
    /// # Errors
    ///
    /// Its name leads elsewhere, or a benchmark has none.
    pub fn workload(&self) -> Result<Workload, NameError> {
        let kind = if self.bench { Kind::Bench } else { Kind::Suite };
        Workload::new(kind, &self.workload)
    }

    /// The recipe's folder.
    pub fn recipe(&self) -> PathBuf {
        let ours = || PathBuf::from("usage/recipes").join(&self.application);
        self.recipe.clone().unwrap_or_else(ours)
    }

    /// Where it is explored, if that is another root.
    pub fn source(&self) -> Option<Source<'_>> {
        let tar = self.root.as_deref().map(Source::Tar);
        tar.or_else(|| self.dockerfile.as_deref().map(Source::Dockerfile))
    }

    /// What to measure in this root.
    pub fn order<'a>(
        &'a self,
        recipe: &'a Recipe,
        workload: &'a Workload,
        dockerfile: Option<&'a [u8]>,
        command: &'a str,
    ) -> Result<Order<'a>> {
        Ok(Order {
            database: &self.db,
            application: &self.application,
            workload,
            recipe,
            dockerfile,
            command,
            replace: self.allow_dirty,
            replicas: self.replicas,
            jobs: self.jobs(),
            tool: format!("tollgate {VERSION}"),
            analyser: super::analyser()?,
        })
    }

    /// The words for the same command in a root, in which the database, the recipe and the
    /// Dockerfile are in that folder.
    pub fn words_inside(&self, folder: &Path, said: String) -> Vec<OsString> {
        let kind = if self.bench { "--bench" } else { "--suite" };
        let mut words: Vec<OsString> = ["usage", "generate", kind].map(Into::into).into();
        let mut pair = |name: &str, value: OsString| words.extend([name.into(), value]);
        pair("--application", self.application.to_string().into());
        pair("--workload", self.workload.clone().into());
        pair("--db", folder.join("db").into());
        pair("--recipe", folder.join("recipe").into());
        pair("--replicas", self.replicas.to_string().into());
        pair("--jobs", self.jobs().to_string().into());
        pair("--said", said.into());
        if self.dockerfile.is_some() {
            pair("--built-from", folder.join("Dockerfile").into());
        }
        words
    }

    /// Parallel runs.
    fn jobs(&self) -> NonZeroU32 {
        self.jobs.unwrap_or_else(two_for_each_cpu)
    }
}
