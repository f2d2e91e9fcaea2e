//! The journal: an outbox in files of its own, the default.
//!
//! `docs/journal-format.md` tells what is on disk and why. In here, from the bytes up: `format` encodes, `io` is the seam
//! to the disk, `filesystem` knows which of them to warn of, `window` reads records, `recover` finds out what a directory
//! holds, `states` knows what became of each record and `index`, with its `queue`s, what is lent next, `log`, `renew` and `segments` write,
//! `store` is the thread and the queue in front of it, `patience` lets go who waits for a disk that hangs, `shelf` is the
//! delivery's side, `lock` keeps processes apart. This file joins them.

mod errands;
mod filesystem;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod index;
mod io;
mod lock;
mod log;
mod patience;
mod queue;
mod reader;
mod recover;
mod renew;
mod segments;
mod shelf;
mod states;
mod store;
mod window;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::io::{Directory, Files};
use self::lock::{Orphans, Owned};
use self::log::{Limits, Log, storage};
pub use self::reader::{Damage, Finding, JournalReader, PendingRecord, Verification};
use self::recover::LoadError;
use self::store::Store;
use super::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, NewRecord, Outbox, OutboxError,
    OutboxErrorKind, OutboxFuture, OutboxHealth, RecordId, Retry,
};

/// How often orphans are looked for.
const ADOPT_EVERY: Duration = Duration::from_secs(5);
/// So many pending records are held in memory before segments are left on disk until it is their turn: 640 KiB.
const HELD: usize = 32 * 1024;
/// How long dropping a journal may take.
const DROP_WAITS: Duration = Duration::from_secs(2);

/// How large a [`Journal`] may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalSettings {
    /// The most bytes of disk that a process' share of the journal takes, dead letters included. Default: 2 GiB, about
    /// 2.5 million events.
    pub budget: u64,
    /// The size of a segment, in bytes; at most 1 GiB. Default: 8 MiB.
    pub segment: u64,
    /// How long a durable append waits for a disk that neither answers nor fails, up to half of that longer. Default: 5 s.
    pub patience: Duration,
    /// Whether this is a tool that looks after a service's journal, and not the service. What the service's last process left
    /// to be told, an unclean stop and damage, is then told again at the service's next start. Default: no.
    pub visiting: bool,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { budget: 2 << 30, segment: 8 << 20, patience: Duration::from_secs(5), visiting: false }
    }
}

impl JournalSettings {
    fn limits(self) -> Limits {
        let segment_bytes = self.segment.clamp(8 * format::PAGE, 1 << 30);
        let files = (self.budget / segment_bytes).clamp(3, u64::from(u16::MAX - 1));
        Limits { segment_bytes, files: u16::try_from(files).unwrap_or(u16::MAX - 1), held: HELD }
    }
}

/// What opening a journal found: what survived, and what did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Records that are pending.
    pub pending: u64,
    /// Dead letters.
    pub dead: u64,
    /// The process before did not close the journal: what it appended as relaxed in its last 50 ms may be missing.
    pub unclean: bool,
    /// Intents that the process before left open; they are delivered as they are.
    pub open_intents: u64,
    /// Records that were begun and not finished. Nobody was told that they were stored.
    pub torn: u64,
    /// Records that were stored and whose bytes are damaged. Copies are kept in `quarantine-` files.
    pub lost: u64,
    /// Segments that are damaged as a whole, or whose file is gone.
    pub lost_segments: u64,
    /// Sub-journals of a later release, which were left alone.
    pub newer: u64,
}

/// An [`Outbox`] on the local disk.
///
/// Several processes may use one directory: each has a share of its own in it, and takes over the share of a process that
/// is gone. A forked child, which has none of its parent's threads, gets its own share with its first append.
pub struct Journal {
    dir: PathBuf,
    settings: JournalSettings,
    process: u32,
    home: Store,
    adoption: Mutex<Adoption>,
    changed: Arc<Notify>,
    /// The journal of a forked child.
    child: OnceLock<Option<Box<Self>>>,
}

#[derive(Debug)]
struct Adoption {
    stores: Vec<Arc<Store>>,
    orphans: Orphans,
    next: Instant,
}

impl Journal {
    /// Opens the journal in `dir`, and creates it if it is not there. Blocks while it reads: a few milliseconds for an
    /// orderly stop, tens for a backlog of a million events.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when the directory cannot be created or locked, belongs to another user or may be
    /// written by others. Damage is no error: it is told in [`Recovery`]. Neither is a full disk, since what is pending
    /// can be delivered nevertheless; appends tell of it.
    pub fn open(dir: impl AsRef<Path>, settings: JournalSettings) -> Result<(Self, Recovery), OutboxError> {
        let dir = dir.as_ref().to_path_buf();
        let mut recovery = Recovery::default();
        let mut from = 0;
        let (owned, mut log) = loop {
            let owned = Owned::first(&dir, from).map_err(storage)?;
            let open = if settings.visiting { Log::visit } else { Log::open };
            match open(owned.number, settings.limits(), files(&owned)) {
                Ok((log, report)) => {
                    recovery.pending = log.index().states.pending();
                    recovery.dead = log.index().states.dead();
                    recovery.unclean = report.unclean;
                    recovery.open_intents = report.open_intents;
                    recovery.torn = report.torn;
                    recovery.lost = report.lost;
                    recovery.lost_segments = report.lost_files;
                    break (owned, log);
                }
                Err(LoadError::Newer(_)) => {
                    recovery.newer += 1;
                    from = owned.number + 1;
                }
                Err(LoadError::Io(error)) => return Err(storage(error)),
            }
        };
        let changed = Arc::new(Notify::new());
        log.sends_errands = true;
        let home = Store::start(log, Some(owned), Arc::clone(&changed)).map_err(storage)?;
        home.watch(settings.patience).map_err(storage)?;
        let adoption = Adoption { stores: Vec::new(), orphans: Orphans::default(), next: Instant::now() };
        let journal = Self {
            dir,
            settings,
            process: std::process::id(),
            home,
            adoption: Mutex::new(adoption),
            changed,
            child: OnceLock::new(),
        };
        Ok((journal, recovery))
    }

    /// The name of the file system that the journal is on, if it is one that keeps less than a journal needs: in memory
    /// (`tmpfs`), in a container's own layer (`overlay`), or behind a network or a process (`nfs`, `fuse` and the like).
    /// What is stored there survives a `kill -9`, but maybe neither a restart nor a power cut. Known on Linux only.
    #[must_use]
    pub fn unreliable_filesystem(&self) -> Option<&'static str> {
        filesystem::unreliable(&self.dir)
    }

    /// Takes nothing more, writes what was taken and gives the directory back. Blocks at most for `deadline`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when the deadline passed first. The journal goes on closing.
    pub fn close(&self, deadline: Duration) -> Result<(), OutboxError> {
        let Some(this) = self.here() else { return Ok(()) };
        let end = Instant::now() + deadline;
        let adopted = std::mem::take(&mut this.adoption().stores);
        let stores = || adopted.iter().map(|store| &**store).chain([&this.home]);
        stores().for_each(Store::begin_close);
        if stores().all(|store| store.await_close(end)) {
            return Ok(());
        }
        let message = format!("the journal was not closed within {deadline:?}; what was stored before is safe");
        Err(OutboxError::new(OutboxErrorKind::Storage, message))
    }

    /// This journal, or the one that a forked child has instead. Nothing of the parent's may be touched in the child, as
    /// a lock may be held for ever by a thread that does not exist there.
    fn here(&self) -> Option<&Self> {
        if self.process == std::process::id() {
            return Some(self);
        }
        let child = self.child.get_or_init(|| Self::open(&self.dir, self.settings).ok().map(|(own, _)| Box::new(own)));
        child.as_ref()?.here()
    }

    fn adoption(&self) -> MutexGuard<'_, Adoption> {
        self.adoption.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stores(&self) -> Vec<Arc<Store>> {
        self.adoption().stores.clone()
    }

    /// Takes over what dead processes left, and lets go of what is delivered.
    fn adopt(&self) {
        let mut adoption = self.adoption();
        if Instant::now() < adoption.next {
            return;
        }
        adoption.next = Instant::now() + ADOPT_EVERY;
        adoption.stores.retain(|store| {
            let empty = store.shelf.is_empty();
            if empty {
                store.begin_close();
            }
            !empty
        });
        let ours: Vec<u16> =
            adoption.stores.iter().map(|store| store.shelf.number).chain([self.home.shelf.number]).collect();
        for owned in adoption.orphans.adopt(&self.dir, &ours) {
            let found = recover::load(&files(&owned), 0);
            if found.is_ok_and(|found| !found.index.is_empty())
                && let Ok((log, _)) = Log::visit(owned.number, self.settings.limits(), files(&owned))
            {
                let store = Store::start(log, Some(owned), Arc::clone(&self.changed));
                adoption.stores.extend(store.ok().map(Arc::new));
            } else {
                adoption.orphans.nothing_in(&owned);
            }
        }
    }

    /// The sub-journal that a record is in.
    fn with_store<T>(
        &self,
        record: RecordId,
        then: impl FnOnce(&Store) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let this = self.here().ok_or_else(no_child)?;
        let number = record.0 >> 48;
        if number == u64::from(this.home.shelf.number) {
            return then(&this.home);
        }
        let store = this.stores().into_iter().find(|store| u64::from(store.shelf.number) == number);
        store.map_or_else(
            || Err(OutboxError::new(OutboxErrorKind::Fenced, "the record is not in this journal")),
            |store| then(&store),
        )
    }
}

fn files(owned: &Owned) -> Arc<Files> {
    Arc::new(Files::new(Arc::new(Directory::under(owned.path.clone(), &owned.lock))))
}

/// What two sub-journals hold together.
fn both(one: Contents, other: Contents) -> Contents {
    Contents {
        pending: one.pending + other.pending,
        dead: one.dead + other.dead,
        next_due: one.next_due.into_iter().chain(other.next_due).min(),
        oldest: one.oldest.into_iter().chain(other.oldest).min(),
    }
}

fn no_child() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Storage, "the journal could not be opened in this forked process")
}

/// What to do about a dead letter that is not in this process' share of the journal.
fn elsewhere(record: RecordId, error: OutboxError) -> OutboxError {
    if error.kind() != OutboxErrorKind::Fenced {
        return error;
    }
    let message = format!(
        "the dead letter {} is in journal-{}, which another process holds, or which is not there: stop that process, or \
         let it send its dead letters again itself",
        record.0,
        record.0 >> 48
    );
    OutboxError::new(OutboxErrorKind::Missing, message)
}

impl Outbox for Journal {
    fn append(&self, record: NewRecord) -> Appending {
        match self.here() {
            Some(this) => this.home.append(record),
            None => Appending::done(Err(no_child())),
        }
    }

    // Reading a batch back takes microseconds from the page cache, and the delivery has a thread of its own: no need to
    // hand it to a pool.
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async move {
            let this = self.here().ok_or_else(no_child)?;
            this.adopt();
            let adopted = this.stores();
            // Orphans first: they are older, and few.
            let mut claimed = Vec::new();
            for store in adopted.iter().map(|store| &**store).chain([&this.home]) {
                match store.shelf.claim(&request, request.max - claimed.len()) {
                    Ok(more) => claimed.extend(more),
                    Err(error) if claimed.is_empty() => return Err(error),
                    Err(_) => break,
                }
            }
            Ok(claimed)
        })
    }

    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.with_store(claim.record, |store| store.acknowledge(claim)) })
    }

    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.with_store(claim.record, |store| store.reschedule(claim, retry)) })
    }

    fn flush(&self) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.here().ok_or_else(no_child)?.home.flush().await.map(drop) })
    }

    fn close(&self, deadline: Duration) -> OutboxFuture<'_, ()> {
        Box::pin(async move { self.close(deadline) })
    }

    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            let buried = self.with_store(claim.record, |store| Ok(store.bury(claim, reason, replacement)))?;
            buried.await.map(drop)
        })
    }

    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            let rekeyed = self.with_store(claim.record, |store| Ok(store.rekey(claim, retry)))?;
            rekeyed.await.map(drop)
        })
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        Box::pin(async move {
            let this = self.here().ok_or_else(no_child)?;
            let adopted = this.stores();
            let contents = adopted.iter().map(|store| store.shelf.contents());
            Ok(contents.fold(this.home.shelf.contents(), both))
        })
    }

    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        Box::pin(async move {
            let this = self.here().ok_or_else(no_child)?;
            this.adopt();
            let after = after.unwrap_or(RecordId(0));
            let adopted = this.stores();
            let mut stores: Vec<&Store> = adopted.iter().map(|store| &**store).chain([&this.home]).collect();
            stores.sort_unstable_by_key(|store| store.shelf.number);
            let mut letters = Vec::new();
            for store in stores.into_iter().filter(|store| u64::from(store.shelf.number) >= after.0 >> 48) {
                letters.extend(store.shelf.dead_letters(after, max - letters.len())?);
            }
            Ok(letters)
        })
    }

    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()> {
        Box::pin(async move {
            self.here().ok_or_else(no_child)?.adopt();
            let redriven = self.with_store(record, |store| Ok(store.redrive(record)));
            redriven.map_err(|error| elsewhere(record, error))?.await.map(drop)
        })
    }

    /// Current within 50 ms of the last change; orphans that are being delivered are included.
    fn health(&self) -> OutboxHealth {
        let Some(this) = self.here() else { return OutboxHealth { failing: true, ..OutboxHealth::default() } };
        let mut sum = OutboxHealth::default();
        let adopted = this.stores();
        for store in adopted.iter().map(|store| &**store).chain([&this.home]) {
            let health = store.health();
            sum.failing |= health.failing || store.is_stuck(this.settings.patience);
            sum.used_bytes += health.used_bytes;
            *sum.budget_bytes.get_or_insert_default() += health.budget_bytes;
            sum.dropped += health.dropped;
            sum.failed_segments += health.spoilt;
            sum.damaged += store.shelf.damaged();
        }
        sum
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let changed = self.here().map_or(&self.changed, |this| &this.changed);
        Box::pin(changed.notified())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("dir", &self.dir).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // In a forked child the parent's threads are not there to wait for.
        if self.process == std::process::id() {
            let _ = self.close(DROP_WAITS);
        }
    }
}
