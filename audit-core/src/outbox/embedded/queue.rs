//! Some lanes' pending records, as far as they are held in memory: 20 bytes each, whatever has happened to them.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::format::MAX_U48;
use crate::outbox::{MAX_WAIT, Timestamp};

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) file: u16,
    pub(super) offset: u32,
}

/// What may be done with a pending record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Ready,
    /// Due later.
    Later,
    Lent,
    /// Announces a deed of this process that is not settled yet.
    Open,
    /// Settled; leaves the queue once those before it have.
    Gone,
}

/// A pending record in 20 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Id (48 bits) and file (16), in halves so that nothing is padded.
    id_file: [u32; 2],
    /// Due (48 bits) and tag (16).
    due_tag: [u32; 2],
    /// Offset, a multiple of 8 up to 1 GiB; the lowest bits are the standing, the highest tells of a history.
    place: u32,
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn split(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

impl Entry {
    pub(super) fn new(id: u64, spot: Spot, due: Timestamp, tag: u16, tried: bool, standing: Standing) -> Self {
        let due = due.0.min(MAX_U48);
        Self {
            id_file: split(id << 16 | u64::from(spot.file)),
            due_tag: split(due << 16 | u64::from(tag)),
            place: spot.offset | standing as u32 | if tried { TRIED } else { 0 },
        }
    }

    pub(super) fn id(self) -> u64 {
        join(self.id_file) >> 16
    }

    pub(super) fn due(self) -> Timestamp {
        Timestamp(join(self.due_tag) >> 16)
    }

    /// The lane's bits that the queue's number does not tell.
    pub(super) fn tag(self) -> u16 {
        (self.due_tag[0] & 0xffff) as u16
    }

    pub(super) fn spot(self) -> Spot {
        Spot { file: (self.id_file[0] & 0xffff) as u16, offset: self.place & !(TRIED | 7) }
    }

    pub(super) fn standing(self) -> Standing {
        match self.place & 7 {
            0 => Standing::Ready,
            1 => Standing::Later,
            2 => Standing::Lent,
            3 => Standing::Open,
            _ => Standing::Gone,
        }
    }

    pub(super) fn tried(self) -> bool {
        self.place & TRIED != 0
    }

    pub(super) fn stand(&mut self, standing: Standing) {
        self.place = self.place & !7 | standing as u32;
    }

    pub(super) fn defer(&mut self, due: Timestamp) {
        *self = Self::new(self.id(), self.spot(), due, self.tag(), true, Standing::Later);
    }

    pub(super) fn move_to(&mut self, spot: Spot) {
        *self = Self::new(self.id(), spot, self.due(), self.tag(), self.tried(), self.standing());
    }
}

const TRIED: u32 = 1 << 31;

/// Some lanes' pending records, in order of acceptance.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) entries: VecDeque<Entry>,
    /// Nothing before this is ready.
    pub(super) cursor: usize,
    gone: usize,
    /// The earliest due time among those that are due later.
    pub(super) next_due: Option<Timestamp>,
    woken_at: Timestamp,
    /// More than one lane is in here.
    mixed: bool,
}

impl Queue {
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id()).ok()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.mixed |= self.entries.front().is_some_and(|first| first.tag() != entry.tag());
        let at = match self.entries.back() {
            Some(last) if last.id() >= entry.id() => self.entries.partition_point(|held| held.id() < entry.id()),
            _ => self.entries.len(),
        };
        match self.entries.get_mut(at) {
            // An older version of it, found and removed a moment ago.
            Some(held) if held.id() == entry.id() => {
                self.gone -= usize::from(held.standing() == Standing::Gone);
                *held = entry;
            }
            _ => {
                // Doubling would hold up to twice of what is needed.
                if self.entries.len() == self.entries.capacity() {
                    self.entries.reserve_exact(self.entries.len() / 4 + 4);
                }
                self.entries.insert(at, entry);
            }
        }
        self.cursor = self.cursor.min(at);
        if entry.standing() == Standing::Later {
            self.wake_at(entry.due());
        }
    }

    pub(super) fn wake_at(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }

    /// Readies what has become due. A long queue is not looked through for every single record that becomes due.
    pub(super) fn wake(&mut self, now: Timestamp) {
        let pause = Duration::from_millis(self.entries.len() as u64 / 8192);
        if self.next_due.is_none_or(|due| lies_ahead(due, now))
            || (now.since(self.woken_at) < pause && now >= self.woken_at)
        {
            return;
        }
        (self.next_due, self.woken_at) = (None, now);
        for at in 0..self.entries.len() {
            let entry = &mut self.entries[at];
            if entry.standing() != Standing::Later {
                continue;
            }
            let due = entry.due();
            if lies_ahead(due, now) {
                self.wake_at(due);
            } else {
                entry.stand(Standing::Ready);
                self.cursor = self.cursor.min(at);
            }
        }
    }

    /// The first ready record from `from` on whose lane does not wait.
    pub(super) fn ready(&mut self, from: usize, waiting: &HashSet<u16>) -> Option<usize> {
        let mut at = from.max(self.cursor);
        if !self.mixed && self.entries.front().is_some_and(|first| waiting.contains(&first.tag())) {
            return None;
        }
        while let Some(entry) = self.entries.get(at) {
            if entry.standing() == Standing::Ready {
                if !waiting.contains(&entry.tag()) {
                    return Some(at);
                }
            } else if at == self.cursor {
                self.cursor += 1;
            }
            at += 1;
        }
        None
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.entries[at].stand(Standing::Gone);
        self.gone += 1;
        while self.entries.front().is_some_and(|first| first.standing() == Standing::Gone) {
            self.entries.pop_front();
            self.gone -= 1;
            self.cursor = self.cursor.saturating_sub(1);
        }
        // One that stays for a week must not keep those behind it in memory.
        if self.gone > 64 && self.gone > self.entries.len() / 2 {
            self.entries.retain(|entry| entry.standing() != Standing::Gone);
            (self.cursor, self.gone) = (0, 0);
        }
        if self.entries.is_empty() {
            *self = Self { woken_at: self.woken_at, ..Self::default() };
        } else if self.entries.capacity() > 1024 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

/// Whether a moment is still to come. One that is too far ahead was set under a clock that has been set back since.
pub(super) fn lies_ahead(moment: Timestamp, now: Timestamp) -> bool {
    moment > now && moment <= now.after(MAX_WAIT)
}
