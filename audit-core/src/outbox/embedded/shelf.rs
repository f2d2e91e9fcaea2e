//! The delivery's side of a sub-journal: what waits, read back from disk when it is lent.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{Found, MAX_U48, Slot, decode_reason};
use super::index::{Index, Picked, Spot};
use super::io::{Files, Name};
use super::log::{Log, storage};
use super::recover::read_slot;
use super::window::Window;
use crate::outbox::{
    ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, History, Lane, OutboxError, RecordId, Retry, Timestamp,
};

/// A sub-journal's records, without the means to add any.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) number: u16,
    index: Arc<Mutex<Index>>,
    files: Arc<Files>,
    window: Mutex<Window>,
    damaged: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    pub(super) fn of(log: &Log) -> Self {
        Self {
            number: log.number,
            index: Arc::clone(&log.index),
            files: Arc::clone(&log.files),
            window: Mutex::default(),
            damaged: Mutex::default(),
        }
    }

    pub(super) fn claim(&self, request: &ClaimRequest<'_>, max: usize) -> Result<Vec<Claimed>, OutboxError> {
        let mut picked = lock(&self.index).pick(max, request.waiting_lanes, request.now).into_iter();
        let mut window = lock(&self.window);
        let mut claimed = Vec::with_capacity(picked.len());
        while let Some(mut pick) = picked.next() {
            match self.lend(&mut window, &mut pick, request.now.after(request.lease)) {
                Ok(lent) => claimed.extend(lent),
                Err(error) => {
                    let mut index = lock(&self.index);
                    index.give_back(&pick);
                    picked.for_each(|pick| index.give_back(&pick));
                    return if claimed.is_empty() { Err(storage(error)) } else { Ok(claimed) };
                }
            }
        }
        Ok(claimed)
    }

    /// Reads a picked record and lends it. It may be moved to another segment meanwhile; `None` if it is damaged.
    fn lend(&self, window: &mut Window, pick: &mut Picked, until: Timestamp) -> io::Result<Option<Claimed>> {
        loop {
            let found = self.read(window, pick.spot)?.filter(|found| found.record.id == pick.id);
            let mut index = lock(&self.index);
            let Some(found) = found else {
                match index.spot(pick) {
                    Some(spot) if spot != pick.spot => {
                        pick.spot = spot;
                        continue;
                    }
                    _ => index.give_up(pick),
                }
                *lock(&self.damaged) += 1;
                return Ok(None);
            };
            let file = pick.spot.file;
            let mut slot = Slot::new(&found.record, pick.spot.offset);
            if pick.tried {
                let unwritten = index.unwritten.get(&(file, found.ordinal)).copied();
                let salt = index.salts.get(&file).copied().unwrap_or_default();
                let told = match unwritten {
                    Some(slot) => Some(slot),
                    None => read_slot(&*self.files.get(Name::Table(file))?, found.ordinal, salt)?,
                };
                (slot.due, slot.history) = told.map_or((slot.due, None), |told| (told.due, told.history));
            }
            if index.lend(pick, until, found.ordinal, slot) {
                return Ok(Some(Claimed {
                    claim: ClaimId { record: self.global(pick.id), fence: pick.fence },
                    key: found.record.key,
                    payload: found.record.payload,
                    lane: Lane(found.record.lane),
                    accepted_at: found.record.accepted_at,
                    history: slot.history.unwrap_or_default(),
                }));
            }
        }
    }

    /// True: this is the first change of a table since they were written.
    pub(super) fn acknowledge(&self, claim: ClaimId) -> Result<bool, OutboxError> {
        self.settle(|index| index.acknowledge(local(claim.record), claim.fence))
    }

    /// True: this is the first change of a table since they were written.
    pub(super) fn reschedule(&self, claim: ClaimId, retry: Retry) -> Result<bool, OutboxError> {
        self.settle(|index| {
            index.reschedule(local(claim.record), claim.fence, |slot| {
                slot.due = Timestamp(retry.due.0.min(MAX_U48));
                slot.history = Some(History { ..retry.history });
            })
        })
    }

    fn settle(&self, change: impl FnOnce(&mut Index) -> Result<(), OutboxError>) -> Result<bool, OutboxError> {
        let mut index = lock(&self.index);
        let first = index.unwritten.is_empty();
        change(&mut index)?;
        Ok(first)
    }

    /// Whether the claim may still be settled.
    pub(super) fn holds(&self, claim: ClaimId) -> Result<(), OutboxError> {
        lock(&self.index).lease(local(claim.record), claim.fence).map(drop)
    }

    pub(super) fn contents(&self) -> Contents {
        let (mut contents, oldest) = {
            let mut index = lock(&self.index);
            let (pending, dead, next_due) = (index.pending, index.dead.len() as u64, index.next_due());
            (Contents { pending, dead, next_due, oldest: None }, index.oldest())
        };
        if let Some(spot) = oldest {
            let found = self.read(&mut Window::default(), spot).ok().flatten();
            contents.oldest = found.map(|found| found.record.accepted_at);
        }
        contents
    }

    /// Nothing pending and nothing dead.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.index).is_empty()
    }

    pub(super) fn dead_letters(&self, after: RecordId, max: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        let after = if after.0 >> 48 == u64::from(self.number) { local(after) } else { 0 };
        let spots: Vec<Spot> = lock(&self.index).dead.range(after + 1..).take(max).map(|(_, spot)| *spot).collect();
        let mut window = Window::default();
        let mut letters = Vec::with_capacity(spots.len());
        for spot in spots {
            if let Some(found) = self.read(&mut window, spot).map_err(storage)? {
                letters.push(dead_letter(self.number, found));
            }
        }
        Ok(letters)
    }

    /// Records that were damaged when they were to be lent.
    pub(super) fn damaged(&self) -> u64 {
        *lock(&self.damaged)
    }

    fn read(&self, window: &mut Window, spot: Spot) -> io::Result<Option<Found>> {
        let salt = lock(&self.index).salts.get(&spot.file).copied().unwrap_or_default();
        let log = self.files.get(Name::Segment(spot.file))?;
        window.onto(spot.file, salt);
        window.record(&*log, u64::from(spot.offset), u64::from(u32::MAX))
    }

    pub(super) fn global(&self, id: u64) -> RecordId {
        RecordId(u64::from(self.number) << 48 | id)
    }
}

pub(super) fn local(record: RecordId) -> u64 {
    record.0 & MAX_U48
}

/// A dead letter as the outbox' users see it.
pub(super) fn dead_letter(number: u16, found: Found) -> DeadLetter {
    DeadLetter {
        record: RecordId(u64::from(number) << 48 | found.record.id),
        key: found.record.key,
        reason: decode_reason(&found.record.reason),
        payload: found.record.payload,
        accepted_at: found.record.accepted_at,
    }
}
