//! What is to be lent next: 20 bytes a record, for the oldest of those that are pending. Of the others there is a state in
//! memory and no more, until it is their segment's turn to be looked at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::format::{Kind, MAX_U48, Place, State, Summary};
use super::states::States;
use crate::outbox::{IdempotencyKey, Lane, MAX_WAIT, OutboxError, OutboxErrorKind, Retry, Timestamp};

/// Lanes share this many queues. Lanes that wait are skipped a whole queue at a time where they have it for themselves.
const QUEUES: usize = 256;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) file: u16,
    pub(super) offset: u32,
}

/// What may be done with a pending record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
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
struct Entry {
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
    fn new(id: u64, spot: Spot, due: Timestamp, tag: u16, tried: bool, standing: Standing) -> Self {
        let due = due.0.min(MAX_U48);
        Self {
            id_file: split(id << 16 | u64::from(spot.file)),
            due_tag: split(due << 16 | u64::from(tag)),
            place: spot.offset | standing as u32 | if tried { TRIED } else { 0 },
        }
    }

    fn id(self) -> u64 {
        join(self.id_file) >> 16
    }

    fn due(self) -> Timestamp {
        Timestamp(join(self.due_tag) >> 16)
    }

    /// The lane's bits that the queue's number does not tell.
    fn tag(self) -> u16 {
        (self.due_tag[0] & 0xffff) as u16
    }

    fn spot(self) -> Spot {
        Spot { file: (self.id_file[0] & 0xffff) as u16, offset: self.place & !(TRIED | 7) }
    }

    fn standing(self) -> Standing {
        match self.place & 7 {
            0 => Standing::Ready,
            1 => Standing::Later,
            2 => Standing::Lent,
            3 => Standing::Open,
            _ => Standing::Gone,
        }
    }

    fn tried(self) -> bool {
        self.place & TRIED != 0
    }

    fn stand(&mut self, standing: Standing) {
        self.place = self.place & !7 | standing as u32;
    }

    fn defer(&mut self, due: Timestamp) {
        *self = Self::new(self.id(), self.spot(), due, self.tag(), true, Standing::Later);
    }

    fn move_to(&mut self, spot: Spot) {
        *self = Self::new(self.id(), spot, self.due(), self.tag(), self.tried(), self.standing());
    }
}

const TRIED: u32 = 1 << 31;

/// Some lanes' pending records, in order of acceptance.
#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// Nothing before this is ready.
    cursor: usize,
    gone: usize,
    /// The earliest due time among those that are due later.
    next_due: Option<Timestamp>,
    woken_at: Timestamp,
    /// More than one lane is in here.
    mixed: bool,
}

impl Queue {
    fn find(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id()).ok()
    }

    fn push(&mut self, entry: Entry) {
        self.mixed |= self.entries.front().is_some_and(|first| first.tag() != entry.tag());
        let at = match self.entries.back() {
            Some(last) if last.id() >= entry.id() => self.entries.partition_point(|held| held.id() < entry.id()),
            _ => self.entries.len(),
        };
        match self.entries.get_mut(at) {
            // An older version of it, found and removed a moment ago.
            Some(held) if held.id() == entry.id() => {
                *held = entry;
                self.gone -= 1;
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

    fn wake_at(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }

    /// Readies what has become due. A long queue is not looked through for every single record that becomes due.
    fn wake(&mut self, now: Timestamp) {
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
    fn ready(&mut self, from: usize, waiting: &HashSet<u16>) -> Option<usize> {
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

    fn remove(&mut self, at: usize) {
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
fn lies_ahead(moment: Timestamp, now: Timestamp) -> bool {
    moment > now && moment <= now.after(MAX_WAIT)
}

/// A record that is lent to a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) fence: u64,
    until: Timestamp,
    /// The lease ran out and the record may be lent again; until it is, its holder may still settle it.
    over: bool,
    pub(super) id: u64,
    pub(super) lane: u64,
    pub(super) place: Place,
    pub(super) offset: u32,
}

/// An intent of this process that is not settled yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenIntent {
    pub(super) key: IdempotencyKey,
    pub(super) lane: u64,
    pub(super) place: Place,
}

/// What a claim picked, still without its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picked {
    pub(super) id: u64,
    pub(super) fence: u64,
    queue: usize,
    pub(super) spot: Spot,
    pub(super) tried: bool,
}

/// What one sub-journal has to say about its records.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) states: States,
    queues: Vec<Queue>,
    lent: HashMap<u64, Lease>,
    /// Those of this process that are not settled yet.
    pub(super) intents: HashMap<u64, OpenIntent>,
    /// Dead letters by id, of the segments that were looked at.
    pub(super) dead: BTreeMap<u64, Spot>,
    /// Segments that were not looked at yet, oldest first; new ones are added while there are any.
    unseen: VecDeque<u16>,
    /// A segment that is begun while so many records are held is looked at later.
    most_held: usize,
    fence: u64,
}

fn fenced() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Fenced, "the record was settled already, or its lease passed to another delivery")
}

fn queue_of(lane: u64) -> (usize, u16) {
    // A lane need not be a good hash; all of its bits count.
    let mixed = lane.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 56) as usize, (mixed >> 40) as u16)
}

impl Index {
    pub(super) fn new(most_held: usize) -> Self {
        Self {
            states: States::default(),
            queues: (0..QUEUES).map(|_| Queue::default()).collect(),
            lent: HashMap::new(),
            intents: HashMap::new(),
            dead: BTreeMap::new(),
            unseen: VecDeque::new(),
            most_held,
            fence: 0,
        }
    }

    /// A segment is begun. Its records are held in memory if those of all before it are, and if these are not too many.
    pub(super) fn begin(&mut self, file: u16, salt: u64) {
        self.states.begin(file, salt);
        let held: usize = self.queues.iter().map(|queue| queue.entries.len()).sum();
        if !self.unseen.is_empty() || held >= self.most_held {
            self.unseen.push_back(file);
        }
    }

    /// A segment was found, of which the table tells so much. Its records are looked at when it is their turn.
    pub(super) fn found(&mut self, file: u16, salt: u64, states: Vec<u8>) {
        self.states.found(file, salt, states);
        self.unseen.push_back(file);
    }

    /// A segment was given up.
    pub(super) fn end(&mut self, file: u16) {
        self.states.end(file);
        self.unseen.retain(|unseen| *unseen != file);
    }

    /// The oldest segment that was not looked at, of those that hold something.
    pub(super) fn unseen(&mut self) -> Option<u16> {
        while let Some(file) = self.unseen.front().copied() {
            // One that is still being written may hold something later.
            if self.states.kept(file) > 0 || self.unseen.len() == 1 {
                return Some(file);
            }
            self.unseen.pop_front();
        }
        None
    }

    /// Whether dead letters are in segments that were not looked at.
    pub(super) fn has_unseen_dead(&self) -> bool {
        self.unseen.iter().any(|file| self.states.has_dead(*file))
    }

    /// All records of the first unseen segment are taken in now.
    pub(super) fn seen(&mut self, file: u16) {
        self.unseen.retain(|unseen| *unseen != file);
    }

    /// Takes in a record of a segment that is looked at; `retry` if it was put off.
    pub(super) fn look_at(&mut self, file: u16, record: &Summary, retry: Option<Retry>) {
        let place = Place { file, ordinal: record.ordinal };
        let Some(State::Kept(kind)) = self.states.get(place) else { return };
        // A newer version of a record that is known already has told so when it was written.
        let known = record.replaces.is_some() && self.entry(record.id, record.lane).is_some();
        if kind == Kind::Dead {
            self.dead.insert(record.id, Spot { file, offset: record.offset });
        } else if !known {
            self.hold(file, record, retry);
        }
    }

    fn hold(&mut self, file: u16, record: &Summary, retry: Option<Retry>) {
        let standing = match retry {
            _ if self.intents.contains_key(&record.id) => Standing::Open,
            Some(_) => Standing::Later,
            None => Standing::Ready,
        };
        let (queue, tag) = queue_of(record.lane);
        let due = retry.map_or(record.accepted_at, |retry| retry.due);
        let spot = Spot { file, offset: record.offset };
        self.queues[queue].push(Entry::new(record.id, spot, due, tag, retry.is_some(), standing));
    }

    fn is_seen(&self, file: u16) -> bool {
        // Only the last segment is written to.
        self.unseen.back() != Some(&file)
    }

    /// A new record is on disk.
    pub(super) fn insert(&mut self, file: u16, record: &Summary) {
        self.states.push(file, State::Kept(record.kind));
        if self.is_seen(file) {
            self.hold(file, record, None);
        }
    }

    /// A newer version of a pending record is on disk, with what it changes.
    pub(super) fn renew(&mut self, old: Place, file: u16, record: &Summary, retry: Option<Retry>) {
        self.states.push(file, State::Kept(record.kind));
        self.states.gone(old);
        let place = Place { file, ordinal: record.ordinal };
        if let Some(retry) = retry {
            self.states.put_off(place, retry);
        }
        let (spot, open) = (Spot { file, offset: record.offset }, self.intents.contains_key(&record.id));
        if let Some((queue, at)) = self.entry(record.id, record.lane) {
            queue.entries[at].move_to(spot);
            match retry {
                _ if open => {}
                Some(retry) => {
                    queue.entries[at].defer(retry.due);
                    queue.wake_at(retry.due);
                }
                None => {
                    queue.entries[at].stand(Standing::Ready);
                    queue.cursor = queue.cursor.min(at);
                }
            }
        } else if self.is_seen(file) {
            self.hold(file, record, retry);
        }
    }

    /// A pending record is a dead letter now.
    pub(super) fn bury(&mut self, old: Place, file: u16, record: &Summary) {
        self.states.push(file, State::Kept(Kind::Dead));
        self.states.gone(old);
        self.remove(record.id, record.lane);
        self.dead.insert(record.id, Spot { file, offset: record.offset });
    }

    /// A dead letter is pending again.
    pub(super) fn redrive(&mut self, old: Place, file: u16, record: &Summary) {
        self.dead.remove(&record.id);
        self.insert(file, record);
        self.states.gone(old);
    }

    /// A record was copied, as it is, to another segment.
    pub(super) fn moved(&mut self, old: Place, file: u16, record: &Summary, retry: Option<Retry>) {
        let place = Place { file, ordinal: record.ordinal };
        if !self.states.is_kept(old) {
            // It was settled meanwhile.
            return self.states.push(file, State::Gone);
        }
        self.states.push(file, State::Kept(record.kind));
        self.states.gone(old);
        if let Some(retry) = retry {
            self.states.put_off(place, retry);
        }
        if let Some(lease) = self.lent.get_mut(&record.id) {
            (lease.place, lease.offset) = (place, record.offset);
        }
        if let Some(open) = self.intents.get_mut(&record.id) {
            open.place = place;
        }
        let spot = Spot { file, offset: record.offset };
        if record.kind == Kind::Dead {
            if let Some(known) = self.dead.get_mut(&record.id) {
                *known = spot;
            } else if self.is_seen(file) {
                self.dead.insert(record.id, spot);
            }
        } else if let Some((queue, at)) = self.entry(record.id, record.lane) {
            queue.entries[at].move_to(spot);
        } else if self.is_seen(file) {
            self.hold(file, record, retry);
        }
    }

    fn entry(&mut self, id: u64, lane: u64) -> Option<(&mut Queue, usize)> {
        let queue = &mut self.queues[queue_of(lane).0];
        let at = queue.find(id).filter(|at| queue.entries[*at].standing() != Standing::Gone)?;
        Some((queue, at))
    }

    /// Takes a record out of those that are lent.
    fn remove(&mut self, id: u64, lane: u64) {
        if let Some((queue, at)) = self.entry(id, lane) {
            queue.remove(at);
        }
        self.lent.remove(&id);
    }

    /// Picks what is due, oldest first, and lends it.
    pub(super) fn pick(&mut self, max: usize, waiting: &HashSet<Lane>, now: Timestamp) -> Vec<Picked> {
        self.end_leases(now);
        let mut tags: Vec<HashSet<u16>> = Vec::new();
        if !waiting.is_empty() {
            tags.resize(QUEUES, HashSet::new());
            for lane in waiting {
                let (queue, tag) = queue_of(lane.0);
                tags[queue].insert(tag);
            }
        }
        let none = HashSet::new();
        let mut heads = BinaryHeap::new();
        for (number, queue) in self.queues.iter_mut().enumerate().filter(|(_, queue)| !queue.entries.is_empty()) {
            queue.wake(now);
            if let Some(at) = queue.ready(0, tags.get(number).unwrap_or(&none)) {
                heads.push(Reverse((queue.entries[at].id(), number, at)));
            }
        }
        let mut picked = Vec::new();
        while picked.len() < max
            && let Some(Reverse((id, number, at))) = heads.pop()
        {
            let queue = &mut self.queues[number];
            queue.entries[at].stand(Standing::Lent);
            self.fence += 1;
            // Whoever held it before has lost it.
            self.lent.remove(&id);
            let entry = queue.entries[at];
            picked.push(Picked { id, fence: self.fence, queue: number, spot: entry.spot(), tried: entry.tried() });
            if let Some(at) = queue.ready(at + 1, tags.get(number).unwrap_or(&none)) {
                heads.push(Reverse((queue.entries[at].id(), number, at)));
            }
        }
        picked
    }

    fn end_leases(&mut self, now: Timestamp) {
        for (id, lease) in self.lent.iter_mut().filter(|(_, lease)| !lease.over && !lies_ahead(lease.until, now)) {
            lease.over = true;
            let queue = &mut self.queues[queue_of(lease.lane).0];
            if let Some(at) = queue.find(*id) {
                queue.entries[at].stand(Standing::Ready);
                queue.cursor = queue.cursor.min(at);
            }
        }
    }

    /// Completes a pick whose bytes were read at `picked.spot`. False if the record was moved away from there meanwhile,
    /// or is gone; the new place is then in `picked`.
    pub(super) fn lend(&mut self, picked: &mut Picked, until: Timestamp, record: &Summary) -> bool {
        let Some(spot) = self.spot(picked) else { return false };
        let in_place = spot == std::mem::replace(&mut picked.spot, spot);
        if in_place {
            let place = Place { file: spot.file, ordinal: record.ordinal };
            let &Summary { id, lane, offset, .. } = record;
            let lease = Lease { fence: picked.fence, until, over: false, id, lane, place, offset };
            self.lent.insert(picked.id, lease);
        }
        in_place
    }

    /// Where a picked record lies now.
    pub(super) fn spot(&self, picked: &Picked) -> Option<Spot> {
        let queue = &self.queues[picked.queue];
        queue.find(picked.id).map(|at| queue.entries[at].spot())
    }

    /// Takes a pick back whose bytes could not be read just now.
    pub(super) fn give_back(&mut self, picked: &Picked) {
        let queue = &mut self.queues[picked.queue];
        if let Some(at) = queue.find(picked.id) {
            queue.entries[at].stand(Standing::Ready);
            queue.cursor = queue.cursor.min(at);
        }
    }

    /// Gives up a picked record whose bytes are damaged. Its state stays as it is, and so does its segment.
    pub(super) fn give_up(&mut self, picked: &Picked) {
        let queue = &mut self.queues[picked.queue];
        if let Some(at) = queue.find(picked.id) {
            queue.remove(at);
            self.states.give_up(1);
        }
    }

    /// The lease that a claim stands for.
    pub(super) fn lease(&self, id: u64, fence: u64) -> Result<Lease, OutboxError> {
        self.lent.get(&id).filter(|lease| lease.fence == fence).copied().ok_or_else(fenced)
    }

    /// The record arrived.
    pub(super) fn acknowledge(&mut self, id: u64, fence: u64) -> Result<(), OutboxError> {
        let lease = self.lease(id, fence)?;
        self.remove(id, lease.lane);
        self.states.gone(lease.place);
        Ok(())
    }

    /// The record is due again.
    pub(super) fn reschedule(&mut self, id: u64, fence: u64, retry: Retry) -> Result<(), OutboxError> {
        let lease = self.lease(id, fence)?;
        self.lent.remove(&id);
        if let Some((queue, at)) = self.entry(id, lease.lane) {
            queue.entries[at].defer(retry.due);
            queue.wake_at(retry.due);
        }
        self.states.put_off(lease.place, retry);
        Ok(())
    }

    /// The record is not lent any more: it has a newer version.
    pub(super) fn end_lease(&mut self, id: u64) {
        self.lent.remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.states.pending() == 0 && self.states.dead() == 0
    }

    /// The earliest moment at which something that is not lent is due; 0 if that is not known.
    pub(super) fn next_due(&mut self) -> Option<Timestamp> {
        let none = HashSet::new();
        let due = self.queues.iter_mut().filter_map(|queue| {
            let ready = queue.ready(0, &none).map(|at| queue.entries[at].due());
            ready.into_iter().chain(queue.next_due).min()
        });
        let due = due.min();
        let unseen = self.unseen.iter().any(|file| self.states.kept(*file) > 0);
        if unseen { Some(Timestamp(0)) } else { due }
    }

    /// Where the oldest pending records behind `after` lie, in order, of those that were looked at.
    pub(super) fn list(&self, after: u64, max: usize) -> Vec<Spot> {
        let entries = self.queues.iter().flat_map(|queue| &queue.entries);
        let mut behind: Vec<&Entry> =
            entries.filter(|entry| entry.id() > after && entry.standing() != Standing::Gone).collect();
        behind.sort_unstable_by_key(|entry| entry.id());
        behind.iter().take(max).map(|entry| entry.spot()).collect()
    }

    /// The oldest pending record that is no open intent, of those that were looked at.
    pub(super) fn oldest(&self) -> Option<Spot> {
        let delivered = |entry: &&Entry| !matches!(entry.standing(), Standing::Open | Standing::Gone);
        let firsts = self.queues.iter().filter_map(|queue| queue.entries.iter().find(delivered));
        firsts.min_by_key(|entry| entry.id()).map(|entry| entry.spot())
    }
}
