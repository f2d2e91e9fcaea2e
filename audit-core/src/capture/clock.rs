//! When an event happened: the wall clock, which may be set back while the process runs.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outbox::Timestamp;

/// A clock that is set back further than this was wrong before and is right now: it is followed. Two hours are more than
/// a mistaken time zone in summer.
const FOLLOWED: u64 = 2 * 3_600_000;

/// The latest time that any event of this process was given.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// This moment; never earlier than what was told before, save after the clock was set back by more than two hours.
pub(super) fn now() -> Timestamp {
    Timestamp(not_before(&LATEST, Timestamp::now().0))
}

#[inline]
fn not_before(latest: &AtomicU64, now: u64) -> u64 {
    let last = latest.load(Ordering::Relaxed);
    if now == last {
        return now;
    }
    settle(latest, now, last)
}

/// Once a millisecond, or while the clock is behind.
fn settle(latest: &AtomicU64, now: u64, last: u64) -> u64 {
    if now > last {
        return latest.fetch_max(now, Ordering::Relaxed).max(now);
    }
    if last - now <= FOLLOWED {
        return last;
    }
    tracing::warn!(
        target: "audited",
        hours = (last - now) / 3_600_000,
        "the clock was set back: audit events carry the new time from here on"
    );
    // If another thread was first, its time is as good.
    let _ = latest.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn never_goes_back_when_the_clock_is_set_back_by_an_hour() {
        let latest = AtomicU64::new(0);
        let clock = [NOW, NOW + 1, NOW + 1, NOW + 1 - HOUR, NOW - HOUR / 2, NOW + 2, NOW + 3];
        let told: Vec<u64> = clock.iter().map(|now| not_before(&latest, *now)).collect();
        assert_eq!(told, [NOW, NOW + 1, NOW + 1, NOW + 1, NOW + 1, NOW + 2, NOW + 3]);
    }

    #[test]
    fn follows_a_clock_that_was_a_year_ahead() {
        let latest = AtomicU64::new(0);
        assert_eq!(not_before(&latest, NOW + 8760 * HOUR), NOW + 8760 * HOUR);
        assert_eq!(not_before(&latest, NOW), NOW);
        assert_eq!(not_before(&latest, NOW - HOUR), NOW, "and does not go back from there");
    }

    #[test]
    fn threads_agree_on_an_order() {
        let latest = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let latest = &latest;
                scope.spawn(move || {
                    let mut before = 0;
                    for step in 0..20_000_u64 {
                        let told = not_before(latest, NOW + (step * 7 + thread * 13) % 1_000);
                        assert!(told >= before, "{told} after {before}");
                        before = told;
                    }
                });
            }
        });
    }
}
