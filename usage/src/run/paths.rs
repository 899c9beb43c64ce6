//! The paths that calls are given, where they lead to files of the kernel.
//!
//! The path lies in the program's memory, and the kernel reads it after us: another thread
//! may change it in between. A rule decides about the path that was there when the kernel
//! asked.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::memory::Memory;
use crate::Call;
use crate::notify::Question;

/// Folders of the kernel's files.
const FOLDERS: &[&str] = &["/proc", "/dev", "/sys"];

/// Where a call's path is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The argument with the folder that it is relative to; `None`: the working folder.
    folder: Option<usize>,
    path: usize,
}

/// Whether a call takes a path.
pub fn has_path(call: Call) -> bool {
    place(call).is_some()
}

/// The path of a call, if it leads to a file of the kernel. Links are not followed.
pub fn path(question: &Question) -> Option<String> {
    let place = place(Call(question.number))?;
    let address = *question.arguments.get(place.path)?;
    let text = Memory::of(question.pid)?.text(address)?;
    let path = String::from_utf8_lossy(&text).into_owned();
    if path.is_empty() {
        return None;
    }
    let path = Path::new(&path);
    if path.is_absolute() {
        return kernel_file(path);
    }
    let folder = place.folder.and_then(|index| question.arguments.get(index));
    let folder = match folder.map(|fd| *fd as i32) {
        None | Some(libc::AT_FDCWD) => format!("/proc/{}/cwd", question.pid),
        Some(fd) => format!("/proc/{}/fd/{fd}", question.pid),
    };
    kernel_file(&fs::read_link(folder).ok()?.join(path))
}

fn place(call: Call) -> Option<Place> {
    let (folder, path) = match call.name()? {
        "open" | "creat" | "stat" | "lstat" | "access" | "readlink" | "statfs" | "chdir"
        | "execve" | "truncate" | "mkdir" | "rmdir" | "unlink" | "chmod" | "chown" | "lchown"
        | "getxattr" | "lgetxattr" | "listxattr" | "llistxattr" | "utimes" | "chroot" => (None, 0),
        "inotify_add_watch" => (None, 1),
        "openat" | "openat2" | "newfstatat" | "statx" | "faccessat" | "faccessat2"
        | "readlinkat" | "execveat" | "mkdirat" | "unlinkat" | "fchmodat" | "fchownat"
        | "utimensat" | "name_to_handle_at" => (Some(0), 1),
        _ => return None,
    };
    Some(Place { folder, path })
}

/// A file of the kernel, with N in place of numbers that differ from run to run.
fn kernel_file(path: &Path) -> Option<String> {
    let mut whole = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => whole.push(name),
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let folder = FOLDERS.iter().find(|folder| whole.starts_with(folder))?;
    let plain = |text: &str| text.replace(char::is_control, "?");
    if *folder != "/proc" {
        return Some(plain(whole.to_str()?));
    }
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = whole.iter().skip(1).filter_map(|name| name.to_str());
    let names = names.map(|name| if is_number(name) { "N" } else { name });
    Some(plain(
        &names.fold(String::new(), |path, name| path + "/" + name),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel_have_one_name_each() {
        let of = |path| kernel_file(Path::new(path));
        assert_eq!(of("/proc/cpuinfo").as_deref(), Some("/proc/cpuinfo"));
        assert_eq!(of("/proc//./cpuinfo").as_deref(), Some("/proc/cpuinfo"));
        assert_eq!(of("/etc/../dev/null").as_deref(), Some("/dev/null"));
        assert_eq!(
            of("/proc/42/task/43/stat").as_deref(),
            Some("/proc/N/task/N/stat")
        );
        assert_eq!(of("/sys/a\nb").as_deref(), Some("/sys/a?b"));
        assert_eq!(
            of("/sys/devices/system/cpu/cpu0").as_deref().map(str::len),
            Some(28)
        );
        for other in ["/etc/passwd", "/process", "/proc/../etc", "/"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn every_call_with_a_path_is_one() {
        let calls: Vec<_> = Call::all().filter(|call| has_path(*call)).collect();
        assert_eq!(calls.len(), 37, "{calls:?}");
    }
}
