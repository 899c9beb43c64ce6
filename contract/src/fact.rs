//! The facts of a boot: the keys of `meta` records, and what their values can be.

use crate::names::named;

/// What a fact's value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// A word or a phrase.
    Text,
    /// A whole number from this one on.
    Number { least: u64 },
}

/// Whether a fact is one record, or one for each of several things, whose name follows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    One,
    Each,
}

/// Rows: key, how many there are, value.
macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident = $key:literal, $number:ident, $value:expr;)+) => {
        named! {
            /// A fact about a boot, by its key; the key of one that comes [for each](Self::of_key)
            /// of several things is the part that they share.
            Fact { $($(#[$doc])* $variant = $key,)+ }
        }

        impl Fact {
            const fn number(self) -> Number {
                match self {
                    $(Self::$variant => Number::$number,)+
                }
            }

            const fn value(self) -> Value {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }
    };
}

const ANY: Value = Value::Number { least: 0 };

facts! {
    /// The benchmark program's version.
    GuestBench = "guest_bench", One, Value::Text;
    /// What the system call of that number answered: its name, or `enosys`.
    SystemCall = "syscall_", Each, Value::Text;
    /// Precise method: samples a round and benchmark.
    SamplesPerRound = "samples_per_round", One, ANY;
    /// Precise method: how many TSC ticks the smaller batch of a sample was to take.
    BatchTicks = "batch_ticks", One, ANY;
    /// Copies of an operation in the body of the smaller loop.
    Copies = "copies", One, ANY;
    /// Multiplications in a clock chain; without any it shows no clock.
    ChainOps = "chain_ops", One, Value::Number { least: 1 };
    /// The counter's step, in ticks.
    TscStep = "tsc_step", One, ANY;
    /// Multiplications between the readings of the next two.
    FenceOps = "fence_ops", One, ANY;
    /// The fewest ticks to a reading that comes after an LFENCE.
    FencedTicks = "fenced_ticks", One, ANY;
    /// The fewest ticks to a reading that need not wait.
    UnfencedTicks = "unfenced_ticks", One, ANY;
    /// The counter's frequency by CPUID, in kHz; left out where CPUID does not have it.
    TscKhz = "tsc_khz", One, ANY;
    /// Turns of the loop of that benchmark, as the calibration found them.
    Turns = "turns_", Each, ANY;
    /// The kernel's name (uname(2), `sysname`).
    System = "system", One, Value::Text;
    /// The kernel's release (uname(2), `release`).
    Release = "release", One, Value::Text;
    /// A file of /sys/devices/system/cpu/vulnerabilities.
    Vulnerability = "vulnerability.", Each, Value::Text;
    /// A line of the first processor in /proc/cpuinfo.
    Cpu = "cpu.", Each, Value::Text;
}

impl Fact {
    /// The fact of that key, and what it is for where there is one for each of several things:
    /// `vulnerability.meltdown` is [`Fact::Vulnerability`] for `meltdown`.
    pub fn of_key(key: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|fact| {
            let rest = key.strip_prefix(fact.name())?;
            (fact.number() == Number::Each || rest.is_empty()).then_some((fact, rest))
        })
    }

    /// Whether the value is one that this fact can have.
    ///
    /// # Errors
    ///
    /// What it must be instead.
    pub fn check(self, value: &str) -> Result<(), &'static str> {
        match (self.value(), value.parse::<u64>()) {
            (Value::Text, _) => Ok(()),
            (Value::Number { .. }, Err(_)) => Err("it must be a whole number"),
            (Value::Number { least }, Ok(number)) if number < least => Err("it must be at least 1"),
            (Value::Number { .. }, Ok(_)) => Ok(()),
        }
    }
}
