//! How a user gets permission to open /dev/kvm.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::geteuid;

/// The properties of a device that decide who may open it.
struct Access {
    group: u32,
    mode: u32,
}

/// What to do if /dev/kvm cannot be opened for lack of permission: a command, and other advice.
pub fn fix() -> String {
    let access = fs::metadata("/dev/kvm").ok().map(|metadata| Access {
        group: metadata.gid(),
        mode: metadata.mode(),
    });
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    advice(access.as_ref(), &groups, geteuid().is_root())
}

fn advice(access: Option<&Access>, groups: &str, is_root: bool) -> String {
    if is_root {
        return "not even root may open it here: start the container with the device \
                (docker run --device /dev/kvm)"
            .into();
    }
    let shared = access.filter(|access| access.mode & 0o060 == 0o060);
    // Root's group has more than this device, so nobody should join it for that.
    let group = shared.and_then(|access| match access.group {
        0 => None,
        id => name_of(id, groups),
    });
    match group {
        Some(group) => format!("sudo usermod -aG {group} $USER, then log in again"),
        None => "sudo setfacl -m u:$USER:rw /dev/kvm (until the next reboot; permanently: a udev \
                 rule with KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\", and join that group)"
            .into(),
    }
}

/// The name of a group in /etc/group.
fn name_of(id: u32, groups: &str) -> Option<&str> {
    let id = id.to_string();
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\nkvm:x:104:somebody\n";

    fn of(group: u32, mode: u32) -> String {
        let access = Access {
            group,
            mode: 0o020_000 | mode,
        };
        advice(Some(&access), GROUPS, false)
    }

    #[test]
    fn a_group_with_access_is_suggested() {
        assert_eq!(
            of(104, 0o660),
            "sudo usermod -aG kvm $USER, then log in again"
        );
    }

    #[test]
    fn groups_without_access_are_not_suggested() {
        for (group, mode) in [
            // Root's, whatever it may do.
            (0, 0o600),
            (0, 0o660),
            // A group that may not open it, or not for reading and writing.
            (104, 0o600),
            (104, 0o640),
            // A group without a name.
            (998, 0o660),
        ] {
            let advice = of(group, mode);
            assert!(advice.starts_with("sudo setfacl"), "{advice}");
            assert!(advice.contains("udev"), "{advice}");
            assert!(!advice.contains("usermod"), "{advice}");
        }
        assert!(!advice(None, GROUPS, false).contains("usermod"));
    }

    #[test]
    fn root_is_not_told_to_join_a_group() {
        let access = Access {
            group: 0,
            mode: 0o600,
        };
        let advice = advice(Some(&access), GROUPS, true);
        assert!(advice.contains("container"), "{advice}");
    }
}
