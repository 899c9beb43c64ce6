//! Every way in which a guest ends, with tiny guests on the machine's own KVM.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod run;
mod tiny;

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use run::{run, run_with, spec};
use vmm::End;
use vmm::kvm::{Io, KvmOptions, boot};

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn statuses_come_through_both_debug_exit_ports() {
    for status in [0, 1, 42] {
        let run = run(&tiny::exit(status));
        assert_eq!(
            *run.end(),
            End::Exited {
                status: status.into()
            }
        );
    }
    assert_eq!(
        *run(&tiny::out(0x501, 42)).end(),
        End::Exited { status: 42 }
    );
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_port_of_the_users_choice_exits_too() {
    let options = KvmOptions {
        debug_exit_ports: vec![0x10],
        ..Default::default()
    };
    let run = run_with(&tiny::out(0x10, 7), &options, |_| {});
    assert_eq!(*run.end(), End::Exited { status: 7 });
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn power_off_and_reset_are_different_ends() {
    assert_eq!(*run(&tiny::out16(0x604, 0x2000)).end(), End::PoweredOff);
    assert_eq!(*run(&tiny::out(0x64, 0xfe)).end(), End::Rebooted);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn unikrafts_end_is_a_power_off() {
    let code = [
        tiny::out16(0x604, 0x2000),
        tiny::out16(0x501, 41),
        tiny::halt(),
    ]
    .concat();
    assert_eq!(*run(&code).end(), End::PoweredOff);
    assert_eq!(*run(&tiny::out(0x501, 41)).end(), End::PoweredOff);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_hang_ends_when_its_time_is_up() {
    let begin = Instant::now();
    let timeout = Duration::from_millis(2500);
    let run = run_with(&tiny::hang(), &KvmOptions::default(), |spec| {
        spec.timeout = timeout;
    });
    assert_eq!(*run.end(), End::TimedOut);
    assert!(begin.elapsed() >= timeout && begin.elapsed() < timeout * 2);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_halted_guest_with_interrupts_off_has_ended() {
    for cpus in [1, 2] {
        let run = run_with(&tiny::halt(), &KvmOptions::default(), |spec| {
            spec.cpus = cpus;
        });
        assert_eq!(*run.end(), End::Halted, "{cpus} vCPUs");
        assert!(run.report.diagnosis.is_some());
    }
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_halted_guest_with_interrupts_on_continues() {
    let run = run_with(&tiny::wait(), &KvmOptions::default(), |spec| {
        spec.timeout = Duration::from_millis(3500);
    });
    assert_eq!(*run.end(), End::TimedOut);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn the_user_can_stop_a_guest() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    fs::write(&kernel, tiny::vmlinux(&tiny::hang())).unwrap();
    let io = Io {
        console: &mut |_| {},
        input: None,
        stop: &AtomicBool::new(true),
    };
    let report = boot(&spec(kernel), &KvmOptions::default(), io);
    assert_eq!(report.outcome.end, End::Interrupted);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn the_console_arrives_whole_and_once() {
    let code = [tiny::print("to\rll\ngate"), tiny::exit(0)].concat();
    let run = run(&code);
    assert_eq!(run.heard, b"to\rll\ngate");
    assert_eq!(run.report.outcome.console, run.heard);
    let timings = &run.report.outcome.timings;
    assert!(timings.guest_started.is_some() && timings.guest_started < timings.first_byte);
    assert!(timings.first_byte < Some(timings.ended));
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn linux_panics_are_read_from_the_console() {
    let words = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
    let stays = format!("{words}\n---[ end {words} ]---\n");
    let reboots = format!("{words}\n");
    for code in [
        [tiny::print(&stays), tiny::hang()].concat(),
        [tiny::print(&reboots), tiny::out(0x64, 0xfe)].concat(),
    ] {
        let run = run(&code);
        assert!(
            matches!(
                run.end(),
                End::Panicked {
                    exitcode: Some(0x100),
                    ..
                }
            ),
            "{:?}",
            run.end()
        );
    }
    assert!(matches!(
        run(&tiny::out(0x505, 1)).end(),
        End::Panicked { .. }
    ));
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_console_flood_is_bounded() {
    let options = KvmOptions {
        console_limit: 5000,
        ..Default::default()
    };
    let run = run_with(&tiny::flood(b'x'), &options, |_| {});
    assert!(matches!(run.end(), End::EngineFailed { reason } if reason.contains("console")));
    assert_eq!(run.heard.len(), 5000);
    assert!(run.report.diagnosis.is_some());
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn unknown_ports_are_answered_and_counted() {
    let code = [tiny::out(0x1234, 1), tiny::exit_with_port(0x4321)].concat();
    let run = run(&code);
    assert_eq!(*run.end(), End::Exited { status: 0xff });
    let stats = run.report.stats;
    assert_eq!(Vec::from_iter(stats.unknown_ports), [0x1234, 0x4321]);
    assert_eq!(stats.ports[&0x1234], 1);
    assert_eq!(stats.exits["port read"], 1);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn the_benchmarks_start_is_noted() {
    let run = run(&[tiny::out(0x5a0, 0), tiny::exit(0)].concat());
    let stats = run.report.stats;
    assert!(stats.vm_created < stats.benchmark_started);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn exits_count_as_disturbances_from_the_mark_to_the_next_output() {
    let code = [
        tiny::out(0x80, 0),
        tiny::out(0x5a0, 0),
        tiny::out(0x80, 0),
        tiny::out(0x80, 0),
        tiny::print("x\n"),
        tiny::out(0x80, 0),
        tiny::exit(0),
    ]
    .concat();
    let exits = run(&code).report.outcome.exits.unwrap();
    assert_eq!(exits.boot["port write"], 8);
    assert_eq!(exits.measuring.unwrap()["port write"], 2);
    // With the console's first byte; empty before Linux 5.14.
    if let Some(counted) = exits.measuring_in_kvm {
        assert!(counted["exits"] >= 3, "{counted:?}");
    }
    let unmarked = run(&tiny::exit(0)).report.outcome.exits.unwrap();
    assert_eq!(unmarked.measuring, None);
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn the_cmos_clock_is_never_updating() {
    let code = [tiny::out(0x70, 0x0a), tiny::exit_with_port(0x71)].concat();
    assert_eq!(*run(&code).end(), End::Exited { status: 0x26 });
}

/// A word written to the serial port is a byte for the console and one for another register.
#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn the_second_byte_of_a_16_bit_write_is_not_on_the_console() {
    let code = [tiny::out16(0x3f8, u16::from(b'x')), tiny::exit(0)].concat();
    assert_eq!(run(&code).heard, b"x");
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn string_instructions_read_each_byte_from_the_device() {
    let code = [
        WAIT_FOR_INPUT.to_vec(),
        tiny::read_string(0x3f8, 2),
        tiny::out_last_read(0xf4),
    ]
    .concat();
    assert_eq!(
        exit_with_input(&code, "kl"),
        End::Exited {
            status: b'l'.into()
        }
    );
}

/// Until the line status says "data ready".
const WAIT_FOR_INPUT: [u8; 9] = [0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb];

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn typed_input_reaches_the_guest() {
    let code = [WAIT_FOR_INPUT.to_vec(), tiny::exit_with_port(0x3f8)].concat();
    assert_eq!(
        exit_with_input(&code, "k"),
        End::Exited {
            status: b'k'.into()
        }
    );
}

fn exit_with_input(code: &[u8], input: &str) -> End {
    let folder = tempfile::tempdir().unwrap();
    let (kernel, file) = (folder.path().join("kernel"), folder.path().join("input"));
    fs::write(&kernel, tiny::vmlinux(code)).unwrap();
    fs::write(&file, input).unwrap();
    let input = fs::File::open(file).unwrap();
    let io = Io {
        console: &mut |_| {},
        input: Some(std::os::fd::AsFd::as_fd(&input)),
        stop: &AtomicBool::new(false),
    };
    boot(&spec(kernel), &KvmOptions::default(), io).outcome.end
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn random_guest_code_always_ends() {
    // Not random, so that a failure can be reproduced.
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for _ in 0..60 {
        let code: Vec<u8> = (0..64).map(|_| noise()).collect();
        run_with(&code, &KvmOptions::default(), |spec| {
            spec.timeout = Duration::from_millis(50);
        });
    }
}
