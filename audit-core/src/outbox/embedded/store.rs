//! A sub-journal in use: the queue in front of its thread, and the delivery's side of it.

use std::io;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::format::MAX_U48;
use super::lock::Owned;
use super::log::{Log, Op};
use super::patience::{Flight, watch};
use super::shelf::{Shelf, local};
use crate::outbox::appending::Waiting;
use crate::outbox::{
    AppendTicket, Appending, BurialReason, ClaimId, Durability, NewRecord, OutboxError, OutboxErrorKind, RecordId,
    Retry, Role,
};
use crate::planted::{Bug, planted};
use crate::sync::{Condvar, Mutex, MutexGuard, thread};

/// Relaxed records and table entries are on disk after this at the latest.
const LAZY: Duration = Duration::from_millis(50);
/// Every wait of the journal's thread ends after this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What may wait for a disk that does not keep up. A durable record's caller waits with it, which is a limit by itself;
/// relaxed ones have none but this.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
const RELAXED_BYTES: usize = 4 * 1024 * 1024;
/// So much is not left lying for the sake of laziness.
const LAZY_BYTES: usize = 512 * 1024;

/// A sub-journal and its thread.
#[derive(Debug)]
pub(super) struct Store {
    /// The delivery's side.
    pub(super) shelf: Shelf,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) flight: Flight,
    wake: Condvar,
    stopped: Condvar,
    changed: Arc<Notify>,
    health: Mutex<Health>,
}

/// What went wrong in a sub-journal since it was opened, and how full it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    /// Of segments that are in use; spare ones are room.
    pub(super) used_bytes: u64,
    pub(super) budget_bytes: u64,
    pub(super) dropped: u64,
    pub(super) spoilt: u64,
    /// The last write failed.
    pub(super) failing: bool,
}

#[derive(Debug)]
struct Queue {
    ops: Vec<Op>,
    bytes: usize,
    next_id: u64,
    /// Somebody waits for it.
    urgent: bool,
    /// Since when there is something to write that nobody waits for.
    lazy_since: Option<Instant>,
    rest: Rest,
    closing: bool,
    stopped: bool,
}

/// What the thread does; only one that rests must be woken, which costs a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Awake,
    /// Until what is lazy is due.
    Naps,
    Sleeps,
}

/// What the thread took on.
struct Batch {
    ops: Vec<Op>,
    tidy: bool,
    closing: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    pub(super) fn start(log: Log, owned: Option<Owned>, changed: Arc<Notify>) -> io::Result<Self> {
        let queue = Queue {
            ops: Vec::new(),
            bytes: 0,
            next_id: log.next_id,
            urgent: false,
            lazy_since: None,
            rest: Rest::Awake,
            closing: false,
            stopped: false,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            flight: Flight::default(),
            wake: Condvar::new(),
            stopped: Condvar::new(),
            changed,
            health: Mutex::default(),
        });
        let shelf = Shelf::of(&log);
        let run = {
            let shared = Arc::clone(&shared);
            move || write(log, owned, &Stopping(shared))
        };
        thread::Builder::new().name("audited-journal".into()).spawn(run)?;
        Ok(Self { shelf, shared })
    }

    pub(super) fn append(&self, record: NewRecord) -> Appending {
        let relaxed = record.durability == Durability::Relaxed;
        let mut queue = lock(&self.shared.queue);
        if let Err(error) = queue.admits(record.payload.len(), relaxed) {
            return Appending::done(Err(error));
        }
        let id = match record.role {
            Role::Settles(intent) => intent.0 & MAX_U48,
            Role::Event | Role::Intent => queue.draw_id(),
        };
        let (ticket, appending) = if relaxed {
            (None, Appending::done(Ok(self.shelf.global(id))))
        } else {
            let (ticket, appending) = Appending::waiting();
            (Some(ticket), appending)
        };
        queue.bytes += record.payload.len();
        queue.ops.push(Op::Append { id, record, ticket });
        let urgent = !relaxed || queue.bytes > LAZY_BYTES;
        self.shared.rouse(queue, urgent);
        appending
    }

    /// Has all that was taken before written.
    pub(super) fn flush(&self) -> Appending {
        self.order(|ticket| Op::Flush { ticket })
    }

    pub(super) fn acknowledge(&self, claim: ClaimId) -> Result<(), OutboxError> {
        self.note(self.shelf.acknowledge(claim)?);
        Ok(())
    }

    pub(super) fn reschedule(&self, claim: ClaimId, retry: Retry) -> Result<(), OutboxError> {
        self.note(self.shelf.reschedule(claim, retry)?);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Lets the thread know that there are tables to be written.
    fn note(&self, first: bool) {
        if first {
            self.shared.rouse(lock(&self.shared.queue), false);
        }
    }

    pub(super) fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> Appending {
        if let Err(error) = self.shelf.holds(claim) {
            return Appending::done(Err(error));
        }
        let (ticket, appending): (AppendTicket, _) = Appending::waiting();
        let mut queue = lock(&self.shared.queue);
        if queue.closing {
            return Appending::done(Err(closed()));
        }
        let replacement = replacement.map(|record| (queue.draw_id(), record));
        queue.ops.push(Op::Bury { id: local(claim.record), fence: claim.fence, reason, replacement, ticket });
        self.shared.rouse(queue, true);
        appending
    }

    /// The record is due again as `retry` says, under a new key.
    pub(super) fn rekey(&self, claim: ClaimId, retry: Retry) -> Appending {
        if let Err(error) = self.shelf.holds(claim) {
            return Appending::done(Err(error));
        }
        self.order(|ticket| Op::Rekey { id: local(claim.record), fence: claim.fence, retry, ticket })
    }

    /// The dead letter is pending again, under a new key.
    pub(super) fn redrive(&self, record: RecordId) -> Appending {
        if let Err(error) = self.shelf.look_at_dead() {
            return Appending::done(Err(error));
        }
        self.order(|ticket| Op::Redrive { id: local(record), ticket })
    }

    /// Hands the thread something that somebody waits for.
    fn order(&self, op: impl FnOnce(AppendTicket) -> Op) -> Appending {
        let (ticket, appending) = Appending::waiting();
        let mut queue = lock(&self.shared.queue);
        if queue.closing {
            return Appending::done(Err(closed()));
        }
        queue.ops.push(op(ticket));
        self.shared.rouse(queue, true);
        appending
    }

    pub(super) fn health(&self) -> Health {
        *lock(&self.shared.health)
    }

    /// Lets go who waits for the disk for longer than `patience`.
    pub(super) fn watch(&self, patience: Duration) -> io::Result<()> {
        watch(Arc::downgrade(&self.shared), patience)
    }

    /// Whether the disk has not answered for so long.
    pub(super) fn is_stuck(&self, patience: Duration) -> bool {
        self.shared.flight.is_stuck(patience)
    }

    /// Takes nothing more.
    pub(super) fn begin_close(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.closing = true;
        drop(queue);
        self.shared.wake.notify_all();
    }

    /// Waits until everything is on disk and the lock was given back.
    pub(super) fn await_close(&self, deadline: Instant) -> bool {
        let mut queue = lock(&self.shared.queue);
        while !queue.stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self.shared.stopped.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn closed() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Closed, "the journal was closed")
}

impl Queue {
    fn admits(&self, len: usize, relaxed: bool) -> Result<(), OutboxError> {
        if self.closing {
            return Err(closed());
        }
        if self.bytes + len > if relaxed { RELAXED_BYTES } else { QUEUE_BYTES } {
            let message = format!("the disk does not keep up: {} bytes wait for it", self.bytes);
            return Err(OutboxError::new(OutboxErrorKind::Full, message));
        }
        Ok(())
    }

    fn draw_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

impl Shared {
    /// Lets the thread know of work, and wakes it if it sleeps over that.
    fn rouse(&self, mut queue: MutexGuard<'_, Queue>, urgent: bool) {
        queue.urgent |= urgent;
        if !urgent && queue.lazy_since.is_none() {
            queue.lazy_since = Some(Instant::now());
        }
        let asleep = queue.rest == Rest::Sleeps || (urgent && queue.rest == Rest::Naps);
        if asleep {
            queue.rest = Rest::Awake;
        }
        drop(queue);
        if asleep {
            self.wake.notify_one();
        }
    }

    /// Those who wait for what is queued.
    pub(super) fn take_waiting(&self) -> Vec<Waiting> {
        lock(&self.queue).ops.iter().filter_map(Op::waiting).collect()
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.queue).stopped
    }

    /// Waits for work and takes all there is. `dirty`: something lazy is left from before.
    fn next(&self, dirty: bool) -> Batch {
        let mut queue = lock(&self.queue);
        if dirty {
            queue.lazy_since.get_or_insert_with(Instant::now);
        }
        loop {
            let lazy_for = queue.lazy_since.map(|since| since.elapsed());
            let due = lazy_for.is_some_and(|waited| waited >= LAZY);
            if due || queue.urgent || queue.closing {
                if due {
                    queue.lazy_since = None;
                }
                (queue.urgent, queue.bytes) = (false, 0);
                return Batch { ops: mem::take(&mut queue.ops), tidy: due, closing: queue.closing };
            }
            let (rest, wait) = match lazy_for {
                Some(waited) => (Rest::Naps, LAZY.saturating_sub(waited)),
                None => (Rest::Sleeps, LONGEST_WAIT),
            };
            queue.rest = rest;
            let (woken, over) = self.wake.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.rest = Rest::Awake;
            if over.timed_out() && rest == Rest::Sleeps {
                return Batch { ops: Vec::new(), tidy: true, closing: false };
            }
        }
    }
}

/// The journal's thread.
fn write(mut log: Log, owned: Option<Owned>, stopping: &Stopping) {
    let shared = &stopping.0;
    let mut dirty = false;
    loop {
        let batch = shared.next(dirty);
        if planted(Bug::LossyShutdown) && batch.closing {
            break;
        }
        let (any, done) = (!batch.ops.is_empty(), batch.closing && batch.ops.is_empty());
        if any {
            shared.flight.begin(&batch.ops);
            log.commit(batch.ops);
            shared.flight.end();
            shared.changed.notify_one();
        }
        if batch.tidy {
            log.tidy();
        }
        if batch.tidy || done {
            let mut health = lock(&shared.health);
            *health = log.health();
        }
        if done {
            break;
        }
        dirty = any && !batch.tidy;
    }
    // What cannot be sealed now is read in full at the next start.
    let _ = log.close();
    drop((log, owned));
}

/// However the thread ends, nobody waits for it any more.
struct Stopping(Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        (queue.closing, queue.stopped) = (true, true);
        let left = mem::take(&mut queue.ops);
        drop(queue);
        drop(left);
        self.0.stopped.notify_all();
    }
}
