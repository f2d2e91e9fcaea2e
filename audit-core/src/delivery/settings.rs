//! What a delivery can be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::Timestamp;
use crate::planted::{Bug, planted};

/// How a delivery behaves. The defaults suit WorkOS.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeliverySettings {
    /// Requests a second at most; `None` is as fast as it goes. Default: 50.
    ///
    /// WorkOS permits 6,000 requests a minute per API key over all its endpoints, logins included (WorkOS docs, "Rate
    /// limits"): the default leaves half of that to the rest of the application.
    pub pace: Option<f64>,
    /// Requests under way at once, at most. Default: 64. A delivery starts with 16 and finds its own number.
    pub concurrency: usize,
    /// How long a record is lent to this delivery. Default: 60 s. After a crash its records wait that long, so longer
    /// is safer and slower; it is never shorter than twice `attempt_timeout`.
    pub lease: Duration,
    /// How long the sink may take for one attempt. Default: 15 s. A sink has its own deadline, which should be
    /// shorter; this one is for a sink that hangs.
    pub attempt_timeout: Duration,
    /// How often to look into the outbox though it said nothing. Default: 5 s. Other processes may share it.
    pub poll_interval: Duration,
    /// What to do with an event that the sink may have and may have forgotten. Default: send it.
    pub duplicates: DuplicatePolicy,
    /// The wall clock. Default: the system's.
    pub clock: Clock,
}

/// What to do with an event when its earlier attempts may have reached the sink, but so long ago that the sink no
/// longer knows its idempotency key: 23 hours, one less than WorkOS keeps them (API reference, "Idempotency").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DuplicatePolicy {
    /// Send it: it may be in the log twice, and is never missing.
    #[default]
    Send,
    /// Make it a dead letter: it may be missing until somebody has looked, and is never in the log twice.
    Park,
}

/// Tells the time of day. Tests bring their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// A clock that begins with this one and then counts what passes, whoever sets this one: for what is lent and put off. Leases
    /// that a clock set ahead ended would be settled in vain, though the sink has the event.
    pub(super) fn counting(&self) -> Self {
        if planted(Bug::WallClockGate) {
            return self.clone();
        }
        let (start, began) = (self.now(), Instant::now());
        Self::new(move || start.after(began.elapsed()))
    }

    /// This clock, save that it does not go back while the process lives: what waits for a time of day would wait longer.
    pub(super) fn steady(self) -> Self {
        if planted(Bug::WallClockGate) {
            return self;
        }
        let (start, began) = (self.now(), Instant::now());
        Self::new(move || self.now().max(start.after(began.elapsed())))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            pace: Some(50.0),
            concurrency: 64,
            lease: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(15),
            poll_interval: Duration::from_secs(5),
            duplicates: DuplicatePolicy::default(),
            clock: Clock::default(),
        }
    }
}

impl DeliverySettings {
    /// The same settings within their bounds: neither a setting that makes no sense nor a clock that is set back stops
    /// delivery.
    pub(super) fn bounded(mut self) -> Self {
        self.pace = self.pace.filter(|pace| pace.is_finite()).map(|pace| pace.clamp(0.001, 1_000_000.0));
        self.concurrency = self.concurrency.clamp(1, 1024);
        self.attempt_timeout = self.attempt_timeout.clamp(Duration::from_millis(1), Duration::from_secs(600));
        self.lease = self.lease.clamp(2 * self.attempt_timeout, Duration::from_secs(86_400));
        self.clock = self.clock.steady();
        self.poll_interval = self.poll_interval.clamp(Duration::from_millis(10), Duration::from_secs(3600));
        self
    }
}
