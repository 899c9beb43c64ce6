//! Power supplies, power limits, and throttling because of heat.

use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";

/// Power, limits and heat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Power {
    /// Whether the machine has a battery; `None` if the kernel does not list power supplies.
    pub has_battery: Option<bool>,
    /// Whether external power is connected; `None` if the kernel does not list such a supply.
    pub on_mains: Option<bool>,
    /// The limits of the packages' power.
    pub limits: Vec<PowerLimit>,
    /// The hottest sensor of the processor.
    pub heat: Option<Heat>,
}

/// A limit of a package's power (Linux, Documentation/power/powercap/powercap.rst).
#[derive(Clone, Debug, PartialEq)]
pub struct PowerLimit {
    /// The package: `package-0`.
    pub zone: String,
    /// `long_term` or `short_term`.
    pub name: String,
    /// The limit, in microwatts.
    pub limit_uw: u64,
    /// The limit of the processor's maker, in microwatts, if the kernel shows it.
    pub most_uw: Option<u64>,
}

impl PowerLimit {
    /// Whether it is below the maker's limit. For the long-term limit, the kernel shows the
    /// thermal design power as the highest; for the others, the most that the package could ever
    /// draw, which no firmware sets (get_pl_prim in intel_rapl_common.c).
    pub fn is_lowered(&self) -> bool {
        self.name == "long_term" && self.most_uw.is_some_and(|most| self.limit_uw < most)
    }
}

/// A sensor of the processor, in degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heat {
    /// Its temperature.
    pub celsius: f64,
    /// From where on the processor protects itself, where that is shown.
    pub critical: Option<f64>,
}

impl Power {
    /// Reads it.
    pub fn read(tree: &Tree) -> Self {
        let (has_battery, on_mains) = supplies(tree);
        Self {
            has_battery,
            on_mains,
            limits: limits(tree),
            heat: heat(tree),
        }
    }
}

/// Linux, Documentation/ABI/testing/sysfs-class-power. Batteries of mice and the like have the
/// scope `Device`.
fn supplies(tree: &Tree) -> (Option<bool>, Option<bool>) {
    const FOLDER: &str = "/sys/class/power_supply";
    if !tree.place(FOLDER).is_dir() {
        return (None, None);
    }
    let (mut has_battery, mut on_mains) = (false, None);
    for name in tree.names(FOLDER) {
        let file = |file: &str| tree.text(&format!("{FOLDER}/{name}/{file}"));
        if file("scope").as_deref() == Some("Device") {
            continue;
        }
        match file("type").as_deref() {
            Some("Battery") => has_battery = true,
            // A laptop may be charged by either.
            Some("Mains" | "USB") => {
                let online = file("online").is_some_and(|online| online != "0");
                on_mains = Some(on_mains.unwrap_or(false) || online);
            }
            _ => {}
        }
    }
    (Some(has_battery), on_mains)
}

fn limits(tree: &Tree) -> Vec<PowerLimit> {
    const FOLDER: &str = "/sys/class/powercap";
    let zones = tree.names(FOLDER).into_iter();
    let zones = zones.filter_map(|zone| {
        let file = |file: &str| tree.text(&format!("{FOLDER}/{zone}/{file}"));
        let name = file("name").filter(|name| name.starts_with("package"))?;
        // The same package has limits in two places, of which the lower ones count.
        let is_mmio = zone.starts_with("intel-rapl-mmio");
        let name = if is_mmio { name + " (MMIO)" } else { name };
        (file("enabled").as_deref() != Some("0")).then_some((zone, name))
    });
    let limits = zones.flat_map(|(zone, name)| {
        (0..4).filter_map(move |number| {
            let path = |file| format!("{FOLDER}/{zone}/constraint_{number}_{file}");
            Some(PowerLimit {
                zone: name.clone(),
                name: tree.text(&path("name"))?,
                limit_uw: tree.number(&path("power_limit_uw"))?,
                most_uw: tree.number(&path("max_power_uw")).filter(|most| *most > 0),
            })
        })
    });
    limits.collect()
}

/// Drivers of the processor's own sensors.
const SENSORS: [&str; 3] = ["coretemp", "k10temp", "zenpower"];

/// Linux, Documentation/hwmon/sysfs-interface.rst: thousandths of a degree.
fn heat(tree: &Tree) -> Option<Heat> {
    const FOLDER: &str = "/sys/class/hwmon";
    let monitors = tree.names(FOLDER).into_iter();
    let monitors = monitors.filter(|monitor| {
        let name = tree.text(&format!("{FOLDER}/{monitor}/name"));
        name.is_some_and(|name| SENSORS.contains(&name.as_str()))
    });
    let heats = monitors.flat_map(|monitor| {
        let folder = format!("{FOLDER}/{monitor}");
        let names = tree.names(&folder).into_iter();
        names.filter_map(move |name| {
            let sensor = name.strip_suffix("_input")?;
            let degrees = |file: &str| {
                let thousandths: f64 = tree.number(&format!("{folder}/{sensor}_{file}"))?;
                Some(thousandths / 1e3)
            };
            Some(Heat {
                celsius: degrees("input")?,
                critical: degrees("crit"),
            })
        })
    });
    heats.max_by(|a, b| a.celsius.total_cmp(&b.celsius))
}

/// How often these CPUs' cores and packages slowed down because of heat since the machine's
/// start (Linux, arch/x86/kernel/cpu/mce/therm_throt.c); `None` where that is not counted.
pub fn throttled(tree: &Tree, cpus: &[usize]) -> Option<u64> {
    let counts = cpus.iter().flat_map(|cpu| {
        ["core_throttle_count", "package_throttle_count"].map(|name| {
            let count = tree.number::<u64>(&format!("{CPU}/cpu{cpu}/thermal_throttle/{name}"));
            count.filter(|count| *count < u64::MAX / 2)
        })
    });
    counts.flatten().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn a_laptop_on_battery_with_a_lowered_limit() {
        let (_folder, tree) = laid_out(&[
            ("sys/class/power_supply/AC/type", "Mains"),
            ("sys/class/power_supply/AC/online", "0"),
            ("sys/class/power_supply/BAT0/type", "Battery"),
            ("sys/class/powercap/intel-rapl:0/name", "package-0"),
            ("sys/class/powercap/intel-rapl:0/enabled", "1"),
            (
                "sys/class/powercap/intel-rapl:0/constraint_0_name",
                "long_term",
            ),
            (
                "sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw",
                "12000000",
            ),
            (
                "sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw",
                "28000000",
            ),
            ("sys/class/powercap/intel-rapl:0:0/name", "core"),
            ("sys/class/hwmon/hwmon0/name", "nvme"),
            ("sys/class/hwmon/hwmon0/temp1_input", "99000"),
            ("sys/class/hwmon/hwmon1/name", "coretemp"),
            ("sys/class/hwmon/hwmon1/temp1_input", "71500"),
            ("sys/class/hwmon/hwmon1/temp1_crit", "100000"),
            ("sys/class/hwmon/hwmon1/temp2_input", "64000"),
            (
                "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count",
                "3",
            ),
            (
                "sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count",
                "4",
            ),
        ]);
        let power = Power::read(&tree);
        let expected = Power {
            has_battery: Some(true),
            on_mains: Some(false),
            limits: vec![PowerLimit {
                zone: "package-0".into(),
                name: "long_term".into(),
                limit_uw: 12_000_000,
                most_uw: Some(28_000_000),
            }],
            heat: Some(Heat {
                celsius: 71.5,
                critical: Some(100.0),
            }),
        };
        assert_eq!(power, expected);
        assert!(power.limits[0].is_lowered());
        assert_eq!(throttled(&tree, &[0, 1]), Some(7));
        assert_eq!(throttled(&tree, &[0]), None);
    }

    #[test]
    fn a_short_limit_is_always_below_the_most_that_a_server_could_draw() {
        let limit = |name: &str, limit_uw| PowerLimit {
            zone: "package-0".into(),
            name: name.into(),
            limit_uw,
            most_uw: Some(376_000_000),
        };
        assert!(!limit("short_term", 180_000_000).is_lowered());
        assert!(limit("long_term", 180_000_000).is_lowered());
    }

    #[test]
    fn a_machine_that_shows_no_supplies_is_not_one_without_battery() {
        let (_folder, tree) = laid_out::<&str>(&[]);
        assert_eq!(Power::read(&tree), Power::default());
        let (_folder, tree) = laid_out(&[("sys/class/power_supply/mouse/scope", "Device")]);
        assert_eq!(Power::read(&tree).has_battery, Some(false));
    }
}
