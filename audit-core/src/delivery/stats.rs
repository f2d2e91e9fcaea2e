//! Where each event ended, and how the endpoint is doing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::outbox::{Contents, Timestamp};

/// What a delivery has done since it was started. All counters only grow.
///
/// With what was accepted by the outbox and what it holds: `accepted + replaced + redriven = delivered + pending + dead`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeliveryStats {
    /// Events that the sink took and that left the outbox.
    pub delivered: u64,
    /// Events that became dead letters.
    pub dead: u64,
    /// Of those, the ones that the sink may have already, parked as [`DuplicatePolicy::Park`](super::DuplicatePolicy)
    /// says.
    pub parked: u64,
    /// Smallest forms that took the place of events which the sink refused.
    pub replaced: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts after which an event went back for another.
    pub retried: u64,
    /// Answers of 429: the sink asked for fewer requests.
    pub throttled: u64,
    /// Answers of 401 and 403: the sink refused the credentials.
    pub unauthorized: u64,
    /// Attempts that reached nobody.
    pub unreachable: u64,
    /// Attempts that ended at a certificate which could not be verified.
    pub untrusted: u64,
    /// Attempts whose outcome is unknown, 5xx answers included.
    pub ambiguous: u64,
    /// Events sent although the sink may have them and may have forgotten their idempotency keys: each of these can be
    /// one duplicate.
    pub possible_duplicates: u64,
    /// Events that were given a new idempotency key, since the sink seemed to repeat a failure that it remembered for the old
    /// one; they are among the possible duplicates.
    pub rekeyed: u64,
    /// Successes whose body could not be understood.
    pub unparseable_success: u64,
    /// Failures of the outbox. Nothing is lost by them: a record whose settlement fails is lent again.
    pub outbox_errors: u64,
    /// Settlements that came too late: the lease had passed to another delivery.
    pub fenced: u64,
    /// Panics in a sink, or in an outbox; the record is lent again after its lease.
    pub panics: u64,
    /// How the endpoint is doing.
    pub health: Health,
    /// Since when; `None` if it never was otherwise.
    pub health_since: Option<Timestamp>,
    /// Whether the outbox failed and has not worked since.
    pub outbox_failing: bool,
    /// What the outbox held when delivery had nothing to do for the last time.
    pub held: Option<Contents>,
    /// How long the last event that was delivered had waited since it was accepted.
    pub last_wait: Duration,
}

/// How the endpoint is doing, as seen by a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Health {
    /// Nothing is known to be wrong.
    #[default]
    Ok,
    /// It asked for fewer requests; delivery waits.
    Throttled,
    /// It refuses the credentials; delivery waits and reads them again once a minute.
    Unauthorized,
    /// It cannot be reached, or fails whatever it is sent; delivery waits and tries.
    Unreachable,
    /// Its certificate cannot be verified; delivery waits and tries.
    Untrusted,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The counters behind [`DeliveryStats`], shared between the delivery's thread and its handle.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
            /// How long the last event had waited, in milliseconds.
            last_wait: AtomicU64,
            state: Mutex<State>,
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> DeliveryStats {
                let state = *self.state();
                DeliveryStats {
                    $($name: self.$name.get(),)*
                    health: state.health,
                    health_since: state.since,
                    outbox_failing: state.outbox_failing,
                    held: state.held,
                    last_wait: Duration::from_millis(self.last_wait.load(Ordering::Relaxed)),
                }
            }
        }
    };
}

counters!(
    delivered,
    dead,
    parked,
    replaced,
    attempts,
    retried,
    throttled,
    unauthorized,
    unreachable,
    untrusted,
    ambiguous,
    possible_duplicates,
    rekeyed,
    unparseable_success,
    outbox_errors,
    fenced,
    panics,
);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    health: Health,
    since: Option<Timestamp>,
    outbox_failing: bool,
    held: Option<Contents>,
}

/// Something that is counted.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Takes note of the endpoint's health. Returns whether it is another than before.
    pub(super) fn set_health(&self, health: Health, now: Timestamp) -> bool {
        let mut state = self.state();
        if state.health == health {
            return false;
        }
        state.health = health;
        state.since = Some(now);
        true
    }

    /// Takes note of whether the outbox works. Returns whether that is news.
    pub(super) fn set_outbox_failing(&self, failing: bool) -> bool {
        let mut state = self.state();
        std::mem::replace(&mut state.outbox_failing, failing) != failing
    }

    /// An event was delivered that had waited for so long.
    pub(super) fn waited(&self, waited: Duration) {
        self.last_wait.store(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        crate::audit_log::metrics::time_to_delivery(waited);
    }

    /// Takes note of what the outbox holds.
    pub(super) fn set_held(&self, held: Contents) {
        self.state().held = Some(held);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
