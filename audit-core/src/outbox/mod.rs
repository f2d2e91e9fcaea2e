//! Where accepted events wait until they are delivered.
//!
//! An [`Outbox`] knows bytes, keys and times; it does not know WorkOS. Everything that is held in memory beside it is
//! only a wake-up: the outbox is the truth. All implementations pass the one suite in `conformance`.
//!
//! One record's way: [`append`](Outbox::append) stores it, [`claim`](Outbox::claim) lends it to a delivery for the
//! length of a lease, and exactly one of [`acknowledge`](Outbox::acknowledge), [`reschedule`](Outbox::reschedule),
//! [`rekey`](Outbox::rekey) and [`bury`](Outbox::bury) settles that claim. A claim that is never settled (the process died) ends with its lease.

pub(crate) mod appending;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(unix)]
pub(crate) mod embedded;
mod error;
mod memory;

pub use self::appending::{AppendTicket, Appending};
#[cfg(all(test, unix))]
pub(crate) use self::embedded::tests::simulated::{self, SimulatedDisk, SimulatedJournal};
#[cfg(unix)]
pub use self::embedded::{
    Damage, Finding, Journal, JournalReader, JournalSettings, PendingRecord, Recovery, Verification,
};
pub use self::error::{OutboxError, OutboxErrorKind};
pub use self::memory::MemoryOutbox;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// What an outbox does on the delivery's side, boxed so that the trait stays usable as `dyn Outbox`.
pub type OutboxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, OutboxError>> + Send + 'a>>;

/// The furthest ahead that a record is ever put off. A record that is due later than this from now was put off under a
/// clock that has been set back since, and counts as due.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// A durable queue of encoded events.
pub trait Outbox: Send + Sync + fmt::Debug + 'static {
    /// Takes a record over. Called on the handler's path: never blocks and never waits for the network; the returned
    /// [`Appending`] tells when the record is as durable as [`NewRecord::durability`] asks.
    ///
    /// The outbox gives the record its [`IdempotencyKey`], drawn once and kept for the record's whole life.
    fn append(&self, record: NewRecord) -> Appending;

    /// Lends at most `request.max` records that are due, oldest first, each for `request.lease`.
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>>;

    /// The record arrived: it leaves the outbox.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Fenced`] when the lease has passed to another delivery.
    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()>;

    /// The record stays and is due again at `retry.due`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Fenced`] when the lease has passed to another delivery.
    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()>;

    /// The record was refused for good: it becomes a dead letter with `reason`, and `replacement` (its smallest valid
    /// form) is appended in the same step.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Fenced`] when the lease has passed to another delivery.
    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()>;

    /// As [`reschedule`](Outbox::reschedule), but the record goes on under a key that is drawn anew: its old one is of no
    /// more use.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Fenced`] when the lease has passed to another delivery.
    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()>;

    /// How much waits, and how much is dead.
    fn inspect(&self) -> OutboxFuture<'_, Contents>;

    /// How the outbox itself fares. Never blocks.
    fn health(&self) -> OutboxHealth {
        OutboxHealth::default()
    }

    /// Up to `max` dead letters, oldest first, starting behind `after`.
    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>>;

    /// The dead letter is pending again: due at once, without a history, and under a key that is drawn anew, since a sink
    /// may answer the old one with the refusal that it remembers.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Missing`] when there is no such dead letter.
    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()>;

    /// Makes durable what was taken before, relaxed records included: from then on they are counted and lent. A drain
    /// begins with it.
    ///
    /// # Errors
    /// When that could not be done.
    fn flush(&self) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Takes nothing more, and makes durable what was taken. Called once, at the end.
    ///
    /// # Errors
    /// When that did not succeed within `deadline`; what was durable before is safe.
    fn close(&self, _deadline: Duration) -> OutboxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Resolves once something may have become due since the last call; a hint, and never the only way to find work.
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A record on its way into an outbox.
#[derive(Debug)]
pub struct NewRecord {
    /// The exact bytes of the request, never changed afterwards.
    pub payload: Vec<u8>,
    /// Records of one lane (one organization) are delivered in order of acceptance where nothing fails; lanes do not
    /// wait for each other.
    pub lane: Lane,
    /// When the caller may go on.
    pub durability: Durability,
    /// Whether this record announces a deed, or settles one that was announced.
    pub role: Role,
    /// When the record was accepted.
    pub accepted_at: Timestamp,
}

/// What a record is to other records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Stands for itself.
    Event,
    /// Announces a deed that is about to be done. It is not lent to a delivery while the process that appended it
    /// lives, unless it is settled; after that process' death it is delivered as it is.
    Intent,
    /// Takes the place of an intent, in one step, under the intent's idempotency key.
    Settles(RecordId),
}

/// When an append counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Handed over; on disk a moment later. Lost if the process dies in between.
    Relaxed,
    /// On disk.
    #[default]
    Durable,
    /// An intent is on disk before the deed, its outcome before the return.
    Strict,
}

/// Which queue a record stands in: a hash of its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u64);

/// Names a record within its outbox, in order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// Names one claim of a record: the record and the fencing number that the claim was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimId {
    /// The record.
    pub record: RecordId,
    /// Grows with every claim of that record, so that a delivery whose lease ran out cannot settle it any more.
    pub fence: u64,
}

/// Milliseconds since 1970-01-01 UTC, from the wall clock: what may be written to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        // Seconds of a `SystemTime` fit into 63 bits, and a clock that is that wrong may as well stand still.
        Self(since.as_secs().saturating_mul(1_000).saturating_add(u64::from(since.subsec_millis())))
    }

    /// This moment and `wait`, rounded down to milliseconds.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero if the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What a delivery asks for.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRequest<'a> {
    /// The most records to lend.
    pub max: usize,
    /// How long they are lent; longer than the delivery's own deadline for a request.
    pub lease: Duration,
    /// This moment.
    pub now: Timestamp,
    /// Lanes that wait and from which nothing is wanted.
    pub waiting_lanes: &'a std::collections::HashSet<Lane>,
}

/// A record that was lent to a delivery.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// To settle the claim with.
    pub claim: ClaimId,
    /// The same on every attempt.
    pub key: IdempotencyKey,
    /// The same on every attempt.
    pub payload: Bytes,
    /// Whose record it is.
    pub lane: Lane,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// How it went so far.
    pub history: History,
}

/// What earlier attempts left behind, kept in the outbox so that a restart does not forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Attempts that count: a 429 or a paused key does not.
    pub attempts: u32,
    /// When the first attempt that may have reached the sink was made: the sink's idempotency window runs from here.
    pub first_ambiguous: Option<Timestamp>,
    /// Whether the record was given a new key already. An outbox may forget this in a crash.
    pub rekeyed: bool,
}

/// When to try again, and what to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Not before this.
    pub due: Timestamp,
    /// Replaces the record's history.
    pub history: History,
}

/// Why a record became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurialReason {
    /// The sink's status code, if it answered.
    pub status: Option<u16>,
    /// The sink's own words, and what to do next.
    pub message: String,
    /// When it was buried.
    pub at: Timestamp,
}

/// A record that was refused for good.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The record.
    pub record: RecordId,
    /// The key it was sent under.
    pub key: IdempotencyKey,
    /// What was sent.
    pub payload: Bytes,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Why it is here.
    pub reason: BurialReason,
}

/// How much an outbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Records not yet settled, lent ones and open intents included.
    pub pending: u64,
    /// Dead letters.
    pub dead: u64,
    /// The earliest moment at which a record that is not lent becomes due; `None` if there is none.
    pub next_due: Option<Timestamp>,
    /// When the oldest pending record was accepted that is no open intent.
    pub oldest: Option<Timestamp>,
}

/// How an outbox itself fares, whatever it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OutboxHealth {
    /// The last write to the storage failed.
    pub failing: bool,
    /// Bytes that are used.
    pub used_bytes: u64,
    /// Bytes that may be used; `None` if the outbox has no limit of its own.
    pub budget_bytes: Option<u64>,
    /// Records that could not be stored after they had been taken, without anybody left who waited for the answer: relaxed
    /// ones, and those whose [`Appending`] was dropped. Those that settle an intent are not among them.
    pub dropped: u64,
    /// Parts of the storage that failed and are not written any more.
    pub failed_segments: u64,
    /// Records whose bytes turned out to be damaged when they were to be delivered. They stay where they are.
    pub damaged: u64,
}

/// The value of the `Idempotency-Key` header: a version 4 UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey([u8; 16]);

impl IdempotencyKey {
    /// Makes a key of 16 random bytes.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// A key that was made before, from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
