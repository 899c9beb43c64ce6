//! The CMOS clock: the host's time, in UTC, never in the middle of an update.
//! Source: Motorola MC146818A data sheet.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const DAY_OF_WEEK: u8 = 0x06;
const DAY_OF_MONTH: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const STATUS_A: u8 = 0x0a;
const STATUS_B: u8 = 0x0b;
const STATUS_D: u8 = 0x0d;
const CENTURY: u8 = 0x32;

/// A time base of 32768 Hz at the usual rate. Bit 7, "update in progress", stays clear, because
/// some kernels wait for that for ever.
const TIME_BASE: u8 = 0x26;
/// 24 hours, in binary-coded decimal.
const HOURS_24: u8 = 1 << 1;
/// The battery is good.
const VALID: u8 = 1 << 7;

/// The register that the index port selects.
#[derive(Debug, Default)]
pub struct Cmos {
    index: u8,
}

impl Cmos {
    /// Selects a register. Bit 7 of the port masks NMIs, and is not part of the register
    /// number.
    pub fn select(&mut self, value: u8) {
        self.index = value & 0x7f;
    }

    /// The current value of the selected register.
    pub fn read(&self) -> u8 {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        register(self.index, seconds)
    }
}

fn register(index: u8, unix_seconds: u64) -> u8 {
    let (days, seconds) = (unix_seconds / 86400, unix_seconds % 86400);
    let (year, month, day) = civil_date(days);
    match index {
        SECONDS => bcd(seconds % 60),
        MINUTES => bcd(seconds / 60 % 60),
        HOURS => bcd(seconds / 3600),
        // 1 January 1970 was a Thursday; Sunday is 1.
        DAY_OF_WEEK => bcd((days + 4) % 7 + 1),
        DAY_OF_MONTH => bcd(day),
        MONTH => bcd(month),
        YEAR => bcd(year % 100),
        CENTURY => bcd(year / 100),
        STATUS_A => TIME_BASE,
        STATUS_B => HOURS_24,
        STATUS_D => VALID,
        _ => 0,
    }
}

/// Year, month and day of a day counted from 1 January 1970, in the Gregorian calendar. Years
/// begin in March here, so that the leap day is the last day of a year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970_FROM_MARCH_0: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_TO_1970_FROM_MARCH_0;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

fn bcd(value: u64) -> u8 {
    (value / 10 * 16 + value % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `date -u -d @N +%S%M%H%u%d%m%y`
    #[test]
    fn the_cmos_clock_has_the_date() {
        let read = |at| {
            [
                SECONDS,
                MINUTES,
                HOURS,
                DAY_OF_WEEK,
                DAY_OF_MONTH,
                MONTH,
                YEAR,
                CENTURY,
            ]
            .map(|index| register(index, at))
        };
        // Thursday 1970-01-01 00:00:00
        assert_eq!(read(0), [0, 0, 0, 5, 1, 1, 0x70, 0x19]);
        // Tuesday 2000-02-29 23:59:59
        assert_eq!(read(951_868_799), [0x59, 0x59, 0x23, 3, 0x29, 2, 0, 0x20]);
        // Wednesday 2024-12-25 12:34:56
        assert_eq!(
            read(1_735_130_096),
            [0x56, 0x34, 0x12, 4, 0x25, 0x12, 0x24, 0x20]
        );
    }

    #[test]
    fn no_update_is_ever_in_progress() {
        let mut cmos = Cmos::default();
        cmos.select(0x80 | STATUS_A);
        assert_eq!(cmos.read() & 0x80, 0);
    }
}
