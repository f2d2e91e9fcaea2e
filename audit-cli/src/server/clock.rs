//! The server's own time: it starts where it is told, runs at the real pace and can be advanced.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::lock::lock;

/// Virtual time. It never goes back, whatever the machine's clock does.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    base: Mutex<Timestamp>,
}

impl Clock {
    /// A clock that shows `now`, or the machine's time.
    pub(crate) fn starting_at(now: Option<Timestamp>) -> Self {
        Self { started: Instant::now(), base: Mutex::new(now.unwrap_or_else(Timestamp::now)) }
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Timestamp {
        let base = *lock(&self.base);
        base.checked_add(self.started.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward; it stops at the last moment that can be written.
    pub(crate) fn advance(&self, by: Duration) {
        let mut base = lock(&self.base);
        *base = base.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

/// A time as WorkOS writes it: UTC, milliseconds, `Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The same moment in the standard library's type.
pub(crate) fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::from(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_where_told_and_advances() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::starting_at(Some(start));
        clock.advance(Duration::from_secs(24 * 3600));
        let now = clock.now().to_string();
        assert!(now.starts_with("2026-01-02T00:00:0"), "{now}");
    }

    #[test]
    fn stops_at_the_end_of_time() {
        let clock = Clock::starting_at(None);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn writes_milliseconds_and_z() {
        let at: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        assert_eq!(iso(at), "2026-01-15T12:00:00.000Z");
    }
}
