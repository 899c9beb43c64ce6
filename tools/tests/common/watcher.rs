//! Another process that watches every system call: with a BPF program, as Falco does, or with
//! perf events, as `perf trace -a` does.

use std::ffi::CString;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The program's name, which the kernel shows.
pub const NAME: &str = "watch_calls";

/// Set in the process that watches, because `--ignored` runs its test as any other.
const STARTED: &str = "TOLLGATE_TEST_WATCHES";

/// The process. It goes, and its program with it, when this is dropped.
pub struct Watcher(Child);

impl Watcher {
    /// Starts this test program again, with nothing but the test of that name, which has to
    /// call [`watch`] or [`count`]. The error says why the kernel does not permit it.
    pub fn start(test: &str) -> Result<Self, String> {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", test, "--nocapture"])
            .env(STARTED, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let words = lines.map_while(Result::ok).find_map(|line| {
            let (_, word) = line.split_once("watcher: ")?;
            Some(word.to_owned())
        });
        let watcher = Self(child);
        match words.as_deref() {
            Some("attached") => Ok(watcher),
            Some(why) => Err(why.to_owned()),
            None => Err("it ended without a word".into()),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Attaches, says so on standard output, and waits until standard input ends.
pub fn watch() {
    if std::env::var_os(STARTED).is_none() {
        return;
    }
    let attached = load().and_then(attach);
    match attached {
        Ok(_) => println!("\nwatcher: attached"),
        Err(why) => println!("\nwatcher: {why}"),
    }
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// Counts every call on every CPU with perf events, says so, and waits as [`watch`] does.
pub fn count() {
    if std::env::var_os(STARTED).is_none() {
        return;
    }
    match number().and_then(events) {
        Ok(_) => println!("\nwatcher: attached"),
        Err(why) => println!("\nwatcher: {why}"),
    }
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// The number of the tracepoint, from tracefs, which is mounted for this thread alone: tests leave
/// the machine as it is.
fn number() -> io::Result<u64> {
    let folder = tempfile::tempdir()?;
    let path = CString::new(folder.path().to_str().unwrap()).unwrap();
    let (tracefs, root) = (c"tracefs", c"/");
    let none = std::ptr::null();
    // SAFETY: all strings end with a zero and live until the calls return.
    let results = unsafe {
        [
            libc::unshare(libc::CLONE_NEWNS),
            libc::mount(
                none,
                root.as_ptr(),
                none,
                libc::MS_REC | libc::MS_PRIVATE,
                none.cast(),
            ),
            libc::mount(
                tracefs.as_ptr(),
                path.as_ptr(),
                tracefs.as_ptr(),
                0,
                none.cast(),
            ),
        ]
    };
    if results.contains(&-1) {
        return Err(io::Error::last_os_error());
    }
    let text = std::fs::read_to_string(folder.path().join("events/raw_syscalls/sys_enter/id"));
    // SAFETY: as above.
    unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    text?.trim().parse().map_err(io::Error::other)
}

/// perf_event_open(2) of the tracepoint, for all processes, on each CPU.
fn events(number: u64) -> io::Result<Vec<i64>> {
    const TRACEPOINT: u32 = 2;
    const SIZE: u32 = 64;
    let mut attributes = [0_u8; SIZE as usize];
    attributes[..4].copy_from_slice(&TRACEPOINT.to_ne_bytes());
    attributes[4..8].copy_from_slice(&SIZE.to_ne_bytes());
    attributes[8..16].copy_from_slice(&number.to_ne_bytes());
    let (everybody, no_group, close_on_exec) = (-1, -1, 8_u64);
    let open = |cpu: usize| {
        // SAFETY: the kernel reads SIZE bytes of the attributes.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                attributes.as_ptr(),
                everybody,
                cpu as i32,
                no_group,
                close_on_exec,
            )
        };
        if fd < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(fd)
        }
    };
    host::cpus::allowed().into_iter().map(open).collect()
}

/// BPF_PROG_LOAD of `r0 = 0; exit` (Linux, include/uapi/linux/bpf.h).
fn load() -> io::Result<i32> {
    const LOAD: libc::c_long = 5;
    const RAW_TRACEPOINT: u32 = 17;
    let instructions: [u64; 2] = [0xb7, 0x95];
    let license = c"GPL";
    let mut attributes = [0_u8; 128];
    let mut put = |at: usize, bytes: &[u8]| attributes[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &RAW_TRACEPOINT.to_ne_bytes());
    put(4, &(instructions.len() as u32).to_ne_bytes());
    put(8, &(instructions.as_ptr() as u64).to_ne_bytes());
    put(16, &(license.as_ptr() as u64).to_ne_bytes());
    put(48, NAME.as_bytes());
    bpf(LOAD, &attributes)
}

/// BPF_RAW_TRACEPOINT_OPEN.
fn attach(program: i32) -> io::Result<i32> {
    const OPEN: libc::c_long = 17;
    let tracepoint = c"sys_enter";
    let mut attributes = [0_u8; 16];
    attributes[..8].copy_from_slice(&(tracepoint.as_ptr() as u64).to_ne_bytes());
    attributes[8..12].copy_from_slice(&program.to_ne_bytes());
    bpf(OPEN, &attributes)
}

fn bpf(command: libc::c_long, attributes: &[u8]) -> io::Result<i32> {
    // SAFETY: the kernel reads the attributes, and what their addresses point to, which the
    // callers keep until this returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_ptr(),
            attributes.len(),
        )
    };
    match fd {
        0.. => Ok(fd as i32),
        _ => Err(io::Error::last_os_error()),
    }
}
