//! The functions that QEMU calls.

use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{self, BufWriter};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::marker::Marker;
use crate::qemu::{
    API_VERSION, Block, Id, Info, NO_REGISTERS, OnExecution, qemu_plugin_insn_data,
    qemu_plugin_insn_size, qemu_plugin_insn_vaddr, qemu_plugin_register_atexit_cb,
    qemu_plugin_register_vcpu_insn_exec_cb, qemu_plugin_register_vcpu_tb_trans_cb,
    qemu_plugin_tb_get_insn, qemu_plugin_tb_n_insns,
};
use crate::recorder::Recorder;

/// QEMU reads this before anything else: it refuses a plugin with a version that it does not
/// support, and says so.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU gave it its name")]
pub static qemu_plugin_version: c_int = API_VERSION;

static RECORDER: Mutex<Option<Recorder<BufWriter<File>>>> = Mutex::new(None);

/// The vCPU that is in an operation. Every instruction of a boot checks this; few get further.
static RECORDED_VCPU: AtomicU64 = AtomicU64::new(NOBODY);
const NOBODY: u64 = u64::MAX;

/// Called when the plugin is loaded. A value other than 0 ends QEMU.
///
/// # Safety
///
/// `info` points to a `qemu_info_t`, and `argv` to `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    info: *const Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: QEMU passes its own, which lives as long as it runs.
    let version = unsafe { (*info).version };
    let count = usize::try_from(argc).unwrap_or(0);
    let arguments = match count {
        0 => &[],
        // SAFETY: QEMU guarantees that many pointers.
        _ => unsafe { slice::from_raw_parts(argv, count) },
    };
    // SAFETY: each points to a string that ends with 0.
    let arguments = arguments
        .iter()
        .map(|text| unsafe { CStr::from_ptr(*text) });
    match install(id, version, arguments) {
        Ok(()) => 0,
        Err(reason) => {
            eprintln!("tollgate's trace plugin: {reason}");
            1
        }
    }
}

fn install<'a>(
    id: Id,
    version: c_int,
    arguments: impl Iterator<Item = &'a CStr>,
) -> Result<(), String> {
    if version != API_VERSION {
        return Err(format!(
            "this QEMU's plugin API has version {version}, but the plugin is written for version \
             {API_VERSION}: it is tested with QEMU 7.2, and with no other version"
        ));
    }
    let path = arguments
        .filter_map(|argument| argument.to_bytes().strip_prefix(b"out="))
        .last()
        .ok_or("it needs out=FILE")?;
    let path = Path::new(OsStr::from_bytes(path));
    let recorder = File::create(path)
        .and_then(|file| Recorder::new(BufWriter::new(file)))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    *lock() = Some(recorder);
    // SAFETY: QEMU gave the id; the callbacks have the signatures that it expects.
    unsafe {
        qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
        qemu_plugin_register_atexit_cb(id, on_exit, std::ptr::null_mut());
    }
    Ok(())
}

fn lock() -> MutexGuard<'static, Option<Recorder<BufWriter<File>>>> {
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a callback for each instruction of the block.
unsafe extern "C" fn on_translation(_: Id, block: *mut Block) {
    let mut recorder = lock();
    let Some(recorder) = recorder.as_mut() else {
        return;
    };
    // SAFETY: the block belongs to QEMU, and is valid during this call.
    for index in 0..unsafe { qemu_plugin_tb_n_insns(block) } {
        // SAFETY: the index is below the number of instructions.
        let instruction = unsafe { qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: the instruction is valid as long as its block, and so are its bytes.
        let (address, bytes) = unsafe {
            let bytes = qemu_plugin_insn_data(instruction).cast::<u8>();
            let size = qemu_plugin_insn_size(instruction);
            (
                qemu_plugin_insn_vaddr(instruction),
                slice::from_raw_parts(bytes, size),
            )
        };
        let callback: OnExecution = match Marker::of(bytes) {
            Some(_) => on_marker,
            None => on_instruction,
        };
        let number = recorder.number(address, bytes);
        // SAFETY: the instruction is valid; the callbacks use the number as a number.
        unsafe {
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction,
                callback,
                NO_REGISTERS,
                std::ptr::without_provenance_mut(number),
            );
        }
    }
}

unsafe extern "C" fn on_instruction(vcpu: c_uint, number: *mut c_void) {
    if RECORDED_VCPU.load(Ordering::Relaxed) != u64::from(vcpu) {
        return;
    }
    let goes_on = lock()
        .as_mut()
        .is_some_and(|recorder| recorder.execute(number.addr()));
    if !goes_on {
        RECORDED_VCPU.store(NOBODY, Ordering::Relaxed);
    }
}

unsafe extern "C" fn on_marker(vcpu: c_uint, number: *mut c_void) {
    let goes_on = write(|recorder| recorder.mark(number.addr()));
    let recorded = match goes_on {
        Some(true) => vcpu.into(),
        _ => NOBODY,
    };
    RECORDED_VCPU.store(recorded, Ordering::Relaxed);
}

unsafe extern "C" fn on_exit(_: Id, _: *mut c_void) {
    write(Recorder::finish);
}

/// After a failure nothing more is written, so a reader misses the file's last line.
fn write<T>(what: impl FnOnce(&mut Recorder<BufWriter<File>>) -> io::Result<T>) -> Option<T> {
    let mut recorder = lock();
    match what(recorder.as_mut()?) {
        Ok(done) => Some(done),
        Err(error) => {
            eprintln!("tollgate's trace plugin: cannot write: {error}");
            *recorder = None;
            None
        }
    }
}
