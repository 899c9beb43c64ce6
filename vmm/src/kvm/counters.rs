//! KVM's own counters of each vCPU. They include exits that KVM handles itself and that the VMM
//! never sees. Source: Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;

use kvm_bindings::KVMIO;
use kvm_ioctls::VcpuFd;
use vmm_sys_util::ioctl::{_IOC_NONE, ioctl, ioctl_expr};

const KVM_GET_STATS_FD: libc::c_ulong = ioctl_expr(_IOC_NONE, KVMIO, 0xce, 0);
/// Larger than any kernel's descriptions and values.
const MOST_BYTES: usize = 64 << 10;
/// `flags` of a number that only grows, without a unit; the rest is its base.
const KIND: u32 = 0xff;
const PLAIN_COUNT: u32 = 0;

/// A count by its name.
pub type Counts = BTreeMap<String, u64>;

/// The counters of all vCPUs of a guest.
#[derive(Debug)]
pub struct Counters(Vec<File>);

impl Counters {
    /// The counters in these files, one file per vCPU that has one.
    pub fn of(files: Vec<File>) -> Self {
        Self(files)
    }

    /// The current counts, added up over all vCPUs; empty without counters.
    pub fn read(&self) -> Option<Counts> {
        let mut total: Option<Counts> = None;
        for file in &self.0 {
            for (name, count) in read(file)? {
                *total.get_or_insert_default().entry(name).or_default() += count;
            }
        }
        total
    }
}

/// Opens a vCPU's counters, which do not exist before Linux 5.14.
pub fn open(vcpu: &VcpuFd) -> Option<File> {
    // SAFETY: the request takes no argument and does not access our memory.
    let fd = unsafe { ioctl(vcpu, KVM_GET_STATS_FD) };
    // SAFETY: the descriptor is new, and nothing else owns it.
    (fd >= 0).then(|| unsafe { File::from_raw_fd(fd) })
}

fn read(file: &File) -> Option<Counts> {
    let mut bytes = vec![0; MOST_BYTES];
    let length = file.read_at(&mut bytes, 0).ok()?;
    bytes.truncate(length);
    parse(&bytes)
}

/// A header of six 32-bit numbers, a block of descriptors, each with its name, and a
/// block of values.
fn parse(bytes: &[u8]) -> Option<Counts> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (name_size, descriptors) = (word(4)? as usize, word(8)? as usize);
    let (first, values) = (word(16)? as usize, word(20)? as usize);
    let mut counts = Counts::new();
    for index in 0..descriptors {
        let at = first + index * (16 + name_size);
        let name = bytes.get(at + 16..at + 16 + name_size)?;
        if word(at)? & KIND != PLAIN_COUNT {
            continue;
        }
        let value = bytes.get(values + word(at + 8)? as usize..)?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        counts.insert(name, u64::from_le_bytes(*value.first_chunk()?));
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(flags: u32, offset: u32, name: &[u8; 8]) -> Vec<u8> {
        let words = [flags, 1 << 16, offset, 0];
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        words.chain(*name).collect()
    }

    #[test]
    fn plain_counts_are_read_by_name() {
        let header = [0u32, 8, 3, 24, 24, 24 + 3 * 24];
        let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(descriptor(0x000, 8, b"exits\0\0\0"));
        bytes.extend(descriptor(0x020, 0, b"wait_ns\0"));
        bytes.extend(descriptor(0x001, 0, b"blocking"));
        bytes.extend([7u64, 42].iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(parse(&bytes), Some(Counts::from([("exits".into(), 42)])));
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), None, "{cut}");
        }
    }
}
