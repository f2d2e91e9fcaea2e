//! The journal without its thread, on the disk in memory: an outbox for simulations, which have a clock of their own and
//! crash when they are told to.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::log::{Limits, Log, Op};
use super::super::shelf::{Shelf, local};
use super::disk::{ModelDisk, Unsynced};
use super::rig::{Fate, files, held};
use crate::outbox::{
    AppendTicket, Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, NewRecord, Outbox,
    OutboxFuture, RecordId, Retry,
};

/// A segment holds some thirty events, so that a simulation goes through many of them.
const LIMITS: Limits = Limits { segment_bytes: 4096 + 12 * 1024, files: 400, held: 64 };

/// What the journal's thread puts off is done after this.
pub(crate) const LAZY: Duration = Duration::from_millis(50);

/// The kernel writes what is dirty for longer than this by itself (`vm.dirty_expire_centisecs` and
/// `vm.dirty_writeback_centisecs`: 30 s and 5 s).
pub(crate) const WRITEBACK: Duration = Duration::from_secs(40);

/// A disk that outlives the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedDisk {
    disk: ModelDisk,
    /// How long the disk's trace was, and when.
    written: Arc<Mutex<Vec<(Instant, usize)>>>,
}

impl SimulatedDisk {
    fn with(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { disk: ModelDisk::with(files), written: Arc::default() }
    }

    /// The disk after the process was killed: the kernel writes what it was given.
    pub(crate) fn after_kill(&self) -> Self {
        Self::with(self.disk.files())
    }

    /// The disk after the power failed: of what was neither synced nor written by the kernel, each sector is in any of its
    /// states, as `choose` says.
    pub(crate) fn after_power_cut(&self, mut choose: impl FnMut(usize) -> usize) -> Self {
        let mut unsynced = Unsynced::from_files(&self.disk.began_with());
        let trace = self.disk.trace();
        let old =
            self.written.lock().unwrap().iter().rfind(|(at, _)| at.elapsed() > WRITEBACK).map_or(0, |(_, len)| *len);
        for event in &trace[..old] {
            unsynced.apply(event);
        }
        unsynced.write_back();
        for event in &trace[old..] {
            unsynced.apply(event);
        }
        let chosen: Vec<usize> = unsynced.choices().into_iter().map(&mut choose).collect();
        Self::with(unsynced.crash(&chosen))
    }

    fn note_time(&self) {
        self.written.lock().unwrap().push((Instant::now(), self.disk.trace_len()));
    }

    /// The payloads that a process would find pending and dead.
    pub(crate) fn contents(&self) -> (Vec<Bytes>, Vec<Bytes>) {
        let (mut pending, mut dead) = (Vec::new(), Vec::new());
        for fate in held(&self.after_kill().disk).fates.into_values() {
            match fate {
                Fate::Pending(payload) => pending.push(payload),
                Fate::Dead(payload) => dead.push(payload),
                Fate::Absent => {}
            }
        }
        (pending, dead)
    }
}

#[derive(Debug)]
pub(crate) struct SimulatedJournal {
    shelf: Shelf,
    disk: SimulatedDisk,
    writing: Arc<Mutex<Writing>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Writing {
    log: Log,
    next_id: u64,
    /// Something is put off, and will be done.
    lazy: bool,
}

impl SimulatedJournal {
    pub(crate) fn open(disk: &SimulatedDisk) -> Self {
        let (log, _) = Log::open(0, LIMITS, files(&disk.disk)).unwrap();
        let shelf = Shelf::of(&log);
        let writing = Writing { next_id: log.next_id, log, lazy: false };
        Self { shelf, disk: disk.clone(), writing: Arc::new(Mutex::new(writing)), changed: Arc::default() }
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap()
    }

    fn order(&self, op: impl FnOnce(&mut Writing, AppendTicket) -> Op) -> Appending {
        let (ticket, appending) = Appending::waiting();
        let mut writing = self.writing();
        let op = op(&mut writing, ticket);
        writing.log.commit(vec![op]);
        drop(writing);
        self.disk.note_time();
        self.changed.notify_one();
        self.tidy_soon();
        appending
    }

    /// What the journal's thread does when it has nothing better to do, unless the process dies first.
    fn tidy_soon(&self) {
        if std::mem::replace(&mut self.writing().lazy, true) {
            return;
        }
        let (writing, disk) = (Arc::downgrade(&self.writing), self.disk.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LAZY).await;
            let Some(writing) = writing.upgrade() else { return };
            let mut writing = writing.lock().unwrap();
            writing.lazy = false;
            writing.log.tidy();
            disk.note_time();
        });
    }
}

impl Writing {
    fn draw_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }
}

impl Outbox for SimulatedJournal {
    fn append(&self, record: NewRecord) -> Appending {
        self.order(|writing, ticket| Op::Append { id: writing.draw_id(), record, ticket: Some(ticket) })
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async move { self.shelf.claim(&request, request.max) })
    }

    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.shelf.acknowledge(claim)?;
            self.tidy_soon();
            Ok(())
        })
    }

    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.shelf.reschedule(claim, retry)?;
            self.tidy_soon();
            self.changed.notify_one();
            Ok(())
        })
    }

    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.shelf.holds(claim)?;
            let buried = self.order(|writing, ticket| {
                let replacement = replacement.map(|record| (writing.draw_id(), record));
                Op::Bury { id: local(claim.record), fence: claim.fence, reason, replacement, ticket }
            });
            buried.await.map(drop)
        })
    }

    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.shelf.holds(claim)?;
            let op = |_: &mut Writing, ticket| Op::Rekey { id: local(claim.record), fence: claim.fence, retry, ticket };
            self.order(op).await.map(drop)
        })
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        Box::pin(async move { Ok(self.shelf.contents()) })
    }

    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        Box::pin(async move { self.shelf.dead_letters(after.unwrap_or(RecordId(0)), max) })
    }

    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.order(|_, ticket| Op::Redrive { id: local(record), ticket }).await.map(drop) })
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.changed.notified())
    }
}
