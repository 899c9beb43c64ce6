//! What is planned for each machine.

use super::*;
use crate::core_files;
use crate::tune::seen::Seen;
use crate::tune::{TuneError, plan};

#[test]
fn a_frequency_of_ones_own() {
    let seen = Seen::read(&tree("intel-pstate-active"));
    let plan = |khz| {
        plan::plan(
            &seen,
            &Request {
                freq: Some(Khz(khz)),
                ..Request::default()
            },
        )
    };
    assert!(matches!(plan(5_000_000), Err(TuneError::OutOfRange { .. })));
    assert!(matches!(plan(799_999), Err(TuneError::OutOfRange { .. })));
    let slow = plan(900_000).unwrap();
    assert!(
        slow.writes
            .iter()
            .any(|write| write.new.as_deref() == Some("900000"))
    );
    // Turbo stays where the frequency needs it, and that is said.
    let fast = plan(4_000_000).unwrap();
    assert!(
        !fast
            .writes
            .iter()
            .any(|write| write.path == core_files::NO_TURBO)
    );
    assert!(
        fast.remarks
            .iter()
            .any(|remark| remark.incomplete && remark.text.contains("turbo range"))
    );
}

#[test]
fn a_cpu_that_is_not_online_is_refused_before_anything_is_touched() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let request = Request {
        cpus: vec![4],
        ..Request::default()
    };
    let refused = bench.start(&request).err().unwrap();
    assert!(
        refused.to_string().contains("the online CPUs are 0-3"),
        "{refused}"
    );
    assert!(bench.folder.header().unwrap().is_none());
}

#[test]
fn cpu_0_is_never_taken_offline() {
    let seen = Seen::read(&tree("intel-pstate-active"));
    let request = Request {
        cpus: vec![2],
        offline_siblings: true,
        ..Request::default()
    };
    let plan = plan::plan(&seen, &request).unwrap();
    assert!(
        !plan
            .writes
            .iter()
            .any(|write| write.path.ends_with("/online"))
    );
    assert!(
        plan.remarks
            .iter()
            .any(|remark| remark.incomplete && remark.text.contains("CPU 0"))
    );
}
