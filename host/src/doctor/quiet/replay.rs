//! Replays the recordings.

use std::fs;
use std::io::Read;
use std::time::Duration;

use eval::verdict::State;
use flate2::read::GzDecoder;
use vmm::probe::KvmKind;

use super::record::{FILE, folder};
use super::{Files, Recording};
use crate::core_clock::Hertz;
use crate::doctor::activity::{Activity, Snapshot};
use crate::doctor::calls::Calls;
use crate::doctor::calls::cost::{Batch, Burst, CallCost};
use crate::doctor::calls::record::Record;
use crate::doctor::calls::watchers::Watchers;
use crate::doctor::counter::{Counter, Processor, Skew};
use crate::doctor::host::Host;
use crate::doctor::{Facts, GuestEngine, Measurement, checks};
use crate::tree::laid_out;

/// So many are kept; 20 were wanted.
const RECORDINGS: usize = 16;

/// The checks that judge what other programs of this machine do, or what it does to itself. Checks
/// that are not here judge what the machine is, as `interrupts` does: nobody had moved its devices'
/// interrupts away, and some came. `noise` and `clock` have a test of their own.
const OF_OTHERS: [&str; 12] = [
    "tsc-synchronised",
    "tsc-frequency",
    "core-clock",
    "throttling",
    "smt",
    "services",
    "load",
    "control-group",
    "steal",
    "smi",
    "kernel-messages",
    "tracing",
];

fn recordings() -> Vec<Recording> {
    let mut text = String::new();
    let file = fs::File::open(folder().join(FILE)).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn cost(recording: &Recording) -> CallCost {
    let burst = |burst: &Vec<(u64, u64)>| -> Burst {
        burst
            .iter()
            .map(|&(calls, chains)| Batch { calls, chains })
            .collect()
    };
    let bursts: Vec<_> = recording.calls.iter().map(burst).collect();
    CallCost::of(&bursts).unwrap()
}

/// The kernel's counters, with this process in the place of the one that recorded.
fn snapshot(files: &Files, own: &str, cpu: usize) -> Snapshot {
    let own_path = format!("/proc/{}/stat", std::process::id());
    let all = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let all = all.chain([(own_path.as_str(), own)]);
    let all: Vec<_> = all
        .map(|(path, text)| (path.trim_start_matches('/'), text))
        .collect();
    let (_folder, tree) = laid_out(&all);
    Snapshot::take(&tree, &[cpu])
}

/// What a user would have had before the checks, with that earlier record of a call's cost.
fn facts(recording: &Recording, host: &Host, record: Record) -> Facts {
    let cpu = recording.noise.cpu;
    let before = snapshot(&recording.before, &recording.own[0], cpu);
    let mut after = snapshot(&recording.after, &recording.own[1], cpu);
    after.time = before.time + Duration::from_secs_f64(recording.seconds);
    let mut activity = Activity::between(&before, &after).unwrap();
    activity.messages = recording.messages.clone();
    let skew = |&(cpu, at_least, at_most): &(usize, i64, i64)| Skew {
        cpu,
        at_least,
        at_most,
    };
    let clock = recording.clock_hz.clone().map(Hertz);
    Facts {
        measurement: Measurement {
            cpus: vec![cpu],
            guests: GuestEngine::None,
            host: true,
            broken: vec![],
            unpinned: vec![],
        },
        kvm: KvmKind::NoDevice,
        processor: Processor {
            invariant_tsc: recording.invariant_tsc,
            hypervisor: recording.hypervisor.clone(),
            extension: None,
            kvm_features: recording.kvm_features,
        },
        counter: Counter {
            frequency: recording.frequency.clone(),
            claimed_hz: recording.claimed_hz,
            step_ticks: recording.step_ticks,
            skews: recording.skews.iter().map(skew).collect(),
        },
        host: host.clone(),
        activity: Some(activity),
        noise: vec![recording.noise.noise(recording.frequency.hz()).unwrap()],
        clocks: [(cpu, clock)].into(),
        calls: Calls {
            watchers: Watchers {
                switches: None,
                bpf: Err("Operation not permitted".into()),
                perf: vec![],
                sees_all: false,
                ours: vec![],
            },
            cost: Some(cost(recording)),
            record: Some(record),
            not_kept: None,
        },
        is_this_machine: true,
    }
}

/// Each recording, as its checks would have had it.
fn replayed() -> Vec<Facts> {
    let recordings = recordings();
    let machine = fs::read_to_string(folder().join("machine.json")).unwrap();
    let machine: Files = serde_json::from_str(&machine).unwrap();
    let machine: Vec<_> = machine
        .iter()
        .map(|(path, text)| (path.trim_start_matches('/'), text.as_str()))
        .collect();
    let (_folder, tree) = laid_out(&machine);
    // As the file that keeps it would have it: the smallest of all.
    let costs = recordings
        .iter()
        .map(|recording| (cost(recording), recording.at));
    let (cheapest, at) = costs
        .min_by(|(a, _), (b, _)| a.cheapest.0.total_cmp(&b.cheapest.0))
        .unwrap();
    let earlier = Record {
        cycles: cheapest.cheapest,
        at,
        nobody_watched: true,
    };
    let facts = recordings.iter().map(|recording| {
        let host = Host::read(&tree, &[recording.noise.cpu]);
        facts(recording, &host, earlier.clone())
    });
    facts.collect()
}

fn is_alarm(found: &checks::Found) -> bool {
    matches!(found.state, State::Warning | State::Unfit)
}

fn judge(name: &str, facts: &Facts) -> checks::Found {
    let check = checks::ALL.iter().find(|check| check.name == name).unwrap();
    (check.judge)(facts)
}

#[test]
fn no_alarm_about_others_in_any_quiet_recording() {
    let replayed = replayed();
    assert_eq!(replayed.len(), RECORDINGS);
    let mut alarms = Vec::new();
    for (number, facts) in replayed.iter().enumerate() {
        for name in OF_OTHERS {
            let found = judge(name, facts);
            if is_alarm(&found) {
                alarms.push(format!("{number} {name}: {}", found.what));
            }
        }
    }
    assert!(
        alarms.is_empty(),
        "{} alarms:\n{}",
        alarms.len(),
        alarms.join("\n")
    );
}

/// The machine of these recordings is quiet within: below it, a hypervisor takes time and shares
/// the core. Both checks say so, and blame no thread of this machine for it.
#[test]
fn what_is_taken_below_a_quiet_machine_is_not_put_down_to_its_threads() {
    for facts in replayed() {
        let watched = &facts.noise[0];
        let by_threads = watched.preempted.unwrap() as f64 / watched.gaps as f64;
        assert!(by_threads < 0.05, "{watched:?}");
        let noise = judge("noise", &facts);
        if is_alarm(&noise) {
            assert!(
                noise.what.contains("not counted by the kernel"),
                "{noise:?}"
            );
        }
    }
}

/// The same recordings with a neighbour that takes every other slice of the measuring CPU: 3 ms, as
/// Linux's scheduler gives.
#[test]
fn a_neighbour_in_a_quiet_recording_is_an_alarm_each_time() {
    for mut facts in replayed() {
        let noise = &mut facts.noise[0];
        let slices = (noise.watched_ns / 6e6) as u64;
        noise.lost_ns += slices as f64 * 3e6;
        noise.gaps += slices;
        noise.preempted = Some(slices);
        let found = judge("noise", &facts);
        assert_eq!(found.state, State::Unfit, "{found:?}");
        assert!(found.what.contains("other threads"), "{found:?}");
    }
}
