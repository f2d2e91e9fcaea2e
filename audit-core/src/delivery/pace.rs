//! How fast: a token bucket with a slow start, and how many at once. Pure, time comes from outside.

use std::time::Duration;

use tokio::time::Instant;

/// The slowest pace that a row of 429s leads to, in requests a second. Waiting any longer is the gate's business.
const SLOWEST: f64 = 1.0;

/// Seconds' worth of tokens that may be saved up: a burst is at most a tenth of a second ahead of the pace.
const BURST: f64 = 0.1;

/// Requests a second: starts slowly and doubles every second up to what was asked for; halves when the sink says 429, and
/// comes back from there within a minute.
#[derive(Debug)]
pub(super) struct Pace {
    /// What was asked for; `None` is as fast as it goes.
    target: Option<f64>,
    rate: f64,
    /// Up to here the rate doubles, above it grows slowly.
    proven: f64,
    tokens: f64,
    now: Instant,
    halved: Instant,
}

impl Pace {
    pub(super) fn new(target: Option<f64>, now: Instant) -> Self {
        let rate = target.map_or(f64::INFINITY, slow);
        Self { target, rate, proven: target.unwrap_or(f64::INFINITY), tokens: 1.0, now, halved: now }
    }

    /// How many requests may leave at `now`.
    pub(super) fn available(&mut self, now: Instant) -> usize {
        if self.is_off() {
            return usize::MAX;
        }
        self.advance(now);
        self.tokens as usize
    }

    /// That many left.
    pub(super) fn spend(&mut self, count: usize) {
        if !self.is_off() {
            self.tokens -= count as f64;
        }
    }

    /// When the next request may leave, if none may now.
    pub(super) fn next(&self) -> Instant {
        if self.is_off() || self.tokens >= 1.0 {
            return self.now;
        }
        // A millisecond more, because timers round down, and looking a moment too early would find 0.999 tokens.
        self.now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate) + Duration::from_millis(1)
    }

    /// The sink asked for fewer requests, in the answer to one that left at `sent`. The answers to a burst count once.
    pub(super) fn throttled(&mut self, sent: Instant, now: Instant) {
        if sent < self.halved {
            return;
        }
        self.advance(now);
        self.halved = now;
        // Without a pace there is nothing to halve, so one begins where a shared key of WorkOS begins to refuse:
        // 6,000 requests a minute (WorkOS docs, "Rate limits").
        let known = if self.rate.is_finite() { self.rate } else { 100.0 };
        self.rate = (known / 2.0).max(SLOWEST.min(known));
        self.proven = self.rate;
        self.tokens = self.tokens.min(1.0);
    }

    /// Begins as slowly as after a start: the endpoint was gone, and many come back to it at the same time.
    pub(super) fn restart(&mut self, now: Instant) {
        if let Some(target) = self.target {
            self.advance(now);
            self.rate = self.rate.min(slow(target));
            self.tokens = self.tokens.min(1.0);
        }
    }

    fn is_off(&self) -> bool {
        self.rate.is_infinite()
    }

    fn advance(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.now).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.now = now;
        let most = (self.rate * BURST).max(1.0);
        self.tokens = (self.tokens + self.rate * seconds).min(most);
        self.grow(seconds);
    }

    fn grow(&mut self, seconds: f64) {
        let target = self.target.unwrap_or(1000.0);
        if self.rate < self.proven {
            self.rate = (self.rate * seconds.min(16.0).exp2()).min(self.proven);
        } else {
            // All the way in a minute.
            self.rate = (self.rate + target / 60.0 * seconds).min(target);
            self.proven = self.rate;
            if self.target.is_none() && self.rate >= target {
                self.rate = f64::INFINITY;
            }
        }
    }
}

/// How fast to begin.
fn slow(target: f64) -> f64 {
    (target / 8.0).max(SLOWEST.min(target))
}

/// How many requests may be under way at once: one more for every request that went well until the first that did not, from
/// then on one more for every round, and half after one that did not.
#[derive(Debug)]
pub(super) struct Concurrency {
    limit: f64,
    most: f64,
    halved: Option<Instant>,
}

impl Concurrency {
    /// At 80 ms a request, 16 at once are 200 a second: four times the default pace.
    const START: f64 = 16.0;

    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self { limit: Self::START.min(most), most, halved: None }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A request went well while `busy` were under way: more than half of the limit, or it proves nothing about more.
    pub(super) fn went_well(&mut self, busy: usize) {
        if busy as f64 * 2.0 >= self.limit {
            let more = if self.halved.is_some() { 1.0 / self.limit } else { 1.0 };
            self.limit = (self.limit + more).min(self.most);
        }
    }

    /// A request that left at `sent` met an overloaded endpoint. The answers to a burst count once.
    pub(super) fn overloaded(&mut self, sent: Instant, now: Instant) {
        if self.halved.is_none_or(|halved| sent >= halved) {
            self.halved = Some(now);
            self.limit = (self.limit / 2.0).max(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &mut Pace, from: Instant, seconds: u64) -> (usize, Instant) {
        let mut sent = 0;
        let mut now = from;
        let end = from + Duration::from_secs(seconds);
        while now < end {
            let available = pace.available(now);
            pace.spend(available);
            sent += available;
            let next = pace.next();
            assert!(next > now, "it never says: look again at once");
            now = next;
        }
        (sent, now)
    }

    #[test]
    fn starts_slowly_and_then_keeps_the_pace() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(50.0), start);
        let (first, now) = run(&mut pace, start, 1);
        assert!((5..=14).contains(&first), "{first} in the first second");
        let (_, now) = run(&mut pace, now, 4);
        let (sent, _) = run(&mut pace, now, 100);
        assert!((4_750..=5_001).contains(&sent), "{sent} in 100 seconds");
    }

    #[test]
    fn begins_slowly_again_after_a_pause_and_keeps_what_a_429_taught() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(80.0), start);
        let (_, now) = run(&mut pace, start, 10);
        pace.restart(now);
        let (first, now) = run(&mut pace, now, 1);
        assert!((8..=22).contains(&first), "{first} in the first second");
        let (_, now) = run(&mut pace, now, 3);
        let (sent, now) = run(&mut pace, now, 5);
        assert!((380..=401).contains(&sent), "{sent} in 5 seconds: the full pace again");

        pace.throttled(now, now);
        pace.restart(now);
        let (_, now) = run(&mut pace, now, 3);
        let (sent, _) = run(&mut pace, now, 2);
        assert!(sent <= 96, "{sent} in 2 seconds: at half of the pace and slowly more");
    }

    #[test]
    fn never_bursts_after_idling() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(50.0), start);
        let later = start + Duration::from_secs(3600);
        run(&mut pace, start, 10);
        assert!(pace.available(later) <= 5, "a tenth of a second's worth");
    }

    #[test]
    fn halves_once_a_burst_and_comes_back() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(80.0), start);
        let (_, now) = run(&mut pace, start, 10);
        for _ in 0..16 {
            pace.throttled(now - Duration::from_millis(50), now + Duration::from_millis(1));
        }
        let (sent, now) = run(&mut pace, now, 5);
        assert!((190..=230).contains(&sent), "{sent} in 5 seconds at half of 80 a second and slowly more");
        let (_, now) = run(&mut pace, now, 60);
        let (sent, _) = run(&mut pace, now, 10);
        assert!((760..=810).contains(&sent), "{sent} in 10 seconds: the full pace again");
    }

    #[test]
    fn never_stops_however_often_it_is_throttled() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(50.0), start);
        let mut now = start;
        for _ in 0..1_000 {
            now += Duration::from_millis(10);
            pace.throttled(now, now);
        }
        let (sent, _) = run(&mut pace, now, 10);
        assert!(sent >= 9, "{sent} in 10 seconds");
    }

    #[test]
    fn a_pace_below_one_a_second_works() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(0.1), start);
        let (sent, _) = run(&mut pace, start, 600);
        assert!((55..=61).contains(&sent), "{sent} in 600 seconds");
    }

    #[test]
    fn off_is_off_until_a_429_and_again_later() {
        let start = Instant::now();
        let mut pace = Pace::new(None, start);
        assert_eq!(pace.available(start), usize::MAX);
        pace.spend(1_000_000);
        assert_eq!(pace.next(), start);
        pace.throttled(start, start);
        assert!(pace.available(start) <= 1);
        for second in 1..=120 {
            pace.available(start + Duration::from_secs(second));
        }
        assert_eq!(pace.available(start + Duration::from_secs(121)), usize::MAX);
    }

    #[test]
    fn concurrency_grows_fast_until_it_was_too_much_then_by_one_a_round_and_halves_once_a_burst() {
        let start = Instant::now();
        let mut limit = Concurrency::new(64);
        assert_eq!(limit.limit(), 16);
        for _ in 0..16 {
            limit.went_well(16);
        }
        assert_eq!(limit.limit(), 32, "twice as many after a round");
        for _ in 0..10_000 {
            limit.went_well(64);
        }
        assert_eq!(limit.limit(), 64);
        for _ in 0..64 {
            limit.overloaded(start, start + Duration::from_secs(1));
        }
        assert_eq!(limit.limit(), 32);
        for _ in 0..33 {
            limit.went_well(32);
        }
        assert_eq!(limit.limit(), 33);
        for later in 2..60 {
            limit.overloaded(start + Duration::from_secs(later), start + Duration::from_secs(later));
        }
        assert_eq!(limit.limit(), 1, "never none");
    }

    #[test]
    fn concurrency_that_is_not_used_does_not_grow() {
        let mut limit = Concurrency::new(64);
        for _ in 0..10_000 {
            limit.went_well(2);
        }
        assert_eq!(limit.limit(), 16);
    }
}
