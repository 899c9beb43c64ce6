//! Whether the method holds on a target, from what its boots found.

use eval::method_checks::{self, Evidence};
use eval::quads::RunQuad;
use eval::rounds::Round;
use eval::units::TscHz;
use eval::verdict::Finding;

use super::host_effects;
use crate::engine::EngineKind;
use crate::run::{BootRow, BootState, Guests, Manifest, TargetId};

/// The data for all checks of a run.
pub struct MethodChecks<'a> {
    manifest: &'a Manifest,
    boots: &'a [BootRow],
    rounds: &'a [Round],
    quads: &'a [RunQuad],
    guests: &'a Guests,
    host_chain: Option<u64>,
}

impl<'a> MethodChecks<'a> {
    /// The run's boots, their rounds, their checks of the slope, and what they reported about
    /// themselves.
    pub fn new(
        manifest: &'a Manifest,
        boots: &'a [BootRow],
        rounds: &'a [Round],
        quads: &'a [RunQuad],
        guests: &'a Guests,
    ) -> Self {
        let is_host = |round: &Round| {
            let host = manifest
                .targets
                .iter()
                .filter(|t| t.engine.name == EngineKind::Host);
            host.map(|t| &t.name).any(|name| *name == round.target)
        };
        let host: Vec<_> = rounds.iter().filter(|r| is_host(r)).cloned().collect();
        Self {
            manifest,
            boots,
            rounds,
            quads,
            guests,
            host_chain: method_checks::fastest_chain(&host),
        }
    }

    /// The findings on one target. An emulator has neither a clock nor fences to check.
    pub fn of(&self, target: &TargetId) -> Vec<Finding> {
        if target.engine.emulated {
            return Vec::new();
        }
        let boots = self.boots.iter().filter(|boot| boot.target == target.name);
        let boots: Vec<_> = boots.filter(|boot| boot.state == BootState::Ok).collect();
        let counters: Vec<_> = boots.iter().map(|boot| boot.facts.clone()).collect();
        let rounds = self.rounds.iter().filter(|r| r.target == target.name);
        let quads = self.quads.iter().filter(|q| q.target == target.name);
        let mut findings = method_checks::check(&Evidence {
            counters: &counters,
            rounds: &rounds.cloned().collect::<Vec<_>>(),
            host: TscHz(self.manifest.machine.tsc.hz()),
            host_chain: self.host_chain,
            quads: &quads.cloned().collect::<Vec<_>>(),
        });
        findings.extend(host_effects::page_faults(boots.into_iter()));
        if let Some(guest) = self.guests.targets.get(&target.name) {
            let of_host = &self.manifest.machine.vulnerabilities;
            findings.extend(host_effects::needless_mitigations(of_host, guest));
        }
        findings
    }
}
