//! One answer to the question whether the log does what it is for.

mod assess;
mod report;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::report::{HealthReason, HealthReport, HealthStatus};

use self::assess::{Facts, Lately, assess};
use super::AuditLog;
use crate::delivery::Delivery;
use crate::outbox::Timestamp;

/// How long it is told that events were refused or lost.
const LATELY: Duration = Duration::from_secs(3600);

impl AuditLog {
    /// Whether events are stored and delivered as they should be, and what is wrong if not. Costs microseconds, never
    /// waits, and may be called as often as anybody likes.
    ///
    /// `failing`, where somebody has to look, lasts as long as what it is for: events are being refused, or none arrives.
    /// `degraded` is what passes by itself, and what nobody should overlook: dead letters, refused events of the last hour.
    ///
    /// Wire it to what alarms a person, or to the page of a status check. It is no reason to restart a process, which
    /// mends nothing that is told here: keep it out of a liveness probe.
    ///
    /// ```
    /// # fn example(audit: audit_core::AuditLog) {
    /// use audit_core::HealthStatus;
    ///
    /// let health = audit.health();
    /// let status = if health.status() == HealthStatus::Failing { 503 } else { 200 };
    /// // "degraded: 3 dead letters wait for somebody to look at them"
    /// let body = health.to_string();
    /// # }
    /// ```
    #[must_use]
    pub fn health(&self) -> HealthReport {
        let stats = self.stats();
        let outbox = self.0.outbox.health();
        let running = self.0.delivery.as_ref().is_none_or(Delivery::is_running);
        let lately = self.0.lately.look(stats.refused, stats.dropped, Instant::now());
        assess(&Facts {
            now: Timestamp::now(),
            closed: self.is_closed(),
            running,
            refusing_since: self.0.counters.refusing_since(),
            outbox,
            oldest: self.held_now().or(stats.delivery.held).and_then(|held| held.oldest),
            recovery: self.0.recovery,
            lately,
            stats,
        })
    }
}

/// Remembers when counters grew that only ever grow.
#[derive(Debug, Default)]
pub(super) struct Recently(Mutex<[Grown; 2]>);

#[derive(Debug, Clone, Copy, Default)]
struct Grown {
    /// What the counter was when it began to grow.
    before: u64,
    seen: u64,
    last: Option<Instant>,
}

impl Recently {
    fn look(&self, refused: u64, dropped: u64, now: Instant) -> Lately {
        let [refusals, drops] = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Lately { refused: refusals.look(refused, now), dropped: drops.look(dropped, now) }
    }
}

impl Grown {
    /// By how much the counter grew, if that is not long ago.
    fn look(&mut self, count: u64, now: Instant) -> u64 {
        if count > self.seen {
            (self.seen, self.last) = (count, Some(now));
        } else if self.last.is_some_and(|last| now.saturating_duration_since(last) >= LATELY) {
            (self.before, self.last) = (self.seen, None);
        }
        self.seen - self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::event;
    use crate::outbox::OutboxErrorKind;
    use crate::testing::Recorder;

    #[test]
    fn appends_that_fail_are_red_until_one_works() {
        let recorder = Recorder::new();
        let _installed = recorder.install();
        let tell = || event("a.b").target_of("t", 1).emit_blocking();
        let codes = || recorder.log().health().reasons().iter().map(HealthReason::code).collect::<Vec<_>>();
        tell().unwrap();
        assert!(codes().is_empty());

        recorder.fail(Some(OutboxErrorKind::Storage));
        tell().unwrap_err();
        assert_eq!(
            (codes(), recorder.log().health().status()),
            (vec!["storage_failing", "refused"], HealthStatus::Failing)
        );
        recorder.fail(Some(OutboxErrorKind::Late));
        tell().unwrap_err();
        let stats = recorder.stats();
        assert_eq!((stats.accepted, stats.refused, stats.late), (2, 1, 1), "it may be stored yet: {stats:#?}");

        recorder.fail(None);
        tell().unwrap();
        assert_eq!(codes(), ["refused"], "for an hour");
    }

    #[test]
    fn what_grew_is_told_for_an_hour() {
        let (mut grown, start) = (Grown::default(), Instant::now());
        let mut at = |minutes: u64, count| grown.look(count, start + Duration::from_secs(60 * minutes));
        assert_eq!(at(0, 0), 0);
        assert_eq!(at(1, 3), 3);
        assert_eq!(at(30, 3), 3);
        assert_eq!(at(50, 5), 5, "it goes on");
        assert_eq!(at(109, 5), 5);
        assert_eq!(at(110, 5), 0, "an hour after the last");
        assert_eq!(at(200, 6), 1, "and only what is new");
    }
}
