//! System calls: the few that the program makes in addition to the one that it measures.
//!
//! Numbers and structures are Linux's for x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).

use core::arch::asm;
use core::ffi::CStr;

use contract::is_error;

const EINTR: u64 = 4u64.wrapping_neg();

const STDOUT: u64 = 1;

/// Makes the system call `[number, five arguments]`; returns errors as negative numbers.
pub fn call([number, a, b, c, d, e]: [u64; 6]) -> u64 {
    let answer;
    // SAFETY: the callers below pass numbers and pointers that Linux documents.
    // No `nostack`: a kernel that runs us in ring 0 pushes onto our stack.
    // `cld`: such a kernel need not restore RFLAGS, and Rust wants DF clear.
    unsafe {
        asm!(
            "syscall",
            "cld",
            inlateout("rax") number => answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            lateout("rcx") _,
            lateout("r11") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    }
    answer
}

/// Writes all bytes to standard output; `false` if the kernel refuses them.
pub fn write_all(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match call([1, STDOUT, bytes.as_ptr() as u64, bytes.len() as u64, 0, 0]) {
            EINTR => {}
            0 => return false,
            n if is_error(n) => return false,
            n => bytes = bytes.get(n as usize..).unwrap_or_default(),
        }
    }
    true
}

/// Waits until the terminal has sent everything that was written (tcdrain).
pub fn drain_output() {
    const TCSBRK: u64 = 0x5409;
    call([16, STDOUT, TCSBRK, 1, 0, 0]);
}

/// Ends the program with all its threads.
pub fn exit(status: u64) -> ! {
    loop {
        call([231, status, 0, 0, 0, 0]);
    }
}

/// The process's number; 1 for Linux's init.
pub fn process_id() -> u64 {
    call([39, 0, 0, 0, 0, 0])
}

/// Keeps the kernel's own messages off the console (they stay in its log).
pub fn silence_kernel_messages() {
    const SYSLOG_ACTION_CONSOLE_OFF: u64 = 6;
    call([103, SYSLOG_ACTION_CONSOLE_OFF, 0, 0, 0, 0]);
}

/// Lets the program use `count` I/O ports from `first` on; `false` if it may not.
pub fn allow_ports(first: u16, count: u64) -> bool {
    call([173, first.into(), count, 1, 0, 0]) == 0
}

/// Gives that up. With its last port, the task loses its I/O bitmap.
pub fn return_ports(first: u16, count: u64) {
    call([173, first.into(), count, 0, 0, 0]);
}

/// Asks Linux to power off the machine.
pub fn power_off() {
    const MAGIC: u64 = 0xfee1_dead;
    const MAGIC_2: u64 = 0x2812_1969;
    const POWER_OFF: u64 = 0x4321_fedc;
    call([169, MAGIC, MAGIC_2, POWER_OFF, 0, 0]);
}

/// Mounts sysfs at `/sys`; `false` if it is not mounted afterwards.
pub fn mount_sysfs() -> bool {
    mount(c"sysfs", c"/sys")
}

/// Mounts procfs at `/proc`; `false` if it is not mounted afterwards.
pub fn mount_procfs() -> bool {
    mount(c"proc", c"/proc")
}

fn mount(kind: &CStr, place: &CStr) -> bool {
    const EBUSY: u64 = 16u64.wrapping_neg();
    let kind = kind.as_ptr() as u64;
    let done = call([165, kind, place.as_ptr() as u64, kind, 0, 0]);
    done == 0 || done == EBUSY
}

/// The processor on which the program runs.
pub fn current_cpu() -> Option<u64> {
    let mut cpu = 0u32;
    let done = call([309, (&raw mut cpu) as u64, 0, 0, 0, 0]);
    (done == 0).then_some(cpu.into())
}

/// How often the process lost its processor while it was ready to run. The buffer receives the
/// kernel's answer.
pub fn involuntary_switches(buffer: &mut [u8; 4096]) -> Option<u64> {
    const SELF: u64 = 0;
    // struct rusage: two times of two words each, then 14 words; this is the last of them.
    const SWITCHES: usize = 17;
    let done = call([98, SELF, buffer.as_mut_ptr() as u64, 0, 0, 0]);
    let (words, _) = buffer.as_chunks();
    let word = words.get(SWITCHES).copied().map(u64::from_le_bytes);
    word.filter(|_| done == 0)
}

/// Whether that path exists.
pub fn exists(path: &CStr) -> bool {
    call([21, path.as_ptr() as u64, 0, 0, 0, 0]) == 0
}

/// An open file or directory, closed when dropped.
pub struct File(u64);

impl File {
    /// Opens a path for reading.
    pub fn open(path: &CStr) -> Option<Self> {
        let fd = call([2, path.as_ptr() as u64, 0, 0, 0, 0]);
        (!is_error(fd)).then_some(Self(fd))
    }

    /// Reads once, at most as much as the buffer holds.
    pub fn read<'b>(&self, buffer: &'b mut [u8]) -> &'b [u8] {
        self.fill(0, buffer)
    }

    /// Reads directory entries (`struct linux_dirent64`) once.
    pub fn entries<'b>(&self, buffer: &'b mut [u8]) -> &'b [u8] {
        self.fill(217, buffer)
    }

    fn fill<'b>(&self, number: u64, buffer: &'b mut [u8]) -> &'b [u8] {
        let n = call([
            number,
            self.0,
            buffer.as_mut_ptr() as u64,
            buffer.len() as u64,
            0,
            0,
        ]);
        if is_error(n) {
            return &[];
        }
        buffer.get(..n as usize).unwrap_or_default()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        call([3, self.0, 0, 0, 0, 0]);
    }
}

const UTS_FIELD: usize = 65;
/// Size of `struct new_utsname`: six texts.
pub const UTSNAME_SIZE: usize = 6 * UTS_FIELD;

/// The kernel's name and its release, each up to its zero byte.
pub fn uname(buffer: &mut [u8; UTSNAME_SIZE]) -> Option<(&[u8], &[u8])> {
    if call([63, buffer.as_mut_ptr() as u64, 0, 0, 0, 0]) != 0 {
        return None;
    }
    let mut fields = buffer.chunks(UTS_FIELD).map(until_zero);
    Some((fields.next()?, fields.nth(1)?))
}

/// The bytes before the first zero.
pub fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}
