//! The delivery's side of a sub-journal: what waits, read back from disk when it is lent.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{Found, MAX_U48, PAGE, Place, Summary, decode_reason};
use super::index::{Index, Picked, Spot};
use super::io::{Files, Name};
use super::log::{Log, storage};
use super::recover::scan;
use super::window::Window;
use crate::outbox::{
    ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, Lane, OutboxError, RecordId, Retry, Timestamp,
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
        Self::over(log.number, Arc::clone(&log.index), Arc::clone(&log.files))
    }

    pub(super) fn over(number: u16, index: Arc<Mutex<Index>>, files: Arc<Files>) -> Self {
        Self { number, index, files, window: Mutex::default(), damaged: Mutex::default() }
    }

    pub(super) fn claim(&self, request: &ClaimRequest<'_>, max: usize) -> Result<Vec<Claimed>, OutboxError> {
        let mut window = lock(&self.window);
        let mut claimed: Vec<Claimed> = Vec::new();
        loop {
            let mut picked = {
                let mut index = lock(&self.index);
                index.pick(max - claimed.len(), request.waiting_lanes, request.now).into_iter()
            };
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
            if claimed.len() == max || !self.look_at_more(&mut window).map_err(storage)? {
                return Ok(claimed);
            }
        }
    }

    /// Takes in the oldest segment that was not looked at. False: there is none.
    fn look_at_more(&self, window: &mut Window) -> io::Result<bool> {
        let (file, salt, count) = {
            let mut index = lock(&self.index);
            let Some(file) = index.unseen() else { return Ok(false) };
            (file, index.states.salt(file).unwrap_or_default(), index.states.len(file))
        };
        let log = self.files.get(Name::Segment(file))?;
        window.onto(file, salt);
        // Most is read without keeping the writer waiting; what it adds meanwhile is read while it does.
        let before = scan(&*log, window, PAGE, log.len()?, 0..count, [0; 32])?;
        let mut index = lock(&self.index);
        if index.unseen() != Some(file) || index.states.salt(file) != Some(salt) {
            return Ok(true);
        }
        let since = scan(&*log, window, before.end, log.len()?, count..index.states.len(file), [0; 32])?;
        let mut missing = index.states.pending_in(file);
        for record in before.records.iter().chain(&since.records) {
            let place = Place { file, ordinal: record.ordinal };
            missing -= u32::from(index.states.is_pending(place));
            let retry = index.states.wait(&self.files, place)?;
            index.look_at(file, record, retry);
        }
        index.states.give_up(missing);
        *lock(&self.damaged) += u64::from(missing);
        index.seen(file);
        Ok(true)
    }

    /// Takes in every segment.
    pub(super) fn look_at_all(&self) -> Result<(), OutboxError> {
        let mut window = lock(&self.window);
        while self.look_at_more(&mut window).map_err(storage)? {}
        Ok(())
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
            let place = Place { file: pick.spot.file, ordinal: found.ordinal };
            let retry = if pick.tried { index.states.wait(&self.files, place)? } else { None };
            if index.lend(pick, until, &Summary::of(&found.record, pick.spot.offset, found.ordinal)) {
                return Ok(Some(Claimed {
                    claim: ClaimId { record: self.global(pick.id), fence: pick.fence },
                    key: found.record.key,
                    payload: found.record.payload,
                    lane: Lane(found.record.lane),
                    accepted_at: found.record.accepted_at,
                    history: retry.map(|retry| retry.history).unwrap_or_default(),
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
        let retry = Retry { due: Timestamp(retry.due.0.min(MAX_U48)), ..retry };
        self.settle(|index| index.reschedule(local(claim.record), claim.fence, retry))
    }

    fn settle(&self, change: impl FnOnce(&mut Index) -> Result<(), OutboxError>) -> Result<bool, OutboxError> {
        let mut index = lock(&self.index);
        let first = !index.states.is_unwritten();
        change(&mut index)?;
        Ok(first)
    }

    /// Whether the claim may still be settled.
    pub(super) fn holds(&self, claim: ClaimId) -> Result<(), OutboxError> {
        lock(&self.index).lease(local(claim.record), claim.fence).map(drop)
    }

    pub(super) fn contents(&self) -> Contents {
        let mut window = lock(&self.window);
        loop {
            let (mut contents, oldest) = {
                let mut index = lock(&self.index);
                let (pending, dead, next_due) = (index.states.pending(), index.states.dead(), index.next_due());
                (Contents { pending, dead, next_due, oldest: None }, index.oldest())
            };
            if let Some(spot) = oldest {
                let found = self.read(&mut Window::default(), spot).ok().flatten();
                contents.oldest = found.map(|found| found.record.accepted_at);
            } else if contents.pending > 0 && self.look_at_more(&mut window).unwrap_or(false) {
                continue;
            }
            return contents;
        }
    }

    /// Nothing pending and nothing dead.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.index).is_empty()
    }

    pub(super) fn dead_letters(&self, after: RecordId, max: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.look_at_dead()?;
        let spots: Vec<Spot> =
            lock(&self.index).dead.range(self.behind(after)..).take(max).map(|(_, spot)| *spot).collect();
        Ok(self.read_all(&spots)?.into_iter().map(|found| dead_letter(self.number, found)).collect())
    }

    /// Takes in every segment up to the last with dead letters.
    pub(super) fn look_at_dead(&self) -> Result<(), OutboxError> {
        let mut window = lock(&self.window);
        while lock(&self.index).has_unseen_dead() && self.look_at_more(&mut window).map_err(storage)? {}
        Ok(())
    }

    /// The oldest pending records behind `after`, in order.
    pub(super) fn pending(&self, after: RecordId, max: usize) -> Result<Vec<Found>, OutboxError> {
        self.look_at_all()?;
        let spots = lock(&self.index).list(self.behind(after) - 1, max);
        self.read_all(&spots)
    }

    /// The first id of this sub-journal that is behind `after`.
    fn behind(&self, after: RecordId) -> u64 {
        if after.0 >> 48 == u64::from(self.number) { local(after) + 1 } else { 1 }
    }

    fn read_all(&self, spots: &[Spot]) -> Result<Vec<Found>, OutboxError> {
        let mut window = Window::default();
        let mut records = Vec::with_capacity(spots.len());
        for spot in spots {
            records.extend(self.read(&mut window, *spot).map_err(storage)?);
        }
        Ok(records)
    }

    /// Records that were damaged when they were to be lent.
    pub(super) fn damaged(&self) -> u64 {
        *lock(&self.damaged)
    }

    fn read(&self, window: &mut Window, spot: Spot) -> io::Result<Option<Found>> {
        let salt = lock(&self.index).states.salt(spot.file).unwrap_or_default();
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
