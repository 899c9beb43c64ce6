//! `tollgate boot`: real boots, and every way to end.
//!
//! They need what `make kernels initramfs` builds, and are run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Answer, Sandbox, built};

fn boot(sandbox: &Sandbox, image: &Path, more: &[&str]) -> Answer {
    sandbox.tollgate(&[&["boot", image.to_str().unwrap()], more].concat())
}

fn boot_ring0(sandbox: &Sandbox, program: &Path) -> Answer {
    boot(
        sandbox,
        &built("build/ring0"),
        &["--initrd", program.to_str().unwrap()],
    )
}

/// A copy of ring0 that only speaks Multiboot, which QEMU boots on a PC.
fn multiboot_only(sandbox: &Sandbox) -> PathBuf {
    const NOTE_NAME: &[u8] = b"Xen\0";
    let mut image = fs::read(built("build/ring0")).unwrap();
    let at = image.windows(4).position(|w| w == NOTE_NAME).unwrap();
    image[at..at + 3].copy_from_slice(b"Nex");
    sandbox.write("multiboot", image)
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn linux_runs_the_benchmark_by_both_images() {
    let sandbox = Sandbox::new();
    let initramfs = built("build/initramfs.cpio.gz");
    for image in ["build/linux/bzImage", "build/linux/vmlinux"] {
        let initrd = initramfs.to_str().unwrap();
        let append = "console=ttyS0 quiet -- rounds=1 samples=2";
        let boot = boot(
            &sandbox,
            &built(image),
            &["--initrd", initrd, "--append", append],
        );
        boot.refused(0, &["exited with status 0"]);
        assert!(
            boot.stdout.contains("meta\tsyscall_500\tnoop"),
            "{}",
            boot.stdout
        );
        assert!(boot.stdout.contains("\nend\t"), "{}", boot.stdout);
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn the_console_is_the_guests_alone() {
    let sandbox = Sandbox::new();
    let boot = boot(
        &sandbox,
        &built("build/ring0"),
        &[
            "--initrd",
            built("build/guest-bench").to_str().unwrap(),
            "--append",
            "-- rounds=1",
        ],
    );
    boot.succeeded();
    assert!(boot.stdout.starts_with("--- 8< ---"), "{}", boot.stdout);
    sandbox.write("log", &boot.stdout);
    sandbox.tollgate(&["stats", "log"]).succeeded();
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn the_guests_status_is_passed_on() {
    let sandbox = Sandbox::new();
    for (status, code) in [(0, 0), (1, 1), (42, 42), (63, 63), (100, 63)] {
        let program = sandbox.guest(&format!("EXIT={status}"));
        let words = format!("exited with status {status}");
        boot_ring0(&sandbox, &program).refused(code, &[&words]);
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_linux_whose_init_exits_panics_and_only_zero_is_success() {
    let sandbox = Sandbox::new();
    for (status, code, words) in [
        (0, 0, "exitcode=0x00000000"),
        (3, 80, "exitcode=0x00000300"),
    ] {
        let init = sandbox.guest(&format!("EXIT={status}"));
        let archive = sandbox.path("archive");
        let archive = archive.to_str().unwrap();
        sandbox
            .tollgate(&["initramfs", init.to_str().unwrap(), "-o", archive])
            .succeeded();
        let image = built("build/linux/bzImage");
        boot(&sandbox, &image, &["--initrd", archive]).refused(code, &["panicked", words]);
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_reboot_of_linux_is_not_a_triple_fault() {
    let sandbox = Sandbox::new();
    let init = sandbox.guest("REBOOT");
    let archive = sandbox.path("archive");
    let archive = archive.to_str().unwrap();
    sandbox
        .tollgate(&["initramfs", init.to_str().unwrap(), "-o", archive])
        .succeeded();
    for image in ["build/linux/bzImage", "build/linux/vmlinux"] {
        boot(&sandbox, &built(image), &["--initrd", archive]).refused(82, &["rebooted"]);
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn every_compression_boots() {
    let sandbox = Sandbox::new();
    let bench = built("build/guest-bench");
    for compression in ["none", "gzip", "zstd"] {
        let archive = sandbox.path(compression);
        let archive = archive.to_str().unwrap();
        let make = ["initramfs", bench.to_str().unwrap(), "-o", archive];
        sandbox
            .tollgate(&[&make[..], &["--compression", compression]].concat())
            .succeeded();
        let append = ["--append", "console=ttyS0 quiet -- rounds=1 samples=1"];
        let image = built("build/linux/bzImage");
        boot(
            &sandbox,
            &image,
            &[&["--initrd", archive][..], &append].concat(),
        )
        .succeeded();
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_hanging_guest_is_killed() {
    let sandbox = Sandbox::new();
    let hang = sandbox.guest("HANG");
    let more = ["--initrd", hang.to_str().unwrap(), "--timeout", "1"];
    boot(&sandbox, &built("build/ring0"), &more).refused(124, &["killed at its timeout"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_triple_fault_is_neither_a_reset_nor_a_power_off() {
    let sandbox = Sandbox::new();
    let image = multiboot_only(&sandbox);
    for (define, code, words) in [
        ("TRIPLE_FAULT", 81, "triple fault"),
        ("RESET", 82, "rebooted"),
        ("POWER_OFF", 0, "powered off"),
    ] {
        let program = sandbox.guest(define);
        let more = ["--initrd", program.to_str().unwrap()];
        boot(&sandbox, &image, &more).refused(code, &[words]);
    }
}

/// By PVH on a microvm, and by Multiboot on a PC.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn unikrafts_status_41_is_a_power_off() {
    let sandbox = Sandbox::new();
    for image in [built("build/ring0"), multiboot_only(&sandbox)] {
        for (define, code, words) in [
            ("UNIKRAFT_OFF", 0, "powered off"),
            ("EXIT_501=41", 0, "powered off"),
            ("EXIT_501=42", 42, "exited with status 42"),
            ("EXIT_501=0", 0, "exited with status 0"),
            ("EXIT_F4=41", 41, "exited with status 41"),
        ] {
            let program = sandbox.guest(define);
            let more = ["--initrd", program.to_str().unwrap()];
            boot(&sandbox, &image, &more).refused(code, &[words]);
        }
    }
}

/// It passes every word to the program, and the documented way works on it as on ring0,
/// which cuts at `--`.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn options_work_with_images_that_cut_the_command_line_at_dashes() {
    let sandbox = Sandbox::new();
    let bench = built("build/guest-bench");
    for image in ["build/unikraft-like", "build/ring0"] {
        let image = built(image);
        for (words, end) in [
            ("unikraft -- rounds=1 samples=1", "\nend\t"),
            ("-- rounds=1 samples=1", "\nend\t"),
            (
                "unikraft -- round=1",
                "error\tround=1: there is no such option",
            ),
        ] {
            let initrd = bench.to_str().unwrap();
            let boot = boot(&sandbox, &image, &["--initrd", initrd, "--append", words]);
            assert!(boot.stdout.contains(end), "{words}: {}", boot.stdout);
        }
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn files_that_are_not_images_are_refused() {
    let sandbox = Sandbox::new();
    let linux = fs::read(built("build/linux/bzImage")).unwrap();
    let ring0 = fs::read(built("build/ring0")).unwrap();
    for (name, content) in [
        (
            "text",
            &b"this is not a kernel, but long enough to look at"[..],
        ),
        ("cut-linux", &linux[..linux.len() / 2]),
        ("cut-ring0", &ring0[..ring0.len() / 2]),
    ] {
        let image = sandbox.write(name, content);
        boot(&sandbox, &image, &[]).refused(65, &[name]);
    }
    let empty = sandbox.write("empty", "");
    boot(&sandbox, &empty, &[]).refused(66, &["empty"]);
    boot(&sandbox, &sandbox.path(""), &[]).refused(66, &["not a regular file"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn the_guest_refuses_a_damaged_program() {
    let sandbox = Sandbox::new();
    let bench = fs::read(built("build/guest-bench")).unwrap();
    let cut = sandbox.write("cut", &bench[..1000]);
    let boot = boot_ring0(&sandbox, &cut);
    assert_eq!(boot.code, 63, "{}", boot.stderr);
    assert!(boot.stdout.contains("ring0: "), "{}", boot.stdout);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn qemus_own_errors_are_shown() {
    let sandbox = Sandbox::new();
    let hang = sandbox.guest("HANG");
    let more = ["--initrd", hang.to_str().unwrap(), "--memory", "1048576"];
    let boot = boot(&sandbox, &built("build/ring0"), &more);
    boot.refused(83, &["qemu-system-x86_64", "its error output: "]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_missing_or_unusable_initrd_is_reported() {
    let sandbox = Sandbox::new();
    let image = built("build/linux/bzImage");
    boot(&sandbox, &image, &["--initrd", "gone"]).refused(66, &["gone"]);
    let archive = fs::read(built("build/initramfs.cpio.gz")).unwrap();
    let noise: Vec<u8> = (0..5000u32).map(|i| (i * i % 251) as u8).collect();
    for (name, content) in [("cut", &archive[..archive.len() / 2]), ("noise", &noise)] {
        let initrd = sandbox.write(name, content);
        let boot = boot(&sandbox, &image, &["--initrd", initrd.to_str().unwrap()]);
        boot.refused(80, &["panicked: No working init found"]);
    }
}
