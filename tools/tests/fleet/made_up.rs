//! Runs of machines that do not exist, made from a kept run's manifest.

use std::fs;
use std::path::{Path, PathBuf};

use contract::Closing;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes JSON with the seal of its content.
pub fn seal(path: &Path, mut value: Value) {
    value.as_object_mut().unwrap().remove("seal");
    let seal = sha256(value.to_string());
    value["seal"] = seal.into();
    fs::write(path, serde_json::to_string_pretty(&value).unwrap()).unwrap();
}

/// Changes a sealed file and seals it again.
pub fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut value);
    seal(path, value);
}

/// A run that was never run.
#[derive(Clone)]
pub struct MadeUp {
    /// Its number, from which its ID follows.
    pub run: u32,
    /// Its machine's number.
    pub machine: u32,
    /// Which shard, of how many.
    pub shard: Option<(u32, u32)>,
    /// Boots of each target.
    pub boots: u32,
    /// How many of them are finished.
    pub finished: u32,
    /// Samples of each benchmark in each of two rounds.
    pub samples: u32,
    /// The program's hash.
    pub program: &'static str,
}

impl MadeUp {
    /// Shard `index` of `of`, on the machine of that number.
    pub fn shard(index: u32, of: u32, machine: u32) -> Self {
        Self {
            run: index,
            machine,
            shard: Some((index, of)),
            boots: 6,
            finished: 6,
            samples: 3,
            program: "p",
        }
    }

    pub fn id(&self) -> String {
        format!("{:032x}", self.run + 1)
    }

    /// Writes the folder. `cost` is that of a system call on that target in that boot, in ticks.
    pub fn write(&self, folder: &Path, cost: &dyn Fn(&str, u32) -> f64) -> PathBuf {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/before");
        let console = folder.join("console");
        fs::create_dir_all(&console).unwrap();
        fs::copy(kept.join("experiment.toml"), folder.join("experiment.toml")).unwrap();
        let text = fs::read_to_string(kept.join("manifest.json")).unwrap();
        let mut manifest: Value = serde_json::from_str(&text).unwrap();
        let host = manifest["targets"].as_array().unwrap().iter();
        let host = host.clone().find(|t| t["name"] == "host").unwrap().clone();
        let mut other = host.clone();
        other["name"] = "other".into();
        other["label"] = "Other process".into();
        manifest["targets"] = json!([host, other]);
        manifest["id"] = self.id().into();
        manifest["program"]["file"]["sha256"] = self.program.into();
        let machine = format!("{:016x}", self.machine + 1);
        manifest["identity"] = json!({ "id": machine, "source": "machine-id" });
        if let Some((index, of)) = self.shard {
            manifest["shard"] = json!({ "shard": { "index": index, "of": of }, "starts": [] });
        }
        if self.finished < self.boots {
            manifest["ended"] = Value::Null;
        }
        let (step, first) = self.shard.map_or((1, 0), |(index, of)| (of, index - 1));
        let mut plan = Vec::new();
        for block in 0..self.boots {
            for target in ["host", "other"] {
                let boot = first + block * step;
                let position = plan.len();
                plan.push(json!({ "target": target, "boot": boot }));
                if block < self.finished {
                    let log = self.log(cost(target, block), block);
                    let name = format!("{target}.{boot}");
                    let record = json!({
                        "run": self.id(), "target": target, "boot": boot, "position": position,
                        "started": "2026-11-21T21:33:23Z",
                        "end": { "how": "exited", "status": 0 },
                        "timings": {
                            "ended": { "secs": 0, "nanos": 4_000_000 },
                            "first_byte": null, "guest_started": null
                        },
                        "console_sha256": sha256(&log),
                    });
                    fs::write(console.join(format!("{name}.log")), log).unwrap();
                    seal(&console.join(format!("{name}.json")), record);
                }
            }
        }
        manifest["plan"] = plan.into();
        seal(&folder.join("manifest.json"), manifest);
        folder.to_owned()
    }

    /// A console in which a refused system call costs so many ticks.
    fn log(&self, ticks: f64, boot: u32) -> String {
        const OPS: u64 = 1000;
        let mut lines = vec![
            "tollgate\t2\tprecise".to_owned(),
            "meta\tsyscall_500\tenosys".into(),
            format!("meta\tsamples_per_round\t{}", self.samples),
            "meta\tbatch_ticks\t51922".into(),
            "meta\tcopies\t16".into(),
            "meta\tchain_ops\t4096".into(),
        ];
        for round in 0..2 {
            for sample in 0..self.samples {
                let noise = u64::from((sample * 7 + boot * 3 + round) % 5);
                let once = (ticks * OPS as f64) as u64 + 30 + noise;
                let twice = 2 * (once - 30) + 30;
                let align = sample % 4 * 16;
                lines.push(format!(
                    "slope\tenosys\t{round}\t{align}\t{OPS}\t{once}\t{}\t{twice}\t12288\t12288",
                    2 * OPS
                ));
            }
        }
        let mut closing = Closing::default();
        let header = [
            "--- 8< ---",
            "CONFIG_WARMUP=y",
            "CONFIG_NB_ROUNDS=2",
            "--- >8 ---",
        ];
        let all = header.map(str::to_owned).into_iter().chain(lines);
        let all: Vec<_> = all.collect();
        for line in &all {
            closing.line(line.as_bytes());
        }
        let end = format!("end\t{}\t{:08x}", closing.lines(), closing.crc());
        all.join("\n") + "\n" + &end + "\n"
    }
}
