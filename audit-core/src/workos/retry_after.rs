//! The `Retry-After` header, in all its forms (RFC 9110, section 10.2.3), from a server that may send anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// No wait is read as longer than this; how long one is believed is the delivery's decision.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// How long the server asks to wait, if it says so in a way that can be understood.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = text(headers.get(RETRY_AFTER)?)?;
    seconds(text).or_else(|| {
        // By the server's own clock where it shows it: ours may be wrong by hours.
        let now = server_time(headers).or_else(|| now.duration_since(UNIX_EPOCH).ok())?;
        Some(date(text)?.saturating_sub(now).min(LONGEST))
    })
}

/// What time it is on the server, since 1970, if it says so.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Duration> {
    headers.get(DATE).and_then(text).and_then(date)
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

/// Whole seconds as the standard says, or fractional ones as some servers do.
fn seconds(text: &str) -> Option<Duration> {
    // Not what else parses as a float: `inf`, `nan`, signs.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds).map_or(LONGEST, |wait| wait.min(LONGEST)))
}

/// A date as HTTP writes it, `Sun, 06 Nov 1994 08:49:37 GMT`, since 1970. The two older forms of the standard are left
/// out: no server may send them (RFC 9110, section 5.6.7).
fn date(text: &str) -> Option<Duration> {
    let (_weekday, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year, time, zone) = (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year) = (number(day, 1..=31)?, number(year, 1970..=9999)?);
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    if time.next().is_some() {
        return None;
    }
    let (hour, minute, second) = (number(hour, 0..=23)?, number(minute, 0..=59)?, number(second, 0..=60)?);
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Duration::from_secs(seconds))
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

/// Counts from March on, so that the leap day is a year's last: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(value: &str, now: u64) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        retry_after(&headers, UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn understands_seconds_and_dates() {
        let now = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
        let table = [
            ("0", Some(0.0)),
            ("120", Some(120.0)),
            (" 7 ", Some(7.0)),
            ("1.5", Some(1.5)),
            ("0.25", Some(0.25)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0.0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60.0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(86_400.0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0.0)),
            ("1e30", Some(LONGEST.as_secs_f64())),
            ("99999999999999999999999999", Some(LONGEST.as_secs_f64())),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST.as_secs_f64())),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("inf", None),
            ("infinity", None),
            ("NaN", None),
            ("soon", None),
            ("12 s", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
        ];
        for (value, seconds) in table {
            assert_eq!(asked(value, now), seconds.map(Duration::from_secs_f64), "{value:?}");
        }
    }

    #[test]
    fn goes_by_the_servers_clock() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Sun, 06 Nov 1994 08:50:07 GMT"));
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(retry_after(&headers, SystemTime::now()), Some(Duration::from_secs(30)));
    }

    #[test]
    fn counts_days_right_over_leap_years() {
        let known = [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2000, 3, 1), 11_017), ((2100, 3, 1), 47_541)];
        for ((year, month, day), days) in known {
            assert_eq!(days_since_1970(year, month, day), days, "{year}-{month}-{day}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_asks_for_ever(value in "\\PC{0,40}", now in any::<u32>()) {
            if let Some(wait) = asked(&value, now.into()) {
                prop_assert!(wait <= LONGEST);
            }
        }

        #[test]
        fn numbers_are_read_as_seconds(seconds in 0.0..1e9_f64) {
            let wait = asked(&format!("{seconds}"), 0).unwrap();
            prop_assert!((wait.as_secs_f64() - seconds.min(LONGEST.as_secs_f64())).abs() < 1e-3);
        }

        #[test]
        fn dates_are_read_to_the_second(day in 1..=28_u64, hour in 0..24_u64, second in 0..60_u64, year in 1970..9999_u64) {
            let text = format!("Mon, {day:02} Mar {year} {hour:02}:00:{second:02} GMT");
            let expected = days_since_1970(year, 3, day) * 86_400 + hour * 3600 + second;
            prop_assert_eq!(date(&text), Some(Duration::from_secs(expected)));
        }
    }
}
