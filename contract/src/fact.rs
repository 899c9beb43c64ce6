//! The facts of a boot: the keys of `meta` records, and their possible values.

use crate::names::named;

/// The type of a fact's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// A word or a phrase.
    Text,
    /// A whole number, at least this one.
    Number { least: u64 },
}

/// What a fact is about: the guest, of which all boots of a target should report the same, or
/// the measurement of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Guest,
    Measurement,
}

/// Whether a fact is one record, or one record for each of several things, whose name follows
/// the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    One,
    Each,
}

/// Rows: key, how many there are, what it is about, value, and the column of boots.csv that keeps it.
macro_rules! facts {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $key:literal, $number:ident, of $about:ident, $value:expr
        $(, column $column:literal)?;
    )+) => {
        named! {
            /// A fact about a boot, by its key. For a fact that exists [for each](Self::of_key)
            /// of several things, this is the common part of the key.
            Fact { $($(#[$doc])* $variant = $key,)+ }
        }

        impl Fact {
            const fn number(self) -> Number {
                match self {
                    $(Self::$variant => Number::$number,)+
                }
            }

            const fn about(self) -> About {
                match self {
                    $(Self::$variant => About::$about,)+
                }
            }

            const fn value(self) -> Value {
                match self {
                    $(Self::$variant => $value,)+
                }
            }

            /// The column of boots.csv that keeps it, for checks and for people.
            pub fn column(self) -> Option<&'static str> {
                let column: [Option<&str>; Self::ALL.len()] = [$(None $(.or(Some($column)))?),+];
                column.get(self as usize).copied().flatten()
            }
        }
    };
}

const ANY: Value = Value::Number { least: 0 };

facts! {
    /// The benchmark program's version.
    GuestBench = "guest_bench", One, of Guest, Value::Text;
    /// The answer of the system call with that number: its name, or `enosys`.
    SystemCall = "syscall_", Each, of Guest, Value::Text;
    /// Precise method: samples per round and benchmark.
    SamplesPerRound = "samples_per_round", One, of Measurement, ANY;
    /// Copies of an operation in the body of the smaller loop.
    Copies = "copies", One, of Measurement, ANY;
    /// The counter's step, in ticks.
    TscStep = "tsc_step", One, of Measurement, ANY, column "tsc_step_ticks";
    /// Precise method: the target length of the smaller batch of a sample, in TSC ticks.
    BatchTicks = "batch_ticks", One, of Measurement, ANY, column "batch_ticks";
    /// Multiplications in a clock chain; a chain without any would not measure the clock.
    ChainOps = "chain_ops", One, of Measurement, Value::Number { least: 1 }, column "chain_ops";
    /// Multiplications between the readings of the next two.
    FenceOps = "fence_ops", One, of Measurement, ANY, column "fence_ops";
    /// The fewest ticks to a reading after an LFENCE.
    FencedTicks = "fenced_ticks", One, of Measurement, ANY, column "fenced_ticks";
    /// The fewest ticks to a reading without an LFENCE.
    UnfencedTicks = "unfenced_ticks", One, of Measurement, ANY, column "unfenced_ticks";
    /// The counter's frequency from CPUID, in kHz; left out if CPUID does not provide it.
    TscKhz = "tsc_khz", One, of Measurement, ANY, column "tsc_khz";
    /// Turns of the loop of that benchmark, as calibrated.
    Turns = "turns_", Each, of Measurement, ANY;
    /// The kernel's name (uname(2), `sysname`).
    System = "system", One, of Guest, Value::Text;
    /// The kernel's release (uname(2), `release`).
    Release = "release", One, of Guest, Value::Text;
    /// A file of /sys/devices/system/cpu/vulnerabilities.
    Vulnerability = "vulnerability.", Each, of Guest, Value::Text;
    /// A line of the first processor in /proc/cpuinfo.
    Cpu = "cpu.", Each, of Guest, Value::Text;
}

impl Fact {
    /// The fact with that key, and which thing it is about if there are several:
    /// `vulnerability.meltdown` is [`Fact::Vulnerability`] for `meltdown`.
    pub fn of_key(key: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|fact| {
            let rest = key.strip_prefix(fact.name())?;
            (fact.number() == Number::Each || rest.is_empty()).then_some((fact, rest))
        })
    }

    /// Whether it is about the guest and its kernel. Facts about the measurement may differ from
    /// boot to boot.
    pub fn is_about_the_guest(self) -> bool {
        self.about() == About::Guest
    }

    /// The facts that boots.csv keeps, each with its column, in the file's order.
    pub fn columns() -> impl Iterator<Item = (Self, &'static str)> {
        let all = Self::ALL.into_iter();
        all.filter_map(|fact| Some((fact, fact.column()?)))
    }

    /// Checks whether this fact can have that value.
    ///
    /// # Errors
    ///
    /// What the value must be instead.
    pub fn check(self, value: &str) -> Result<(), &'static str> {
        match (self.value(), value.parse::<u64>()) {
            (Value::Text, _) => Ok(()),
            (Value::Number { .. }, Err(_)) => Err("it must be a whole number"),
            (Value::Number { least }, Ok(number)) if number < least => Err("it must be at least 1"),
            (Value::Number { .. }, Ok(_)) => Ok(()),
        }
    }
}
