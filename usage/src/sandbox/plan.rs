//! The file system of a run: the host's, below layers that collect all changes.

use std::ffi::{CString, OsStr};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::mounts::{self, Mount};
use super::step::Step;

/// Memory for the files that one run may write; beyond it, the program sees a full disk.
const SIZE: &str = "size=1g,mode=755";
/// The private parts of every sandbox.
const OWN: &[&str] = &["/proc", "/sys", "/dev"];
/// The devices that a program may use.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// Files through which root would change the host.
const GUARDED: &[&str] = &["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"];

/// Plans the file system of runs. `base` is an empty folder, hidden by each run's own
/// memory; `privileged`: whether it does not use a user namespace.
pub fn plan(base: &Path, privileged: bool) -> io::Result<Vec<Step>> {
    let mut plan = Plan {
        base,
        privileged,
        mounts: mounts::parse(&fs::read("/proc/self/mountinfo")?),
        steps: vec![Step::Private],
        layers: 0,
    };
    plan.storage();
    plan.root()?;
    plan.kernel_files();
    plan.devices();
    // The log that the test reads.
    let log = base.join("log");
    plan.bind(&log, &plan.inside(base), false);
    plan.steps.push(Step::Loopback);
    plan.steps.push(Step::Root {
        folder: text(base.join("root")),
    });
    Ok(plan.steps)
}

struct Plan<'a> {
    base: &'a Path,
    privileged: bool,
    mounts: Vec<Mount>,
    steps: Vec<Step>,
    layers: usize,
}

impl Plan<'_> {
    fn storage(&mut self) {
        self.mount(c"tmpfs", self.base.to_owned(), SIZE);
        for folder in ["root", "log", "layers"] {
            self.folder(self.base.join(folder), 0o755, None);
        }
    }

    /// As root, the root file system has one layer, and so does each other file system.
    /// In a user namespace, a folder that contains mounts cannot have a layer: each of
    /// its parts gets one.
    fn root(&mut self) -> io::Result<()> {
        if !self.privileged {
            self.mount(c"tmpfs", self.base.join("root"), SIZE);
            return self.parts(Path::new("/"));
        }
        self.overlay(Path::new("/"))?;
        let mut others: Vec<_> = self
            .mounts
            .iter()
            .filter(|mount| mount.has_files())
            .cloned()
            .collect();
        others.sort_by_key(|mount| mount.place.components().count());
        for Mount { place, .. } in others {
            if place == Path::new("/") || is_own(&place) {
                continue;
            }
            match fs::symlink_metadata(&place) {
                Ok(metadata) if metadata.is_dir() => {
                    self.folder(self.inside(&place), 0o755, None);
                    self.overlay(&place)?;
                }
                Ok(_) => {
                    let path = text(self.inside(&place));
                    self.steps.push(Step::File { path });
                    self.bind(&place, &self.inside(&place), true);
                }
                // Hidden by another mount.
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn parts(&mut self, folder: &Path) -> io::Result<()> {
        let mut places: Vec<_> = fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        places.sort();
        for place in places {
            let Ok(metadata) = fs::symlink_metadata(&place) else {
                continue;
            };
            let inside = self.inside(&place);
            if metadata.is_symlink() {
                let to = text(fs::read_link(&place)?);
                let path = text(inside);
                self.steps.push(Step::Link { path, to });
            } else if metadata.is_file() {
                let path = text(inside.clone());
                self.steps.push(Step::File { path });
                self.bind(&place, &inside, true);
            } else if metadata.is_dir() {
                self.folder(inside.clone(), mode(&metadata), None);
                if is_own(&place) {
                    continue;
                }
                let divided = self.has_mounts_below(&place) && fs::read_dir(&place).is_ok();
                if divided {
                    self.parts(&place)?;
                } else {
                    self.overlay(&place)?;
                }
            }
        }
        Ok(())
    }

    fn has_mounts_below(&self, folder: &Path) -> bool {
        let below = |mount: &Mount| mount.place != folder && mount.place.starts_with(folder);
        self.mounts.iter().any(below)
    }

    fn overlay(&mut self, place: &Path) -> io::Result<()> {
        let metadata = fs::metadata(place)?;
        let layer = self.base.join("layers").join(self.layers.to_string());
        self.layers += 1;
        let (upper, work) = (layer.join("upper"), layer.join("work"));
        // The folder's own mode and owner are those of its upper layer.
        let owner = self.privileged.then(|| (metadata.uid(), metadata.gid()));
        self.folder(layer, 0o755, None);
        self.folder(upper.clone(), self.mode_of_layer(&metadata), owner);
        self.folder(work.clone(), 0o755, None);
        let mut options = Vec::new();
        for (name, path) in [
            ("lowerdir=", place),
            (",upperdir=", &upper),
            (",workdir=", &work),
        ] {
            options.extend(name.bytes());
            options.extend(escaped(path.as_os_str()));
        }
        if !self.privileged {
            options.extend(b",userxattr");
        }
        let target = text(self.inside(place));
        self.steps.push(Step::Overlay {
            lower: text(place),
            target,
            options: text(std::ffi::OsString::from_vec(options)),
        });
        Ok(())
    }

    /// Without root, the layer belongs to the user even if the folder does not: without
    /// this step, the user could create files there.
    fn mode_of_layer(&self, metadata: &Metadata) -> u32 {
        let mode = mode(metadata);
        let own = metadata.uid() == rustix::process::geteuid().as_raw();
        let everybody = mode & 0o002 != 0;
        if self.privileged || own || everybody {
            mode
        } else {
            mode & !0o222 | 0o500
        }
    }

    fn kernel_files(&mut self) {
        let sys = self.inside(Path::new("/sys"));
        self.folder(sys.clone(), 0o755, None);
        self.bind(Path::new("/sys"), &sys, true);
        let proc = self.inside(Path::new("/proc"));
        self.folder(proc.clone(), 0o755, None);
        self.mount(c"proc", proc, "");
        if self.privileged {
            let guarded = GUARDED.iter().map(Path::new).filter(|path| path.exists());
            for path in guarded.collect::<Vec<_>>() {
                let inside = self.inside(path);
                self.bind(&inside, &inside, true);
            }
        }
    }

    fn devices(&mut self) {
        let dev = self.inside(Path::new("/dev"));
        self.folder(dev.clone(), 0o755, None);
        self.mount(c"tmpfs", dev.clone(), "mode=755,size=1m");
        let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name));
        for device in devices.filter(|path| path.exists()).collect::<Vec<_>>() {
            let inside = self.inside(&device);
            let path = text(inside.clone());
            self.steps.push(Step::File { path });
            self.bind(&device, &inside, false);
        }
        for (name, to) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            let (path, to) = (text(dev.join(name)), text(to));
            self.steps.push(Step::Link { path, to });
        }
        self.folder(dev.join("pts"), 0o755, None);
        let terminals = "newinstance,ptmxmode=0666,mode=0620";
        self.mount(c"devpts", dev.join("pts"), terminals);
        self.folder(dev.join("shm"), 0o1777, None);
        self.mount(c"tmpfs", dev.join("shm"), "mode=1777,size=1g");
        self.folder(dev.join("mqueue"), 0o1777, None);
        self.mount(c"mqueue", dev.join("mqueue"), "");
    }

    fn inside(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").unwrap_or(path);
        self.base.join("root").join(below)
    }

    fn mount(&mut self, kind: &'static std::ffi::CStr, target: PathBuf, options: &str) {
        self.steps.push(Step::Mount {
            kind,
            target: text(target),
            options: text(options),
        });
    }

    fn bind(&mut self, source: &Path, target: &Path, read_only: bool) {
        self.steps.push(Step::Bind {
            source: text(source),
            target: text(target),
            read_only,
        });
    }

    fn folder(&mut self, path: PathBuf, mode: u32, owner: Option<(u32, u32)>) {
        let path = text(path);
        self.steps.push(Step::Folder { path, mode, owner });
    }
}

fn is_own(path: &Path) -> bool {
    OWN.iter().any(|own| path.starts_with(own))
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// The characters that overlayfs treats as separators in its options.
fn escaped(path: &OsStr) -> Vec<u8> {
    let mut bytes = Vec::new();
    for byte in path.as_bytes() {
        if matches!(byte, b'\\' | b':' | b',') {
            bytes.push(b'\\');
        }
        bytes.push(*byte);
    }
    bytes
}

/// A path in a file system cannot contain a zero byte; any other text is cut at it.
fn text(text: impl AsRef<OsStr>) -> CString {
    let bytes = text.as_ref().as_bytes();
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_options_are_escaped() {
        assert_eq!(escaped(OsStr::new("/a:b,c\\d")), b"/a\\:b\\,c\\\\d");
    }
}
