//! What a host did to its guest: page faults during the measurement, and mitigations that the
//! guest pays for although the host's CPU does not need them.

use std::collections::BTreeMap;

use eval::verdict::{Finding, State};

use crate::run::{BootRow, Guest};

const NOT_AFFECTED: &str = "Not affected";
const SPECTRE_V2: &str = "spectre_v2";

/// The bits by which a CPU says that it does not have a vulnerability: of
/// IA32_ARCH_CAPABILITIES (Intel SDM vol. 4), or of CPUID 0x80000021 (AMD).
const BITS: [(&str, &str); 10] = [
    ("gather_data_sampling", "GDS_NO"),
    ("indirect_target_selection", "ITS_NO"),
    ("itlb_multihit", "IF_PSCHANGE_MC_NO"),
    ("l1tf", "RDCL_NO"),
    ("mds", "MDS_NO"),
    ("meltdown", "RDCL_NO"),
    ("reg_file_data_sampling", "RFDS_NO"),
    ("spec_rstack_overflow", "SRSO_NO"),
    ("tsa", "TSA_SQ_NO and TSA_L1_NO"),
    ("tsx_async_abort", "TAA_NO"),
];

/// Whether KVM handled page faults of guests during the measurement. `None` if no boot reports
/// it.
pub fn page_faults<'a>(boots: impl Iterator<Item = &'a BootRow>) -> Option<Finding> {
    let counts: Vec<_> = boots.filter_map(|boot| boot.kvm_page_faults).collect();
    let most = *counts.iter().max()?;
    let disturbed = counts.iter().filter(|count| **count > 0).count();
    let (state, what) = match most {
        0 => (
            State::Ok,
            "KVM did not handle page faults while boots measured".into(),
        ),
        _ => (
            State::Warning,
            format!(
                "KVM handled page faults while {disturbed} of {} boots measured, up to {most} in \
                 one: guests touched memory for the first time, or the host had unmapped pages, \
                 as NUMA balancing, same-page merging (KSM) and khugepaged do",
                counts.len()
            ),
        ),
    };
    Some(Finding::new("page-faults", state, what))
}

/// One finding for each vulnerability that the host's CPU does not have but the guest believes
/// its own to have.
pub fn needless_mitigations(host: &BTreeMap<String, String>, guest: &Guest) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, of_host) in host {
        let Some(of_guest) = guest.same.get(&format!("vulnerability.{name}")) else {
            continue;
        };
        let is_needless = match &**of_host {
            NOT_AFFECTED => of_guest != NOT_AFFECTED,
            _ => name == SPECTRE_V2 && has_ibrs_all(of_host) && replaces_branches(of_guest),
        };
        if is_needless {
            found.push(needless(name, of_host, of_guest));
        }
    }
    found
}

/// IBRS_ALL, or AMD's automatic IBRS: indirect branches are safe without more.
fn has_ibrs_all(spectre_v2: &str) -> bool {
    spectre_v2.starts_with("Mitigation: Enhanced")
}

fn replaces_branches(spectre_v2: &str) -> bool {
    spectre_v2.starts_with("Mitigation:") && !has_ibrs_all(spectre_v2)
}

fn needless(name: &str, of_host: &str, of_guest: &str) -> Finding {
    let bits = match name {
        SPECTRE_V2 => Some("IBRS_ALL"),
        _ => BITS
            .iter()
            .find(|(of, _)| *of == name)
            .map(|(_, bits)| *bits),
    };
    let lacks = bits.map(|bits| format!(" (its CPU does not have {bits})"));
    let what = format!(
        "{name}: the host has “{of_host}” and the guest “{of_guest}”{}: the guest may pay for a \
         mitigation that its CPU does not need",
        lacks.unwrap_or_default()
    );
    Finding::new("needless-mitigation", State::Warning, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(facts: &[(&str, &str)]) -> BTreeMap<String, String> {
        let facts = facts.iter();
        facts.map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    fn found(host: &[(&str, &str)], guest: &[(&str, &str)]) -> Vec<String> {
        let guest = Guest {
            same: facts(guest),
            ..Guest::default()
        };
        let found = needless_mitigations(&facts(host), &guest);
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_mitigation_that_the_host_does_not_need_is_named_with_its_bit() {
        let host = [
            ("mds", "Not affected"),
            ("meltdown", "Not affected"),
            ("spec_store_bypass", "Vulnerable"),
        ];
        let guest = [
            ("vulnerability.mds", "Not affected"),
            ("vulnerability.meltdown", "Mitigation: PTI"),
            ("vulnerability.spec_store_bypass", "Vulnerable"),
            ("vulnerability.unknown_to_the_host", "Mitigation: all"),
        ];
        assert_eq!(
            found(&host, &guest),
            [
                "meltdown: the host has “Not affected” and the guest “Mitigation: PTI” (its CPU \
              does not have RDCL_NO): the guest may pay for a mitigation that its CPU does not need"
            ]
        );
        assert!(found(&host, &[]).is_empty());
    }

    #[test]
    fn a_guest_that_replaces_branches_on_a_host_with_ibrs_all_pays() {
        let enhanced = "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional";
        let guest = |says| [("vulnerability.spectre_v2", says)];
        let host = [("spectre_v2", enhanced)];
        assert!(found(&host, &guest(enhanced)).is_empty());
        assert!(found(&host, &guest("Vulnerable; IBPB: disabled")).is_empty());
        let said = found(&host, &guest("Mitigation: Retpolines; IBPB: conditional"));
        assert!(said[0].contains("does not have IBRS_ALL"), "{said:?}");
        let retpolines = [("spectre_v2", "Mitigation: Retpolines")];
        assert!(found(&retpolines, &guest("Mitigation: Retpolines")).is_empty());
    }

    #[test]
    fn page_faults_are_a_warning_with_the_worst_boot() {
        let boot = |kvm_page_faults| BootRow {
            kvm_page_faults,
            ..BootRow::not_run("linux", 0, 0)
        };
        let found = |counts: &[Option<u64>]| {
            let boots: Vec<_> = counts.iter().copied().map(boot).collect();
            page_faults(boots.iter())
        };
        assert_eq!(found(&[None]), None);
        assert_eq!(found(&[]), None);
        let quiet = found(&[Some(0), Some(0), None]).unwrap();
        assert_eq!(quiet.state, State::Ok);
        let disturbed = found(&[Some(0), Some(7), Some(2), None]).unwrap();
        assert_eq!(disturbed.state, State::Warning);
        let figures = "while 2 of 3 boots measured, up to 7 in one";
        assert!(disturbed.what.contains(figures), "{}", disturbed.what);
    }
}
