//! Loads a program and attaches it. What is dropped is detached.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use contract::{WatchKind, WatchSite};

use crate::btf;
use crate::programs::Assembled;
use crate::refusal::{Refusal, Step};
use crate::sites;
use crate::sys::{self, Attributes, Command};

/// A program in the kernel, not attached.
pub struct Loaded {
    program: OwnedFd,
    kind: WatchKind,
    site: WatchSite,
}

/// A program that runs at its site until this is dropped.
pub struct Attached(#[allow(dead_code, reason = "dropping it detaches")] OwnedFd);

/// How often a program ran.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// `run_cnt`: only while statistics are on.
    pub runs: u64,
    /// `recursion_misses`.
    pub missed: u64,
}

/// Statistics of all BPF programs, until this is dropped (BPF_ENABLE_STATS).
pub struct Statistics(#[allow(dead_code, reason = "dropping it turns them off")] OwnedFd);

impl Statistics {
    /// Turns them on.
    ///
    /// # Errors
    ///
    /// As bpf(2); Linux has it since 5.8.
    pub fn on() -> Result<Self, Refusal> {
        // BPF_STATS_RUN_TIME is 0. SAFETY: these attributes do not contain an address.
        let fd = unsafe { sys::bpf_fd(Command::EnableStatistics, &Attributes::new()) };
        fd.map(Self).map_err(Step::Statistics.failed())
    }
}

/// The function of the kernel behind a site, as ftrace and BTF name it.
fn function(site: WatchSite) -> String {
    format!("__x64_sys_{}", site.name())
}

/// `enum bpf_attach_type`.
mod attach_type {
    pub const TRACE_RAW_TP: u32 = 23;
    pub const FENTRY: u32 = 24;
    pub const FEXIT: u32 = 25;
    pub const MODIFY_RETURN: u32 = 26;
    pub const KPROBE_MULTI: u32 = 42;
    pub const UPROBE_MULTI: u32 = 48;
}

/// `enum bpf_prog_type`, and what the program expects to be attached to.
fn types(kind: WatchKind) -> (u32, u32) {
    const KPROBE: u32 = 2;
    const TRACEPOINT: u32 = 5;
    const RAW_TRACEPOINT: u32 = 17;
    const TRACING: u32 = 26;
    match kind {
        WatchKind::RawTp => (RAW_TRACEPOINT, 0),
        WatchKind::TpBtf => (TRACING, attach_type::TRACE_RAW_TP),
        WatchKind::Tracepoint => (TRACEPOINT, 0),
        WatchKind::Kprobe | WatchKind::Kretprobe | WatchKind::Uprobe | WatchKind::Uretprobe => {
            (KPROBE, 0)
        }
        WatchKind::KprobeMulti | WatchKind::KretprobeMulti => (KPROBE, attach_type::KPROBE_MULTI),
        WatchKind::UprobeMulti | WatchKind::UretprobeMulti => (KPROBE, attach_type::UPROBE_MULTI),
        WatchKind::Fentry => (TRACING, attach_type::FENTRY),
        WatchKind::Fexit => (TRACING, attach_type::FEXIT),
        WatchKind::FmodRet => (TRACING, attach_type::MODIFY_RETURN),
    }
}

/// The type of the kernel that a program is about, by its number in BTF; 0 if it needs none.
fn described(kind: WatchKind, site: WatchSite) -> Result<u32, Refusal> {
    let (of, name) = match kind {
        WatchKind::TpBtf => (btf::Kind::Typedef, format!("btf_trace_{}", site.name())),
        WatchKind::Fentry | WatchKind::Fexit | WatchKind::FmodRet => {
            (btf::Kind::Function, function(site))
        }
        _ => return Ok(0),
    };
    let number = btf::number(of, &name).map_err(Step::Btf.failed())?;
    number.ok_or(Refusal::NotDescribed { name })
}

impl Loaded {
    /// Loads a program.
    ///
    /// # Errors
    ///
    /// The kernel refuses it, or does not describe what it is about.
    pub fn new(kind: WatchKind, site: WatchSite, program: &Assembled) -> Result<Self, Refusal> {
        // Only programs under the GPL may use some helpers.
        const LICENCE: &std::ffi::CStr = c"GPL";
        let (of, expected) = types(kind);
        let attributes = Attributes::new()
            .u32(0, of)
            .u32(4, program.instructions.len() as u32)
            .address(8, program.instructions.as_slice())
            .address(16, LICENCE)
            .u32(68, expected)
            .u32(108, described(kind, site)?);
        // SAFETY: instructions and licence outlive the call.
        let fd = unsafe { sys::bpf_fd(Command::ProgramLoad, &attributes) };
        Ok(Self {
            program: fd.map_err(Step::Load(kind).failed())?,
            kind,
            site,
        })
    }

    /// Attaches it.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn attach(&self) -> Result<Attached, Refusal> {
        let attached = match self.kind {
            WatchKind::RawTp => self.raw_tracepoint(true),
            WatchKind::TpBtf | WatchKind::Fentry | WatchKind::Fexit | WatchKind::FmodRet => {
                self.raw_tracepoint(false)
            }
            WatchKind::Tracepoint => self.tracepoint(),
            WatchKind::Kprobe => self.kernel_probe(false),
            WatchKind::Kretprobe => self.kernel_probe(true),
            WatchKind::Uprobe => self.user_probe(false),
            WatchKind::Uretprobe => self.user_probe(true),
            WatchKind::KprobeMulti => self.kernel_probes(false),
            WatchKind::KretprobeMulti => self.kernel_probes(true),
            WatchKind::UprobeMulti => self.user_probes(false),
            WatchKind::UretprobeMulti => self.user_probes(true),
        };
        attached.map(Attached)
    }

    /// How often it ran.
    ///
    /// # Errors
    ///
    /// As bpf(2).
    pub fn runs(&self) -> io::Result<Runs> {
        /// `struct bpf_prog_info`: `run_cnt` and `recursion_misses`.
        const RUN_COUNT: usize = 200 / 8;
        const MISSES: usize = 208 / 8;
        let mut info = [0_u64; 28];
        let attributes = Attributes::new()
            .fd(0, &self.program)
            .u32(4, size_of_val(&info) as u32)
            .u64(8, info.as_mut_ptr() as u64);
        // SAFETY: the kernel fills at most `info`, in which all other addresses are 0.
        unsafe { sys::bpf(Command::InfoOfDescriptor, &attributes) }?;
        let field = |at: usize| info.get(at).copied().unwrap_or_default();
        Ok(Runs {
            runs: field(RUN_COUNT),
            missed: field(MISSES),
        })
    }

    /// By BPF_RAW_TRACEPOINT_OPEN, which also attaches what the program itself names.
    fn raw_tracepoint(&self, by_name: bool) -> Result<OwnedFd, Refusal> {
        let name = text(self.site.name());
        let attributes = Attributes::new().fd(8, &self.program);
        let attributes = if by_name {
            attributes.address(0, name.as_c_str())
        } else {
            attributes
        };
        // SAFETY: the name outlives the call.
        let fd = unsafe { sys::bpf_fd(Command::RawTracepointOpen, &attributes) };
        fd.map_err(Step::Attach(self.kind).failed())
    }

    fn tracepoint(&self) -> Result<OwnedFd, Refusal> {
        const TYPE_TRACEPOINT: u32 = 2;
        let name = match self.site {
            WatchSite::SysEnter => "raw_syscalls/sys_enter".into(),
            site => format!("syscalls/sys_enter_{}", site.name()),
        };
        let id = event_number(&name).map_err(Step::Tracefs.failed())?;
        let attributes = Attributes::new().u32(0, TYPE_TRACEPOINT).u64(8, id);
        self.event(attributes, EVERY_PROCESS)
    }

    /// A kprobe at a function's entry or return.
    fn kernel_probe(&self, at_return: bool) -> Result<OwnedFd, Refusal> {
        let name = text(&function(self.site));
        let pmu = pmu("kprobe")?;
        let attributes = Attributes::new()
            .u32(0, pmu)
            .u64(8, at_return.into())
            .address(56, name.as_c_str());
        self.event(attributes, EVERY_PROCESS)
    }

    /// A uprobe at the entry or return of a function of this program.
    fn user_probe(&self, at_return: bool) -> Result<OwnedFd, Refusal> {
        let offset = self.offset()?;
        let pmu = pmu("uprobe")?;
        let attributes = Attributes::new()
            .u32(0, pmu)
            .u64(8, at_return.into())
            .address(56, THIS_PROGRAM)
            .u64(64, offset);
        self.event(attributes, THIS_PROCESS)
    }

    /// One perf event, whose program runs on all CPUs.
    fn event(&self, attributes: Attributes, (pid, cpu): (i32, i32)) -> Result<OwnedFd, Refusal> {
        // sample_period and wakeup_events, as libbpf sets them.
        let attributes = attributes.u64(16, 1).u32(48, 1);
        // SAFETY: names in the attributes outlive this call, which is their only reader.
        let event = unsafe { sys::perf_event(&attributes, pid, cpu) };
        let event = event.map_err(Step::Event(self.kind).failed())?;
        sys::set_program(&event, &self.program).map_err(Step::Attach(self.kind).failed())?;
        Ok(event)
    }

    fn kernel_probes(&self, at_return: bool) -> Result<OwnedFd, Refusal> {
        let name = text(&function(self.site));
        let names = [name.as_ptr() as u64];
        let attributes = self
            .link(attach_type::KPROBE_MULTI)
            .u32(16, at_return.into())
            .u32(20, names.len() as u32)
            .address(24, &names);
        // SAFETY: the names outlive the call.
        unsafe { self.linked(&attributes) }
    }

    fn user_probes(&self, at_return: bool) -> Result<OwnedFd, Refusal> {
        let offsets = [self.offset()?];
        let attributes = self
            .link(attach_type::UPROBE_MULTI)
            .address(16, THIS_PROGRAM)
            .address(24, &offsets)
            .u32(48, offsets.len() as u32)
            .u32(52, at_return.into());
        // SAFETY: path and offsets outlive the call.
        unsafe { self.linked(&attributes) }
    }

    fn link(&self, attach: u32) -> Attributes {
        Attributes::new().fd(0, &self.program).u32(8, attach)
    }

    /// # Safety
    ///
    /// The addresses in the attributes must be valid.
    unsafe fn linked(&self, attributes: &Attributes) -> Result<OwnedFd, Refusal> {
        // SAFETY: the caller has promised it.
        let fd = unsafe { sys::bpf_fd(Command::LinkCreate, attributes) };
        fd.map_err(Step::Attach(self.kind).failed())
    }

    /// Where the site is in this program's file.
    fn offset(&self) -> Result<u64, Refusal> {
        let address = sites::function(self.site).map_or(0, sites::Function::address);
        sites::file_offset(address).map_err(Step::Maps.failed())
    }
}

/// A perf event's process and CPU.
const EVERY_PROCESS: (i32, i32) = (-1, 0);
const THIS_PROCESS: (i32, i32) = (0, -1);

/// The kernel follows it to this program's file.
const THIS_PROGRAM: &std::ffi::CStr = c"/proc/self/exe";

/// Names of this crate do not contain a zero.
fn text(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

/// The number of a tracepoint. tracefs has two usual places.
fn event_number(name: &str) -> io::Result<u64> {
    let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    let read = |place: &str| fs::read_to_string(format!("{place}/events/{name}/id"));
    let [first, second] = places.map(read);
    let number = first.or(second)?.trim().parse();
    number.map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The number of a perf event source.
fn pmu(name: &'static str) -> Result<u32, Refusal> {
    let path = format!("/sys/bus/event_source/devices/{name}/type");
    let number = fs::read_to_string(path).map_err(|_| Refusal::NoPmu { name })?;
    number.trim().parse().map_err(|_| Refusal::NoPmu { name })
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Loaded")
            .field(&self.program.as_raw_fd())
            .finish()
    }
}
