//! The steps that make a namespace's file system. They are planned before the process is
//! cloned and taken after it, in the copy of a process that had threads: there, nothing may
//! allocate memory or take a lock.

use std::ffi::{CStr, CString};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Keeps mounts of this namespace out of others.
    Private,
    /// Mounts a file system of the kernel's own.
    Mount {
        kind: &'static CStr,
        target: CString,
        options: CString,
    },
    /// Puts a layer over a folder that collects all changes; if that fails, the folder is
    /// visible but cannot be changed.
    Overlay {
        lower: CString,
        target: CString,
        options: CString,
    },
    /// Shows a file or a folder at another place.
    Bind {
        source: CString,
        target: CString,
        read_only: bool,
    },
    /// Makes a folder.
    Folder {
        path: CString,
        mode: u32,
        owner: Option<(u32, u32)>,
    },
    /// Makes an empty file.
    File { path: CString },
    /// Makes a symbolic link.
    Link { path: CString, to: CString },
    /// Turns the loopback interface on.
    Loopback,
    /// Makes this folder the root, and unmounts the old one.
    Root { folder: CString },
}

impl Step {
    /// Performs the step. `Ok(true)`: a folder that should be writable is not.
    pub fn take(&self) -> Result<bool, Errno> {
        match self {
            Self::Private => {
                let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
                mount_change(c"/", flags)?;
            }
            Self::Mount {
                kind,
                target,
                options,
            } => {
                let flags = MountFlags::NOSUID;
                mount(*kind, target.as_c_str(), *kind, flags, options.as_c_str())?;
            }
            Self::Overlay {
                lower,
                target,
                options,
            } => {
                let kind = c"overlay";
                let flags = MountFlags::empty();
                if mount(kind, target.as_c_str(), kind, flags, options.as_c_str()).is_err() {
                    bind(lower, target, true)?;
                    return Ok(true);
                }
            }
            Self::Bind {
                source,
                target,
                read_only,
            } => bind(source, target, *read_only)?,
            Self::Folder { path, mode, owner } => folder(path, *mode, *owner)?,
            Self::File { path } => {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(CWD, path.as_c_str(), flags, Mode::from_raw_mode(0o644))?;
            }
            Self::Link { path, to } => {
                rustix::fs::symlinkat(to.as_c_str(), CWD, path.as_c_str())?;
            }
            Self::Loopback => loopback()?,
            Self::Root { folder } => {
                rustix::process::chdir(folder.as_c_str())?;
                rustix::process::pivot_root(c".", c".")?;
                unmount(c".", UnmountFlags::DETACH)?;
                rustix::process::chdir(c"/")?;
            }
        }
        Ok(false)
    }
}

fn bind(source: &CStr, target: &CStr, read_only: bool) -> Result<(), Errno> {
    // In a user namespace, a folder without the mounts in it would show what they hide.
    mount_bind_recursive(source, target)?;
    if read_only {
        make_read_only(target)?;
    }
    Ok(())
}

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// For the mount and all below it (mount_setattr(2)).
fn make_read_only(target: &CStr) -> Result<(), Errno> {
    const AT_RECURSIVE: libc::c_int = 0x8000;
    const MOUNT_ATTR_RDONLY: u64 = 1;
    let attributes = MountAttributes {
        set: MOUNT_ATTR_RDONLY,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    // SAFETY: the path is terminated, and the structure has the size that is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    super::returned::checked(done).map(|_| ())
}

/// Creates a folder, which may already exist.
fn folder(path: &CStr, mode: u32, owner: Option<(u32, u32)>) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(mode);
    match rustix::fs::mkdirat(CWD, path, mode) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(()),
        Err(error) => return Err(error),
    }
    if let Some((uid, gid)) = owner {
        let uid = rustix::fs::Uid::from_raw(uid);
        let gid = rustix::fs::Gid::from_raw(gid);
        rustix::fs::chownat(
            CWD,
            path,
            Some(uid),
            Some(gid),
            rustix::fs::AtFlags::empty(),
        )?;
    }
    // mkdir applied the umask.
    rustix::fs::chmodat(CWD, path, mode, rustix::fs::AtFlags::empty())
}

fn loopback() -> Result<(), Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let kind = SocketType::DGRAM;
    let socket = socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all its fields are integers, arrays of them, or pointers that may be null.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: the request reads a struct ifreq, and this is one.
    let done = unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw const request) };
    super::returned::checked(done.into()).map(|_| ())
}
