//! An outbox in memory: for tests, and for programs that may lose their events when they die.

mod index;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, mem};

use tokio::sync::Notify;

use self::index::Index;
use super::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, NewRecord, Outbox, OutboxError,
    OutboxErrorKind, OutboxFuture, OutboxHealth, RecordId, Retry, Role,
};

/// What a record costs beside its payload, roughly: its place in the maps.
const OVERHEAD: u64 = 256;

/// An [`Outbox`] that lives and dies with the process. Bounded in bytes: a record for which there is no room is refused
/// with [`OutboxErrorKind::Full`], never dropped.
///
/// An append takes one short lock and pushes; everything that costs more (order, leases, idempotency keys) is done on
/// the delivery's side.
pub struct MemoryOutbox {
    budget: u64,
    used: AtomicU64,
    intake: Mutex<Intake>,
    index: Mutex<Index>,
    changed: Notify,
}

/// Records that no delivery has looked at yet, in order.
#[derive(Debug, Default)]
struct Intake {
    accepted: u64,
    records: Vec<(RecordId, NewRecord)>,
}

impl MemoryOutbox {
    /// The default budget: 64 MiB, some 70,000 events of usual size.
    pub const DEFAULT_BUDGET: u64 = 64 << 20;

    /// An empty outbox that holds at most `budget` bytes: payloads, dead letters included, and 256 bytes a record.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        Self {
            budget,
            used: AtomicU64::new(0),
            intake: Mutex::default(),
            index: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// How many bytes of the budget are used.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn reserve(&self, bytes: u64) -> Result<(), OutboxError> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.budget {
            return Ok(());
        }
        self.release(bytes);
        Err(OutboxError::new(
            OutboxErrorKind::Full,
            format!(
                "the memory outbox has no room for an event of {bytes} bytes: {before} of {} are used; wait until \
                 delivery has made room, give it a larger budget, or use an outbox on disk",
                self.budget
            ),
        ))
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index, with everything in it that was accepted so far.
    fn index(&self) -> MutexGuard<'_, Index> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = mem::take(&mut self.intake().records);
        for (id, record) in accepted {
            index.insert(id, record);
        }
        index
    }

    fn push(&self, record: NewRecord) -> RecordId {
        let mut intake = self.intake();
        intake.accepted += 1;
        let id = RecordId(intake.accepted);
        intake.records.push((id, record));
        id
    }

    fn settle_intent(&self, intent: RecordId, record: NewRecord) -> Result<RecordId, OutboxError> {
        let freed = self.index().settle_intent(intent, record)?;
        self.release(cost(freed));
        Ok(intent)
    }

    fn append_now(&self, record: NewRecord) -> Result<RecordId, OutboxError> {
        let bytes = cost(record.payload.len());
        self.reserve(bytes)?;
        let id = match record.role {
            Role::Event | Role::Intent => self.push(record),
            Role::Settles(intent) => self.settle_intent(intent, record).inspect_err(|_| self.release(bytes))?,
        };
        self.changed.notify_one();
        Ok(id)
    }

    fn bury_now(
        &self,
        claim: ClaimId,
        reason: BurialReason,
        replacement: Option<NewRecord>,
    ) -> Result<(), OutboxError> {
        // Both under the index's lock, so that nobody sees the one without the other.
        let mut index = self.index();
        index.bury(claim, reason)?;
        if let Some(record) = replacement {
            // Even over the budget: it is smaller than what it replaces, and refusing it would undo the burial.
            self.used.fetch_add(cost(record.payload.len()), Ordering::Relaxed);
            let id = self.push(record);
            drop(index);
            debug_assert!(id.0 > claim.record.0);
            self.changed.notify_one();
        }
        Ok(())
    }
}

impl Default for MemoryOutbox {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BUDGET)
    }
}

impl Outbox for MemoryOutbox {
    fn append(&self, record: NewRecord) -> Appending {
        Appending::done(self.append_now(record))
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async move { self.index().claim(&request) })
    }

    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            let freed = self.index().remove(claim)?;
            self.release(cost(freed));
            Ok(())
        })
    }

    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.index().reschedule(claim, retry)?;
            self.changed.notify_one();
            Ok(())
        })
    }

    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.bury_now(claim, reason, replacement) })
    }

    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.index().rekey(claim, retry)?;
            self.changed.notify_one();
            Ok(())
        })
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        Box::pin(async move { Ok(self.index().contents()) })
    }

    fn health(&self) -> OutboxHealth {
        OutboxHealth { used_bytes: self.used(), budget_bytes: Some(self.budget), ..OutboxHealth::default() }
    }

    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        Box::pin(async move { Ok(self.index().dead_letters(after, max)) })
    }

    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.index().redrive(record)?;
            self.changed.notify_one();
            Ok(())
        })
    }

    fn changed(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.changed.notified())
    }
}

/// Tells sizes, not contents: payloads are somebody's data.
impl fmt::Debug for MemoryOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOutbox").field("budget", &self.budget).field("used", &self.used()).finish_non_exhaustive()
    }
}

fn cost(payload: usize) -> u64 {
    OVERHEAD + payload as u64
}
