//! Where each event ended, and what had to be done to it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::registry;
use crate::delivery::DeliveryStats;
use crate::event::Mended;
use crate::outbox::{Contents, Timestamp};

/// What became of the events of a log since it was started.
///
/// `accepted + inherited + replaced + redriven == delivered + pending + dead` whenever no event is on its way between two of them (a
/// relaxed one is for up to 50 ms): a dead letter's smallest form, which is sent
/// in its place, is an event more, and so are a dead letter that is sent again and what an earlier process left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Events that the outbox took.
    pub accepted: u64,
    /// Events of earlier processes, found in the outbox.
    pub inherited: u64,
    /// Events that the sink took.
    pub delivered: u64,
    /// Events that wait in the outbox.
    pub pending: u64,
    /// Events that the sink refused for good.
    pub dead: u64,
    /// Dead letters that the outbox holds now, those of earlier processes included and those that were sent again not.
    pub dead_letters: u64,
    /// Smallest forms that were sent in the place of events which the sink refused.
    pub replaced: u64,
    /// Dead letters that were sent again.
    pub redriven: u64,
    /// Events that could not be stored, and strict calls that were refused for it.
    pub refused: u64,
    /// Of those, the events that nobody waited for: relaxed ones, and those of calls that were gone.
    pub dropped: u64,
    /// Strict calls whose outcome could not be stored: their events will say `unknown`.
    pub unsettled: u64,
    /// Calls that returned before their event was stored, since the disk did not answer for too long. The events are
    /// stored once it does; until then they are counted as accepted, and if they cannot be, as dropped.
    pub late: u64,
    /// Events whose actor nobody told.
    pub unknown_actors: u64,
    /// What had to be mended, summed over all events.
    pub mended: Mended,
    /// Calls of [`record`](crate::record) outside of any scope, in the whole process.
    pub unscoped_records: u64,
    /// Changing requests that no event told of; [`AuditLog::unaudited_routes`](crate::AuditLog::unaudited_routes) names
    /// their routes.
    pub unaudited: u64,
    /// Requests, in the whole process, whose header named no client address although it should; the peer's was told.
    pub unreadable_addresses: u64,
    /// What the delivery did, and how the endpoint is doing.
    pub delivery: DeliveryStats,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    unsettled: AtomicU64,
    late: AtomicU64,
    redriven: AtomicU64,
    /// Since when appends fail, in milliseconds; 0 if they do not.
    refusing_since: AtomicU64,
    unknown_actors: AtomicU64,
    truncated: AtomicU64,
    redacted: AtomicU64,
    dropped: AtomicU64,
    renamed: AtomicU64,
    unknown_ids: AtomicU64,
    extra_targets: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// An event that was counted as accepted was not.
    pub(super) fn refused_after_all(&self) {
        self.accepted.fetch_sub(1, Ordering::Relaxed);
        self.refused();
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// An append worked.
    #[inline]
    pub(super) fn stores(&self) {
        if self.refusing_since.load(Ordering::Relaxed) != 0 {
            self.refusing_since.store(0, Ordering::Relaxed);
        }
    }

    /// An append failed.
    pub(super) fn does_not_store(&self, now: Timestamp) {
        // Whoever was first knows best.
        let _ = self.refusing_since.compare_exchange(0, now.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Since when appends fail.
    pub(super) fn refusing_since(&self) -> Option<Timestamp> {
        Some(Timestamp(self.refusing_since.load(Ordering::Relaxed))).filter(|since| since.0 != 0)
    }

    pub(super) fn redriven(&self) {
        self.redriven.fetch_add(1, Ordering::Relaxed);
    }

    /// A dead letter that was counted as sent again was not.
    pub(super) fn not_redriven(&self) {
        self.redriven.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unsettled(&self) {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unknown_actor(&self) {
        self.unknown_actors.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn mended(&self, mended: Mended) {
        if !mended.is_nothing() {
            self.add(mended);
        }
    }

    #[cold]
    fn add(&self, mended: Mended) {
        for (counter, count) in [
            (&self.truncated, mended.truncated),
            (&self.redacted, mended.redacted),
            (&self.dropped, mended.dropped),
            (&self.renamed, mended.renamed),
            (&self.unknown_ids, mended.unknown_ids),
            (&self.extra_targets, mended.extra_targets),
            (&self.failed, mended.failed),
        ] {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, delivery: &DeliveryStats, held: Option<Contents>, dropped: u64, unaudited: u64) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let DeliveryStats { delivered, dead, replaced, .. } = *delivery;
        // Those were counted as accepted, since nobody heard of what became of them.
        let accepted = read(&self.accepted).saturating_sub(dropped);
        let redriven = read(&self.redriven);
        let (came, went) = (accepted + replaced + redriven, delivered + dead);
        let pending = held.map_or(came.saturating_sub(went), |held| held.pending);
        Stats {
            accepted,
            inherited: (went + pending).saturating_sub(came),
            delivered,
            pending,
            dead,
            dead_letters: held.map_or(dead.saturating_sub(redriven), |held| held.dead),
            replaced,
            redriven,
            refused: read(&self.refused) + dropped,
            dropped,
            unsettled: read(&self.unsettled),
            late: read(&self.late),
            unknown_actors: read(&self.unknown_actors),
            mended: Mended {
                truncated: read(&self.truncated),
                redacted: read(&self.redacted),
                dropped: read(&self.dropped),
                renamed: read(&self.renamed),
                unknown_ids: read(&self.unknown_ids),
                extra_targets: read(&self.extra_targets),
                failed: read(&self.failed),
            },
            unscoped_records: registry::unscoped_records(),
            unaudited,
            unreadable_addresses: crate::context::unreadable_addresses(),
            delivery: *delivery,
        }
    }
}
