//! RFC 3339 in UTC with milliseconds and `Z`, the only form that WorkOS takes (its Python SDK says so in `_types.py`).

use crate::outbox::Timestamp;

/// `2026-11-23T07:47:00.123Z`.
pub(crate) const RFC3339_LEN: usize = 24;

/// Writes `time`; years beyond 9999 are written as 9999, which no clock that matters reaches.
#[inline]
pub(crate) fn rfc3339(time: Timestamp) -> [u8; RFC3339_LEN] {
    const LAST: u64 = 253_402_300_799_999;
    let millis = time.0.min(LAST);
    let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text, 0, year / 100);
    put(&mut text, 2, year % 100);
    put(&mut text, 5, month);
    put(&mut text, 8, day);
    put(&mut text, 11, of_day / 3_600_000);
    put(&mut text, 14, of_day / 60_000 % 60);
    put(&mut text, 17, of_day / 1_000 % 60);
    text[20] = b'0' + (of_day / 100 % 10) as u8;
    put(&mut text, 21, of_day % 100);
    text
}

/// Writes two digits.
#[inline]
fn put(text: &mut [u8; RFC3339_LEN], at: usize, value: u64) {
    if let Some(digits) = DIGITS.get(value as usize) {
        text[at] = digits[0];
        text[at + 1] = digits[1];
    }
}

/// Each number of two digits.
const DIGITS: [[u8; 2]; 100] = {
    let (mut digits, mut value) = ([[0; 2]; 100], 0);
    while value < 100 {
        digits[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    digits
};

/// The date of a day since 1970-01-01 in the proleptic Gregorian calendar: years are counted from March so that the
/// leap day is the last of its year, in eras of 400 years.
#[inline]
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / ERA, shifted % ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_calendar_library(millis in 0u64..253_402_300_800_000) {
            let ours = rfc3339(Timestamp(millis));
            let theirs = jiff::Timestamp::from_millisecond(i64::try_from(millis).unwrap()).unwrap();
            prop_assert_eq!(std::str::from_utf8(&ours).unwrap(), format!("{theirs:.3}"));
        }
    }
}
