//! The general rate limit: so many requests a minute for each API key (WorkOS, rate limits).

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::refusal::Refusal;

const WINDOW_MS: i64 = 60_000;

/// One count for each key and minute.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    windows: HashMap<String, (i64, u32)>,
}

impl Rate {
    /// Counts a request, or refuses it until the minute is over.
    pub(crate) fn admit(&mut self, key: &str, limit: u32, now: Timestamp) -> Result<(), Refusal> {
        let now = now.as_millisecond();
        // Any key may be good, so those of past minutes must not pile up.
        if self.windows.len() >= 1024 && !self.windows.contains_key(key) {
            self.windows.retain(|_, (start, _)| now - *start < WINDOW_MS);
        }
        let window = match self.windows.get_mut(key) {
            Some(window) => window,
            None => self.windows.entry(key.to_owned()).or_insert((now, 0)),
        };
        if now - window.0 >= WINDOW_MS {
            *window = (now, 0);
        }
        if window.1 < limit {
            window.1 += 1;
            return Ok(());
        }
        let left = (window.0 + WINDOW_MS - now).max(1);
        Err(too_many(left.unsigned_abs().div_ceil(1000), limit))
    }
}

fn too_many(seconds: u64, limit: u32) -> Refusal {
    Refusal {
        body: json!({ "message": "Too many requests.", "code": "rate_limit_exceeded" }),
        retry_after: Some(seconds),
        ..Refusal::message(429, "Too many requests.")
    }
    .because(
        format!("this key sent more than {limit} requests within a minute"),
        format!("Wait {seconds} s, as `Retry-After` says, and pace requests below the limit."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn the_limit_is_for_each_key_and_minute() {
        let mut rate = Rate::default();
        for _ in 0..3 {
            assert!(rate.admit("a", 3, at(0)).is_ok());
        }
        let refusal = rate.admit("a", 3, at(500)).unwrap_err();
        assert_eq!((refusal.status, refusal.retry_after), (429, Some(60)));
        assert_eq!(rate.admit("a", 3, at(59_999)).unwrap_err().retry_after, Some(1));
        assert!(rate.admit("b", 3, at(500)).is_ok());
        assert!(rate.admit("a", 3, at(60_000)).is_ok());
    }

    #[test]
    fn keys_do_not_pile_up() {
        let mut rate = Rate::default();
        for i in 0..5_000_i64 {
            let _ = rate.admit(&i.to_string(), 1, at(i * WINDOW_MS));
        }
        assert!(rate.windows.len() <= 1024);
    }
}
