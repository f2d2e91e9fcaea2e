//! Waiting until everything is delivered, for so long and no longer.

use std::time::Duration;

use tokio::time::Instant;

use super::stats::Counters;
use crate::outbox::Contents;

/// What a drain achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Events delivered since the drain began.
    pub delivered: u64,
    /// Events that became dead letters since the drain began.
    pub dead: u64,
    /// What the outbox still holds; `None` if it did not say in time, or if the delivery had stopped before.
    pub remaining: Option<Contents>,
    /// Whether nothing was left to deliver, open intents aside; otherwise the deadline came first. What remains stays
    /// in the outbox; attempts under way are tried again under the same key once their leases end.
    pub drained: bool,
}

/// A drain under way.
pub(super) struct Drain {
    deadline: Instant,
    stop: bool,
    before: (u64, u64),
    answer: Box<dyn FnOnce(DrainReport) + Send>,
}

/// All drains under way.
#[derive(Default)]
pub(super) struct Drains {
    under_way: Vec<Drain>,
    begun: u64,
    stopped: bool,
}

impl Drain {
    /// A drain that begins now. With `stop` it is the last thing that the delivery does.
    pub(super) fn new(
        patience: Duration,
        stop: bool,
        counters: &Counters,
        answer: impl FnOnce(DrainReport) + Send + 'static,
    ) -> Self {
        // A century is as good as for ever, and can be added to an instant.
        let deadline = Instant::now() + patience.min(Duration::from_secs(100 * 365 * 86_400));
        Self { deadline, stop, before: progress(counters), answer: Box::new(answer) }
    }

    fn end(self, counters: &Counters, remaining: Option<Contents>, drained: bool) {
        let (delivered, dead) = progress(counters);
        let report =
            DrainReport { delivered: delivered - self.before.0, dead: dead - self.before.1, remaining, drained };
        (self.answer)(report);
    }
}

impl Drains {
    pub(super) fn push(&mut self, drain: Drain) {
        self.under_way.push(drain);
        self.begun += 1;
    }

    /// How many have begun so far: what was looked at before the last of them says nothing of it.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether a drain has ended that was to be the last.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// The next deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.iter().map(|drain| drain.deadline).min()
    }

    /// Nothing is left to deliver: all end.
    pub(super) fn end_drained(&mut self, counters: &Counters, contents: Contents) {
        for drain in self.under_way.drain(..) {
            self.stopped |= drain.stop;
            drain.end(counters, Some(contents), true);
        }
    }

    /// Those whose time is up at `now` end; if one of them is the last, all do.
    pub(super) fn end_late(&mut self, counters: &Counters, contents: Option<Contents>, now: Instant) {
        self.stopped |= self.under_way.iter().any(|drain| drain.stop && drain.deadline <= now);
        let stopped = self.stopped;
        for drain in self.under_way.extract_if(.., |drain| stopped || drain.deadline <= now) {
            drain.end(counters, contents, false);
        }
    }
}

fn progress(counters: &Counters) -> (u64, u64) {
    (counters.delivered.get(), counters.dead.get())
}
