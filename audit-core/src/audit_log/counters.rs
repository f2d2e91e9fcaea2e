//! Where each event ended, and what had to be done to it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::registry;
use crate::event::Mended;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unknown_actors: AtomicU64,
    truncated: AtomicU64,
    redacted: AtomicU64,
    dropped: AtomicU64,
    renamed: AtomicU64,
    unknown_ids: AtomicU64,
    extra_targets: AtomicU64,
    failed: AtomicU64,
}

/// What became of the events of a log since it was started.
///
/// `accepted == delivered + pending + dead`, always, save for what an earlier process left in a durable outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Events that the outbox took.
    pub accepted: u64,
    /// Events that could not be stored, and strict calls that were refused for it.
    pub refused: u64,
    /// Events whose actor nobody told.
    pub unknown_actors: u64,
    /// What had to be mended, summed over all events.
    pub mended: Mended,
    /// Calls of [`record`](crate::record) outside of any scope, in the whole process.
    pub unscoped_records: u64,
}

impl Counters {
    #[inline]
    pub(crate) fn count(&self, mended: Mended) {
        if !mended.is_nothing() {
            self.add(mended);
        }
    }

    pub(crate) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            accepted: read(&self.accepted),
            refused: read(&self.refused),
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
}
