//! Drives a log without its thread, and keeps what must be true of it after a crash at any moment.

use std::collections::{BTreeMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::super::format::MAX_U48;
use super::super::io::Files;
use super::super::log::{Limits, Log, Op};
use super::super::recover::{Report, load};
use super::super::shelf::Shelf;
use super::disk::ModelDisk;
use crate::outbox::{
    Appending, BurialReason, ClaimRequest, Claimed, DeadLetter, Durability, History, Lane, NewRecord, OutboxError,
    RecordId, Retry, Role, Timestamp,
};

/// Small enough that a script of a few dozen steps goes through every part of a segment's life, and leaves some of them on
/// disk until it is their turn.
pub(super) const SMALL: Limits = Limits { segment_bytes: 4096 + 2048, files: 60, held: 12 };

/// What a record may be after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Absent,
    Pending(Bytes),
    Dead(Bytes),
}

/// What may be true of each record, and which dead letter exists if and only if its replacement does.
#[derive(Debug, Clone, Default)]
pub(super) struct Truth {
    pub(super) fates: BTreeMap<u64, Vec<Fate>>,
    pub(super) pairs: Vec<(u64, u64)>,
}

pub(super) struct Rig {
    pub(super) disk: ModelDisk,
    pub(super) log: Log,
    pub(super) shelf: Shelf,
    pub(super) truth: Truth,
    /// The truth from this event of the disk's trace on.
    pub(super) marks: Vec<(usize, Truth)>,
    next_id: u64,
    pub(super) now: u64,
    /// What was acknowledged, and the sequence of the segment it was in.
    acknowledged: Vec<(u64, u64)>,
}

pub(super) fn new_record(payload: &Bytes, lane: u64, role: Role, now: u64) -> NewRecord {
    NewRecord {
        payload: payload.to_vec(),
        lane: Lane(lane),
        durability: Durability::Durable,
        role,
        accepted_at: Timestamp(now),
    }
}

/// A payload that tells records apart.
pub(super) fn payload(id: u64, what: &str, len: usize) -> Bytes {
    let mut text = format!("{what} {id} ").into_bytes();
    text.resize(len.max(text.len()), b'.');
    text.into()
}

pub(super) fn files(disk: &ModelDisk) -> Arc<Files> {
    Arc::new(Files::new(Arc::new(disk.clone())))
}

/// Remembers when a caller was told, by the disk's trace.
struct Told {
    disk: ModelDisk,
    at: AtomicUsize,
}

impl Told {
    fn on(disk: &ModelDisk) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), at: AtomicUsize::new(usize::MAX) })
    }
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.at.store(self.disk.trace_len(), Ordering::Relaxed);
    }
}

impl Rig {
    pub(super) fn on(disk: ModelDisk, limits: Limits) -> Self {
        let (log, _) = Log::open(0, limits, files(&disk)).unwrap();
        let shelf = Shelf::of(&log);
        let (next_id, marks) = (log.next_id, vec![(0, Truth::default())]);
        Self { disk, log, shelf, truth: Truth::default(), marks, next_id, now: 1_000, acknowledged: Vec::new() }
    }

    /// What was acknowledged may come back while its mark may be lost, but not once its segment was given up.
    fn mark(&mut self) {
        let segments = self.log.segments.values().map(|segment| segment.header.sequence);
        let in_use: HashSet<u64> = segments.collect();
        for (id, _) in self.acknowledged.extract_if(.., |(_, sequence)| !in_use.contains(sequence)) {
            self.truth.fates.insert(id, vec![Fate::Absent]);
        }
        self.marks.push((self.disk.trace_len(), self.truth.clone()));
    }

    fn may_be(&mut self, id: u64, fate: Fate) {
        let fates = self.truth.fates.entry(id).or_insert_with(|| vec![Fate::Absent]);
        if !fates.contains(&fate) {
            fates.push(fate);
        }
    }

    fn must_be(&mut self, id: u64, fate: Fate) {
        self.truth.fates.insert(id, vec![fate]);
    }

    /// Appends a batch; tells the ids.
    pub(super) fn append(&mut self, count: usize, len: usize, role: Role) -> Vec<Result<RecordId, OutboxError>> {
        let mut waiting: Vec<(u64, Bytes, Appending, Arc<Told>)> = Vec::new();
        let mut ops = Vec::new();
        for _ in 0..count {
            let id = if let Role::Settles(intent) = role { intent.0 & MAX_U48 } else { self.next_id };
            self.next_id = self.next_id.max(id + 1);
            let payload = payload(id, if matches!(role, Role::Settles(_)) { "settled" } else { "record" }, len);
            self.may_be(id, Fate::Pending(payload.clone()));
            let (ticket, mut appending) = Appending::waiting();
            let told = Told::on(&self.disk);
            let waker = Waker::from(Arc::clone(&told));
            assert!(Pin::new(&mut appending).poll(&mut Context::from_waker(&waker)).is_pending());
            let record = new_record(&payload, id % 5, role, self.now);
            ops.push(Op::Append { id, record, ticket: Some(ticket) });
            waiting.push((id, payload, appending, told));
        }
        self.mark();
        self.log.commit(ops);
        let results = waiting.into_iter().map(|(id, payload, mut appending, told)| {
            let result = appending.now_or_never().expect("the ticket was finished");
            if result.is_ok() {
                self.must_be(id, Fate::Pending(payload));
                // From the moment on at which the caller heard of it.
                self.marks.push((told.at.load(Ordering::Relaxed), self.truth.clone()));
            }
            result
        });
        let results = results.collect();
        self.mark();
        results
    }

    pub(super) fn claim(&mut self, max: usize) -> Vec<Claimed> {
        self.now += 10;
        let waiting = HashSet::new();
        let request =
            ClaimRequest { max, lease: Duration::from_millis(100), now: Timestamp(self.now), waiting_lanes: &waiting };
        self.shelf.claim(&request, max).unwrap()
    }

    pub(super) fn acknowledge(&mut self, claimed: &Claimed) -> Result<bool, OutboxError> {
        let id = claimed.claim.record.0;
        let lease = self.log.index().lease(id, claimed.claim.fence);
        let result = self.shelf.acknowledge(claimed.claim);
        if result.is_ok() {
            self.may_be(id, Fate::Absent);
            let sequence = self.log.segments[&lease.unwrap().place.file].header.sequence;
            self.acknowledged.push((id, sequence));
            self.mark();
        }
        result
    }

    pub(super) fn reschedule(&mut self, claimed: &Claimed, wait: u64) -> Result<bool, OutboxError> {
        let mut history = claimed.history;
        history.attempts += 1;
        history.first_ambiguous.get_or_insert(Timestamp(self.now));
        self.shelf.reschedule(claimed.claim, Retry { due: Timestamp(self.now + wait), history })
    }

    pub(super) fn bury(&mut self, claimed: &Claimed, replaced: bool) -> Result<RecordId, OutboxError> {
        let id = claimed.claim.record.0;
        let (ticket, mut appending) = Appending::waiting();
        self.may_be(id, Fate::Dead(claimed.payload.clone()));
        let replacement = replaced.then(|| {
            let new = self.next_id;
            self.next_id += 1;
            let payload = payload(new, "minimal", 40);
            self.may_be(new, Fate::Pending(payload.clone()));
            self.truth.pairs.push((id, new));
            (new, payload)
        });
        self.mark();
        self.log.commit(vec![Op::Bury {
            id,
            fence: claimed.claim.fence,
            reason: BurialReason { status: Some(422), message: "refused".into(), at: Timestamp(self.now) },
            replacement: replacement
                .as_ref()
                .map(|(new, payload)| (*new, new_record(payload, claimed.lane.0, Role::Event, self.now))),
            ticket,
        }]);
        let result = appending.now_or_never().expect("the ticket was finished");
        if result.is_ok() {
            self.must_be(id, Fate::Dead(claimed.payload.clone()));
            if let Some((new, payload)) = replacement {
                self.must_be(new, Fate::Pending(payload));
            }
        }
        self.mark();
        result
    }

    pub(super) fn rekey(&mut self, claimed: &Claimed, wait: u64) -> Result<RecordId, OutboxError> {
        let (ticket, mut appending) = Appending::waiting();
        let history = History { attempts: claimed.history.attempts + 1, first_ambiguous: None, rekeyed: true };
        let retry = Retry { due: Timestamp(self.now + wait), history };
        self.mark();
        self.log.commit(vec![Op::Rekey { id: claimed.claim.record.0, fence: claimed.claim.fence, retry, ticket }]);
        self.mark();
        appending.now_or_never().expect("the ticket was finished")
    }

    /// Sends a dead letter again.
    pub(super) fn redrive(&mut self, letter: &DeadLetter) -> Result<RecordId, OutboxError> {
        let id = letter.record.0;
        let (ticket, mut appending) = Appending::waiting();
        self.may_be(id, Fate::Pending(letter.payload.clone()));
        // From here on its replacement is an event like others.
        self.truth.pairs.retain(|(dead, _)| *dead != id);
        self.mark();
        self.log.commit(vec![Op::Redrive { id, ticket }]);
        let result = appending.now_or_never().expect("the ticket was finished");
        if result.is_ok() {
            self.must_be(id, Fate::Pending(letter.payload.clone()));
        }
        self.mark();
        result
    }

    pub(super) fn tidy(&mut self) {
        self.log.tidy();
        self.mark();
    }

    /// Everything at once, chosen by `random`.
    pub(super) fn run(&mut self, steps: usize, random: &mut Random) {
        let mut intents = Vec::new();
        for _ in 0..steps {
            match random.below(12) {
                0..=3 => {
                    let (count, len) = (1 + random.below(3), random.below(300));
                    self.append(count, len, Role::Event);
                }
                4 => intents.extend(self.append(1, 50, Role::Intent).into_iter().flatten()),
                5 if !intents.is_empty() => {
                    let intent = intents.swap_remove(random.below(intents.len()));
                    self.append(1, 80, Role::Settles(intent));
                }
                5..=8 => {
                    for claimed in self.claim(1 + random.below(6)) {
                        match random.below(9) {
                            0 => drop(self.bury(&claimed, true)),
                            1 => drop(self.bury(&claimed, false)),
                            2 => drop(self.reschedule(&claimed, 5)),
                            3 => {}
                            4 => drop(self.rekey(&claimed, 5)),
                            _ => drop(self.acknowledge(&claimed)),
                        }
                    }
                }
                9 => {
                    let dead = self.shelf.dead_letters(RecordId(0), 9).unwrap();
                    if !dead.is_empty() {
                        drop(self.redrive(&dead[random.below(dead.len())]));
                    }
                }
                _ => self.tidy(),
            }
        }
    }
}

/// What a disk holds.
pub(super) struct Held {
    pub(super) fates: BTreeMap<u64, Fate>,
    pub(super) report: Report,
    pub(super) pending: u64,
    pub(super) dead: u64,
    pub(super) damaged: u64,
}

pub(super) fn held(disk: &ModelDisk) -> Held {
    let files = files(disk);
    let loaded = load(&files, 0).unwrap();
    let report = loaded.report;
    let index = Arc::new(Mutex::new(loaded.index));
    let shelf = Shelf::over(0, Arc::clone(&index), files);
    let pending = shelf.pending(RecordId(0), usize::MAX).unwrap();
    let dead = shelf.dead_letters(RecordId(0), usize::MAX).unwrap();
    let mut fates = BTreeMap::new();
    let records = pending.into_iter().map(|found| (found.record.id, Fate::Pending(found.record.payload)));
    for (id, fate) in records.chain(dead.into_iter().map(|dead| (dead.record.0, Fate::Dead(dead.payload)))) {
        let twice = fates.insert(id, fate.clone());
        assert_eq!(twice, None, "record {id} is there twice, also as {fate:?}");
    }
    let index = index.lock().unwrap();
    let (pending, dead) = (index.states.pending(), index.states.dead());
    assert_eq!(pending, index.list(0, usize::MAX).len() as u64);
    Held { fates, report, pending, dead, damaged: shelf.damaged() }
}

impl Truth {
    /// Complains if the disk holds anything that cannot be, or lacks anything that must be.
    pub(super) fn check(&self, held: &BTreeMap<u64, Fate>) -> Result<(), String> {
        for (id, fates) in &self.fates {
            let fate = held.get(id).unwrap_or(&Fate::Absent);
            if !fates.contains(fate) {
                return Err(format!("record {id} is {fate:?}, but must be one of {fates:?}"));
            }
        }
        if let Some(id) = held.keys().find(|id| !self.fates.contains_key(id)) {
            return Err(format!("record {id} was never appended"));
        }
        for (dead, replacement) in &self.pairs {
            let is_dead = matches!(held.get(dead), Some(Fate::Dead(_)));
            // It may have arrived since then, and its segment may have been given up.
            let gone = match &*self.fates[replacement] {
                [only] => *only == Fate::Absent,
                [first, ..] => *first != Fate::Absent,
                [] => false,
            };
            if is_dead != held.contains_key(replacement) && !gone {
                return Err(format!("{dead} is dead: {is_dead}, its replacement {replacement} is not the same"));
            }
        }
        Ok(())
    }
}

/// Numbers that are the same at each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
