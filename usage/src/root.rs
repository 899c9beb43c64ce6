//! A root to measure in: unpacked from an archive, or built from a Dockerfile, and entered by a
//! command of its own.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::mount::{MountPropagationFlags, mount_bind_recursive, mount_change};
use rustix::process::{chdir, chroot};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use tempfile::TempDir;
use thiserror::Error;

use crate::recipe::{Recipe, RecipeError};

/// What a root is made of.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// An archive, as mmdebstrap makes it.
    Tar(&'a Path),
    /// A Dockerfile; its folder is what it copies from.
    Dockerfile(&'a Path),
}

/// Why a root cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RootError {
    /// Owners of files and devices need root.
    #[error("only root can unpack another root with its owners; fix: run it as root")]
    NotPrivileged,
    /// A program is missing.
    #[error("{program} cannot be executed: {error}; fix: apt-get install {program}")]
    NotInstalled {
        /// The program, which is its package's name.
        program: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// A program failed.
    #[error("{command} failed:\n{said}")]
    Failed {
        /// What was executed.
        command: String,
        /// The end of what it said.
        said: String,
    },
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A file.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A root in a temporary folder, which is removed in the end.
#[derive(Debug)]
pub struct Root(TempDir);

/// What buildah calls the image.
const IMAGE: &str = "tollgate-root";

/// What tollgate puts into a root.
const OURS: &str = ".tollgate";

impl Root {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// [`RootError`].
    pub fn new(source: Source<'_>) -> Result<Self, RootError> {
        if !rustix::process::geteuid().is_root() {
            return Err(RootError::NotPrivileged);
        }
        let folder = tempfile::Builder::new().prefix("tollgate-root-").tempdir();
        let folder = folder.map_err(|error| RootError::Io {
            path: std::env::temp_dir(),
            error,
        })?;
        match source {
            Source::Tar(tar) => unpack(tar, folder.path())?,
            Source::Dockerfile(file) => build(file, folder.path())?,
        }
        let root = Self(folder);
        for place in ["proc", "sys", "dev", "tmp", OURS] {
            let path = root.path().join(place);
            fs::create_dir_all(&path).map_err(|error| RootError::Io { path, error })?;
        }
        Ok(root)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A folder of ours in it: as this process sees it, and as a command in it does.
    pub fn ours(&self) -> (PathBuf, PathBuf) {
        (self.path().join(OURS), Path::new("/").join(OURS))
    }

    /// Puts into our folder what a command in this root needs: `recipe/`, the Dockerfile, and
    /// the program `tollgate`.
    ///
    /// # Errors
    ///
    /// A file cannot be read or written.
    pub fn hold(
        &self,
        recipe: &Recipe,
        dockerfile: Option<&[u8]>,
        tool: &Path,
    ) -> Result<(), RootError> {
        let (ours, _) = self.ours();
        let files = recipe.files()?;
        for (path, _) in &files {
            copy(&recipe.folder.join(path), &ours.join("recipe").join(path))?;
        }
        copy(tool, &ours.join("tollgate"))?;
        let path = ours.join("Dockerfile");
        match dockerfile {
            Some(text) => fs::write(&path, text).map_err(|error| RootError::Io { path, error }),
            None => Ok(()),
        }
    }

    /// Makes a command start in this root, with the kernel's file systems in it, which nobody
    /// else sees.
    ///
    /// # Errors
    ///
    /// The folder's name has a zero byte.
    pub fn enter(&self, command: &mut Command) -> Result<(), RootError> {
        let name = |path: PathBuf| {
            CString::new(path.as_os_str().as_bytes()).map_err(|error| RootError::Io {
                path: path.clone(),
                error: error.into(),
            })
        };
        let root = name(self.path().to_owned())?;
        let binds = [("/proc", "proc"), ("/sys", "sys"), ("/dev", "dev")];
        let binds = binds.map(|(from, to)| Ok((name(from.into())?, name(self.path().join(to))?)));
        let binds = binds.into_iter().collect::<Result<Vec<_>, RootError>>()?;
        let enter = move || {
            // SAFETY: the child has one thread, and shares nothing that this removes.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change(c"/", private)?;
            // A mount of its own: only such a root can be exchanged for a run's.
            mount_bind_recursive(&*root, &*root)?;
            for (from, to) in &binds {
                mount_bind_recursive(&**from, &**to)?;
            }
            chdir(&*root)?;
            chroot(c".")?;
            Ok(())
        };
        // SAFETY: between fork and exec, it makes system calls and nothing else.
        unsafe { command.pre_exec(enter) };
        Ok(())
    }
}

/// With its mode.
fn copy(from: &Path, to: &Path) -> Result<(), RootError> {
    let made = to.parent().map_or(Ok(()), fs::create_dir_all);
    let copied = made.and_then(|()| fs::copy(from, to));
    copied.map(drop).map_err(|error| RootError::Io {
        path: from.to_owned(),
        error,
    })
}

fn unpack(tar: &Path, into: &Path) -> Result<(), RootError> {
    let mut command = Command::new("tar");
    command
        .args(["--extract", "--preserve-permissions", "--numeric-owner"])
        .args(["--exclude=./dev/*", "--file"])
        .arg(tar)
        .arg("--directory")
        .arg(into);
    run("tar", &mut command).map(drop)
}

/// By buildah, without a daemon. What it keeps is removed again.
fn build(dockerfile: &Path, into: &Path) -> Result<(), RootError> {
    let context = dockerfile
        .parent()
        .filter(|folder| *folder != Path::new(""));
    let storage = into.with_extension("storage");
    let buildah = |words: &[&str]| {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs", "--root"]);
        command.arg(storage.join("root")).arg("--runroot");
        command.arg(storage.join("run")).args(words);
        command
    };
    let made = (|| {
        let mut bud = buildah(&["bud", "--isolation=chroot", "--tag", IMAGE, "--file"]);
        bud.arg(dockerfile).arg(context.unwrap_or(Path::new(".")));
        run("buildah", &mut bud)?;
        let container = run("buildah", &mut buildah(&["from", IMAGE]))?;
        let mounted = run("buildah", &mut buildah(&["mount", container.trim()]))?;
        let mut copy = Command::new("cp");
        copy.arg("--archive")
            .arg(Path::new(mounted.trim()).join("."))
            .arg(into);
        run("coreutils", &mut copy).map(drop)
    })();
    // Whatever became of it, the storage is ours.
    let _ = fs::remove_dir_all(&storage);
    made
}

/// What it says on standard output.
fn run(package: &'static str, command: &mut Command) -> Result<String, RootError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| RootError::NotInstalled {
        program: package,
        error,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut last: Vec<_> = said.lines().rev().take(10).collect();
    last.reverse();
    Err(RootError::Failed {
        command: format!("{command:?}"),
        said: last.join("\n"),
    })
}
