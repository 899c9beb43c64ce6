use contract::CONFIG_PREFIX;

use super::LogError;

/// The header's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Whether a first pass ran that is not counted.
    pub warmup: bool,
    /// Passes over all benchmarks.
    pub rounds: u32,
    /// Operations per sample; only the paper's method has a fixed number.
    pub iterations: Option<u64>,
}

/// The settings that were read so far.
#[derive(Debug, Default)]
pub(super) struct Settings {
    warmup: bool,
    rounds: Option<u32>,
    iterations: Option<u64>,
}

impl Settings {
    /// Whether a line of the header block is a setting.
    pub(super) fn is_setting(line: &str) -> bool {
        line.starts_with(CONFIG_PREFIX)
            || line
                .strip_prefix("# ")
                .is_some_and(|l| l.starts_with(CONFIG_PREFIX) && l.ends_with(" is not set"))
    }

    /// Reads a line for which [`Self::is_setting`] holds; ignores unknown settings.
    pub(super) fn take(&mut self, number: usize, line: &str) -> Result<(), LogError> {
        let Some((name, value)) = line
            .strip_prefix(CONFIG_PREFIX)
            .and_then(|setting| setting.split_once('='))
        else {
            return Ok(());
        };
        let bad = || LogError::Setting {
            line: number,
            text: super::error::excerpt(line),
        };
        match name {
            "WARMUP" => {
                self.warmup = match value {
                    "y" => true,
                    "n" => false,
                    _ => return Err(bad()),
                }
            }
            "NB_ROUNDS" => self.rounds = Some(value.parse().map_err(|_| bad())?),
            "ITER_PER_ROUND" => self.iterations = Some(value.parse().map_err(|_| bad())?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Config, LogError> {
        Ok(Config {
            warmup: self.warmup,
            rounds: self.rounds.ok_or(LogError::NoRounds)?,
            iterations: self.iterations,
        })
    }
}
