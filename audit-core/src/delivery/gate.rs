//! Whether anything may be sent at all: pauses that concern the endpoint and so every lane. Pure, time and chance come
//! from outside.

use std::time::Duration;

use tokio::time::Instant;

use super::decide::Signal;
use super::retry::Backoff;
use super::stats::Health;

/// For an endpoint that cannot be reached, or that says 429 without saying for how long.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

/// The longest that a `Retry-After` is believed before a single request asks again.
const LONGEST_THROTTLE: Duration = Duration::from_secs(3600);

/// How often a key that was refused is tried again.
const UNAUTHORIZED: Duration = Duration::from_secs(60);

/// So many failures in a row, whichever their lanes, are the endpoint's and no longer those of their events.
const FAILURES: u32 = 8;

/// Open, or closed until some moment. From that moment on a single request at a time probes, until one is answered.
#[derive(Debug)]
pub(super) struct Gate {
    closed: Option<Closed>,
    failures: u32,
}

#[derive(Debug)]
struct Closed {
    why: Health,
    since: Instant,
    until: Instant,
    /// How often a probe found it closed, plus one.
    times: u32,
    credentials_are_fresh: bool,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { closed: None, failures: 0 }
    }

    /// How many requests may be under way at `now`, as far as the gate goes.
    pub(super) fn width(&self, now: Instant) -> usize {
        match &self.closed {
            None => usize::MAX,
            Some(closed) if now < closed.until => 0,
            Some(_) => 1,
        }
    }

    /// Until when nothing may be sent, if that is so.
    pub(super) fn until(&self) -> Option<Instant> {
        self.closed.as_ref().map(|closed| closed.until)
    }

    pub(super) fn health(&self) -> Health {
        self.closed.as_ref().map_or(Health::Ok, |closed| closed.why)
    }

    /// Whether the credentials have to be read again before the next probe. Says so once a probe.
    pub(super) fn take_refresh(&mut self, now: Instant) -> bool {
        let Some(closed) = &mut self.closed else { return false };
        let due = closed.why == Health::Unauthorized && now >= closed.until;
        due && !std::mem::replace(&mut closed.credentials_are_fresh, true)
    }

    /// Takes note of what a reply to a request that left at `sent` says about the endpoint.
    pub(super) fn note(&mut self, signal: Signal, sent: Instant, now: Instant, random: f64) {
        match signal {
            Signal::Working => self.open(sent),
            Signal::Silent => {}
            Signal::Failing { .. } => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES || self.closed.is_some() {
                    self.close(Health::Unreachable, sent, now, |times| BACKOFF.wait(times, random));
                }
            }
            Signal::Unreachable => {
                self.close(Health::Unreachable, sent, now, |times| BACKOFF.wait(times, random));
            }
            Signal::Untrusted => {
                self.close(Health::Untrusted, sent, now, |times| BACKOFF.wait(times, random));
            }
            Signal::Unauthorized => self.close(Health::Unauthorized, sent, now, |_| UNAUTHORIZED),
            Signal::Throttled { retry_after } => self.close(Health::Throttled, sent, now, |times| {
                // A "retry after 0 seconds" that is repeated for hours must not become a loop, hence the larger of both.
                let asked = retry_after.unwrap_or_default();
                asked
                    .saturating_add(asked.min(LONGEST_THROTTLE).mul_f64(0.2 * random))
                    .min(LONGEST_THROTTLE)
                    .max(BACKOFF.wait(times, random))
            }),
        }
    }

    /// A request got through. One that left before the gate closed proves nothing about what came after.
    fn open(&mut self, sent: Instant) {
        self.failures = 0;
        if self.closed.as_ref().is_some_and(|closed| sent > closed.since) {
            self.closed = None;
        }
    }

    fn close(&mut self, why: Health, sent: Instant, now: Instant, wait: impl FnOnce(u32) -> Duration) {
        let Some(closed) = &mut self.closed else {
            self.closed =
                Some(Closed { why, since: now, until: now + wait(1), times: 1, credentials_are_fresh: false });
            return;
        };
        if sent <= closed.since {
            // Another answer to the burst that closed it.
            closed.until = closed.until.max(now + wait(closed.times));
            return;
        }
        let times = if closed.why == why { closed.times.saturating_add(1) } else { 1 };
        *closed = Closed { why, since: now, until: now + wait(times), times, credentials_are_fresh: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FAILING: Signal = Signal::Failing { overloaded: false };

    fn throttled(seconds: u64) -> Signal {
        Signal::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
    }

    /// A gate that was told `signal` just now.
    fn told(signal: Signal, random: f64) -> (Gate, Instant) {
        let now = Instant::now();
        let mut gate = Gate::new();
        gate.note(signal, now - SECOND, now, random);
        (gate, now)
    }

    fn pause(gate: &Gate, now: Instant) -> Duration {
        gate.until().map_or(Duration::ZERO, |until| until - now)
    }

    #[test]
    fn waits_as_asked_and_up_to_a_fifth_longer() {
        for (asked, random, expected) in
            [(10, 0.0, 10.0), (10, 0.5, 11.0), (3000, 0.999, 3599.4), (90_000, 0.5, 3600.0)]
        {
            let (gate, now) = told(throttled(asked), random);
            assert!((pause(&gate, now).as_secs_f64() - expected).abs() < 1e-6, "{asked} s");
            assert_eq!(gate.health(), Health::Throttled);
        }
        let (gate, now) = told(Signal::Throttled { retry_after: Some(Duration::MAX) }, 0.9);
        assert_eq!(pause(&gate, now), LONGEST_THROTTLE);
    }

    #[test]
    fn lets_one_probe_through_after_the_pause() {
        let (mut gate, now) = told(throttled(10), 0.0);
        assert_eq!(gate.width(now + 9 * SECOND), 0);
        assert_eq!(gate.width(now + 10 * SECOND), 1);
        gate.note(Signal::Working, now + 10 * SECOND, now + 11 * SECOND, 0.0);
        assert_eq!((gate.width(now + 11 * SECOND), gate.health()), (usize::MAX, Health::Ok));
    }

    #[test]
    fn a_late_success_does_not_open_it() {
        let (mut gate, now) = told(throttled(10), 0.0);
        gate.note(Signal::Working, now - SECOND, now + SECOND, 0.0);
        assert_eq!(gate.width(now + SECOND), 0);
    }

    #[test]
    fn a_burst_of_answers_counts_once_but_the_longest_wait_holds() {
        let (mut gate, now) = told(throttled(10), 0.0);
        for asked in [5, 30, 7] {
            gate.note(throttled(asked), now - SECOND, now, 0.0);
        }
        assert_eq!(pause(&gate, now), 30 * SECOND);
    }

    #[test]
    fn backs_off_further_with_every_probe_that_fails() {
        for signal in [Signal::Unreachable, Signal::Untrusted, Signal::Throttled { retry_after: None }, throttled(0)] {
            let (mut gate, mut now) = told(signal, 0.5);
            let mut pauses = vec![pause(&gate, now)];
            for _ in 0..20 {
                let probe = now + pause(&gate, now);
                now = probe + Duration::from_millis(10);
                gate.note(signal, probe, now, 0.5);
                pauses.push(pause(&gate, now));
            }
            assert_eq!(pauses[..3], [250, 500, 1000].map(Duration::from_millis), "{signal:?}");
            assert_eq!(pauses[20], 30 * SECOND, "{signal:?}");
        }
    }

    #[test]
    fn probes_a_refused_key_once_a_minute_with_fresh_credentials() {
        let (mut gate, mut now) = told(Signal::Unauthorized, 0.7);
        for _ in 0..10 {
            assert!(!gate.take_refresh(now + 59 * SECOND), "not before the probe");
            now += 60 * SECOND;
            assert_eq!((gate.width(now), gate.health()), (1, Health::Unauthorized));
            assert!(gate.take_refresh(now), "before the probe");
            assert!(!gate.take_refresh(now), "once");
            gate.note(Signal::Unauthorized, now, now + Duration::from_millis(1), 0.7);
            now += Duration::from_millis(1);
        }
    }

    #[test]
    fn failures_in_a_row_close_it_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let mut gate = Gate::new();
        for round in 0..100 {
            let signal = if round % FAILURES == FAILURES - 1 { Signal::Working } else { FAILING };
            gate.note(signal, now, now, 0.5);
            assert_eq!(gate.health(), Health::Ok);
        }
        for _ in 0..FAILURES {
            gate.note(FAILING, now, now, 0.5);
        }
        assert_eq!(gate.health(), Health::Unreachable);
    }

    #[test]
    fn what_was_never_asked_neither_opens_nor_closes_it() {
        let (mut gate, now) = told(throttled(1), 0.0);
        gate.note(Signal::Silent, now + SECOND, now + SECOND, 0.0);
        assert_eq!(gate.health(), Health::Throttled);

        let mut gate = Gate::new();
        for _ in 0..2 * FAILURES {
            gate.note(Signal::Silent, now, now, 0.0);
        }
        assert_eq!(gate.health(), Health::Ok);
    }
}
