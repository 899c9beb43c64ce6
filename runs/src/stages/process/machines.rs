//! The machines of a merged run.

use std::collections::HashMap;

use eval::summary::Summary;
use eval::summary::fleet::{self, Fleet, Machine};
use eval::units::TscHz;

use crate::environment::{Environment, Side};
use crate::run::Manifest;

/// What the machines of a merged run gave; `None` if there is only one. `parts` are the manifests
/// of the merged runs.
pub fn fleet(manifest: &Manifest, parts: &[Manifest], summary: &Summary) -> Option<Fleet> {
    let merged = manifest.merged.as_ref()?;
    let mut machines: Vec<Machine> = Vec::new();
    let mut places = Vec::new();
    for (id, part) in merged.parts.iter().zip(parts) {
        let known = machines.iter().position(|known| known.id == id.machine);
        let place = known.unwrap_or(machines.len());
        match machines.get_mut(place) {
            Some(known) => known.fit &= part.doctor.fit,
            None => machines.push(machine(&id.machine, part)),
        }
        places.push(place);
    }
    let boots = manifest.plan.iter().zip(&merged.boots);
    let boots = boots.filter_map(|(planned, origin)| {
        let place = *places.get(origin.part)?;
        Some(((planned.target.as_str(), planned.boot), place))
    });
    let boots: HashMap<(&str, u32), usize> = boots.collect();
    fleet::fleet(summary, &machines, &|target, boot| {
        boots.get(&(target, boot)).copied()
    })
}

fn machine(id: &str, manifest: &Manifest) -> Machine {
    let fact = |facts: &std::collections::BTreeMap<String, String>, name: &str| {
        let known = facts.get(name).cloned();
        known.unwrap_or_else(|| format!("unknown {name}"))
    };
    let (cpu, software) = (&manifest.machine.cpu, &manifest.machine.software);
    let class = [
        fact(cpu, "model name"),
        format!("microcode {}", fact(cpu, "microcode")),
        format!("Linux {}", fact(software, "kernel.release")),
    ];
    let mut sides = Environment::of(manifest, None).sides;
    Machine {
        id: id.to_owned(),
        class: class.join(", "),
        fit: manifest.doctor.fit,
        hz: TscHz(manifest.machine.tsc.hz()),
        facts: sides.remove(&Side::Host).unwrap_or_default(),
    }
}
