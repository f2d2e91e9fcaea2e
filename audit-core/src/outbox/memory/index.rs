//! What a delivery asks of the memory outbox: order, leases, dead letters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use super::super::{
    BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, History, IdempotencyKey, Lane, MAX_WAIT,
    NewRecord, OutboxError, OutboxErrorKind, RecordId, Retry, Role, Timestamp,
};

/// Every pending record is in `records`, and in exactly one of `ready`, `later` and `lent`, or is an open intent.
#[derive(Default)]
pub(super) struct Index {
    records: BTreeMap<RecordId, Record>,
    /// Records that are due, by lane.
    ready: HashMap<Lane, BTreeSet<RecordId>>,
    /// The oldest record of each lane in `ready`, so that a claim need not walk through lanes that wait.
    heads: BTreeMap<RecordId, Lane>,
    later: BTreeSet<(Timestamp, RecordId)>,
    lent: BTreeSet<(Timestamp, RecordId)>,
    dead: BTreeMap<RecordId, Buried>,
}

/// A dead letter, and what it needs to become a record again.
struct Buried {
    letter: DeadLetter,
    lane: Lane,
    fence: u64,
}

struct Record {
    key: Option<IdempotencyKey>,
    payload: Bytes,
    lane: Lane,
    accepted_at: Timestamp,
    history: History,
    fence: u64,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Intent,
    Ready(Timestamp),
    Later(Timestamp),
    Lent(Timestamp),
}

impl Index {
    pub(super) fn insert(&mut self, id: RecordId, new: NewRecord) {
        let NewRecord { payload, lane, durability: _, role, accepted_at } = new;
        let place = match role {
            Role::Intent => Place::Intent,
            Role::Event | Role::Settles(_) => Place::Ready(accepted_at),
        };
        let record = Record {
            key: None,
            payload: payload.into(),
            lane,
            accepted_at,
            history: History::default(),
            fence: 0,
            place,
        };
        self.records.insert(id, record);
        self.enter(id, lane, place);
    }

    /// Puts the outcome in the place of its intent. Returns the length of the intent's payload.
    pub(super) fn settle_intent(&mut self, intent: RecordId, new: NewRecord) -> Result<usize, OutboxError> {
        let record = self
            .records
            .get_mut(&intent)
            .filter(|record| matches!(record.place, Place::Intent))
            .ok_or_else(|| fenced(format!("there is no open intent {}: it was settled already", intent.0)))?;
        let freed = record.payload.len();
        record.payload = new.payload.into();
        record.lane = new.lane;
        record.place = Place::Ready(record.accepted_at);
        let (lane, place) = (record.lane, record.place);
        self.enter(intent, lane, place);
        Ok(freed)
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest<'_>) -> Result<Vec<Claimed>, OutboxError> {
        self.make_ready(request.now);
        let ids = self.oldest_ready(request);
        let without_key = ids.iter().filter(|id| self.records.get(id).is_some_and(|it| it.key.is_none())).count();
        let mut keys = draw_keys(without_key)?.into_iter();

        let until = request.now.after(request.lease);
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            self.leave(id);
            let Some(record) = self.records.get_mut(&id) else { continue };
            let Some(key) = record.key.or_else(|| keys.next()) else { continue };
            record.key = Some(key);
            record.fence += 1;
            record.place = Place::Lent(until);
            claimed.push(Claimed {
                claim: ClaimId { record: id, fence: record.fence },
                key,
                payload: record.payload.clone(),
                lane: record.lane,
                accepted_at: record.accepted_at,
                history: record.history,
            });
            self.lent.insert((until, id));
        }
        Ok(claimed)
    }

    /// Removes a record that arrived. Returns the length of its payload.
    pub(super) fn remove(&mut self, claim: ClaimId) -> Result<usize, OutboxError> {
        Ok(self.take(claim)?.payload.len())
    }

    pub(super) fn reschedule(&mut self, claim: ClaimId, retry: Retry) -> Result<(), OutboxError> {
        let record = self.take(claim)?;
        self.put_off(claim.record, record, retry);
        Ok(())
    }

    /// The next claim draws the new key.
    pub(super) fn rekey(&mut self, claim: ClaimId, retry: Retry) -> Result<(), OutboxError> {
        let record = self.take(claim)?;
        self.put_off(claim.record, Record { key: None, ..record }, retry);
        Ok(())
    }

    fn put_off(&mut self, id: RecordId, record: Record, retry: Retry) {
        let (lane, place) = (record.lane, Place::Later(retry.due));
        // Grows here too, so that a claim is settled once.
        let fence = record.fence + 1;
        self.records.insert(id, Record { history: retry.history, fence, place, ..record });
        self.enter(id, lane, place);
    }

    pub(super) fn bury(&mut self, claim: ClaimId, reason: BurialReason) -> Result<(), OutboxError> {
        let Record { key, payload, lane, accepted_at, fence, .. } = self.take(claim)?;
        let Some(key) = key else { return Err(fenced("a record without a key was never lent")) };
        let letter = DeadLetter { record: claim.record, key, payload, accepted_at, reason };
        self.dead.insert(claim.record, Buried { letter, lane, fence });
        Ok(())
    }

    /// A dead letter is a record again; the next claim draws its new key.
    pub(super) fn redrive(&mut self, id: RecordId) -> Result<(), OutboxError> {
        let Some(Buried { letter, lane, fence }) = self.dead.remove(&id) else {
            let message = format!("there is no dead letter {}: it may have been sent again already", id.0);
            return Err(OutboxError::new(OutboxErrorKind::Missing, message));
        };
        let DeadLetter { payload, accepted_at, .. } = letter;
        // Whoever buried it has lost it.
        let (fence, history, place) = (fence + 1, History::default(), Place::Ready(accepted_at));
        let record = Record { key: None, payload, lane, accepted_at, history, fence, place };
        self.records.insert(id, record);
        self.enter(id, lane, place);
        Ok(())
    }

    pub(super) fn contents(&self) -> Contents {
        let ready = self.heads.keys().filter_map(|id| match self.records.get(id)?.place {
            Place::Ready(due) => Some(due),
            Place::Intent | Place::Later(_) | Place::Lent(_) => None,
        });
        let later = self.later.first().map(|(due, _)| *due);
        Contents {
            pending: self.records.len() as u64,
            dead: self.dead.len() as u64,
            next_due: ready.chain(later).min(),
            oldest: self
                .records
                .values()
                .find(|record| !matches!(record.place, Place::Intent))
                .map(|it| it.accepted_at),
        }
    }

    pub(super) fn dead_letters(&self, after: Option<RecordId>, max: usize) -> Vec<DeadLetter> {
        let first = after.map_or(RecordId(0), |id| RecordId(id.0.saturating_add(1)));
        self.dead.range(first..).take(max).map(|(_, buried)| buried.letter.clone()).collect()
    }

    /// Moves what became due, and what was lent for longer than its lease, to the ready ones.
    fn make_ready(&mut self, now: Timestamp) {
        while let Some(&(due, id)) = self.later.first().filter(|(due, _)| *due <= now) {
            self.move_to_ready(id, due);
        }
        // Nothing is put off for longer than that: the clock was set back since, and would hold this up for as long.
        while let Some(&(_, id)) = self.later.last().filter(|(due, _)| *due > now.after(MAX_WAIT)) {
            self.move_to_ready(id, now);
        }
        while let Some(&(until, id)) = self.lent.first().filter(|(until, _)| *until <= now) {
            self.move_to_ready(id, until);
        }
    }

    fn move_to_ready(&mut self, id: RecordId, due: Timestamp) {
        self.leave(id);
        if let Some(record) = self.records.get_mut(&id) {
            record.place = Place::Ready(due);
            let lane = record.lane;
            self.enter(id, lane, Place::Ready(due));
        }
    }

    /// The oldest records that are ready, at most `request.max`, in order, without the lanes that wait.
    fn oldest_ready(&mut self, request: &ClaimRequest<'_>) -> Vec<RecordId> {
        let mut wanted = Vec::new();
        let mut heads: BTreeSet<(RecordId, Lane)> = self
            .heads
            .iter()
            .filter(|(_, lane)| !request.waiting_lanes.contains(lane))
            .take(request.max)
            .map(|(id, lane)| (*id, *lane))
            .collect();
        while wanted.len() < request.max {
            let Some((id, lane)) = heads.pop_first() else { break };
            wanted.push(id);
            let next = self.ready.get(&lane).and_then(|ids| ids.range(RecordId(id.0 + 1)..).next());
            heads.extend(next.map(|next| (*next, lane)));
        }
        wanted
    }

    /// Takes a record out, wherever it is, if the claim still holds.
    fn take(&mut self, claim: ClaimId) -> Result<Record, OutboxError> {
        let holds = self.records.get(&claim.record).is_some_and(|record| record.fence == claim.fence);
        if !holds || claim.fence == 0 {
            return Err(fenced(format!("record {} was lent to another delivery, or settled already", claim.record.0)));
        }
        self.leave(claim.record);
        self.records.remove(&claim.record).ok_or_else(|| fenced("the record was settled already"))
    }

    fn enter(&mut self, id: RecordId, lane: Lane, place: Place) {
        match place {
            Place::Intent => {}
            Place::Ready(_) => {
                self.ready.entry(lane).or_default().insert(id);
                self.renew_head(lane, id);
            }
            Place::Later(due) => {
                self.later.insert((due, id));
            }
            Place::Lent(until) => {
                self.lent.insert((until, id));
            }
        }
    }

    fn leave(&mut self, id: RecordId) {
        let Some(record) = self.records.get(&id) else { return };
        let lane = record.lane;
        match record.place {
            Place::Intent => {}
            Place::Ready(_) => {
                self.heads.remove(&id);
                let Some(ids) = self.ready.get_mut(&lane) else { return };
                ids.remove(&id);
                match ids.first() {
                    Some(first) => {
                        let first = *first;
                        self.heads.insert(first, lane);
                    }
                    None => {
                        self.ready.remove(&lane);
                    }
                }
            }
            Place::Later(due) => {
                self.later.remove(&(due, id));
            }
            Place::Lent(until) => {
                self.lent.remove(&(until, id));
            }
        }
    }

    /// `id` came into `lane`: its head may be another now.
    fn renew_head(&mut self, lane: Lane, id: RecordId) {
        let Some(ids) = self.ready.get(&lane) else { return };
        if ids.first() != Some(&id) {
            return;
        }
        if let Some(second) = ids.range(RecordId(id.0.saturating_add(1))..).next() {
            self.heads.remove(second);
        }
        self.heads.insert(id, lane);
    }
}

/// Keys for a whole batch in one system call, and none in stock: a forked child would draw the same ones again.
fn draw_keys(count: usize) -> Result<Vec<IdempotencyKey>, OutboxError> {
    let mut random = vec![0; count * 16];
    getrandom::fill(&mut random).map_err(|error| {
        OutboxError::new(OutboxErrorKind::Storage, "the system gave no random bytes for idempotency keys")
            .with_source(error)
    })?;
    let (keys, _) = random.as_chunks();
    Ok(keys.iter().copied().map(IdempotencyKey::from_random).collect())
}

fn fenced(message: impl Into<String>) -> OutboxError {
    OutboxError::new(OutboxErrorKind::Fenced, message)
}
