//! An outbox that keeps what it is given and is never emptied.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::outbox::{
    AppendTicket, Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, Durability, NewRecord,
    Outbox, OutboxError, OutboxErrorKind, OutboxFuture, RecordId, Retry, Role,
};

#[derive(Debug, Default)]
pub(super) struct RecordingOutbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    records: Vec<(Role, Vec<u8>)>,
    failure: Option<Failure>,
    /// Appends that are not done before they are let go; none if nothing is held.
    held: Option<Vec<(AppendTicket, RecordId)>>,
}

/// Which appends fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) kind: OutboxErrorKind,
    /// How many more; without a number, all.
    pub(super) times: Option<usize>,
    /// Only what settles the intent of a strict call.
    pub(super) outcomes: bool,
}

impl RecordingOutbox {
    pub(super) fn payloads(&self) -> Vec<Vec<u8>> {
        self.select(|role| role != Role::Intent)
    }

    pub(super) fn intents(&self) -> Vec<Vec<u8>> {
        self.select(|role| role == Role::Intent)
    }

    fn select(&self, wanted: impl Fn(Role) -> bool) -> Vec<Vec<u8>> {
        let state = self.lock();
        state.records.iter().filter(|(role, _)| wanted(*role)).map(|(_, payload)| payload.clone()).collect()
    }

    pub(super) fn fail(&self, failure: Option<Failure>) {
        self.lock().failure = failure;
    }

    pub(super) fn hold(&self) {
        self.lock().held.get_or_insert_default();
    }

    pub(super) fn let_go(&self) {
        // Outside of the lock, since whoever waits may append next.
        let held = self.lock().held.take();
        for (ticket, id) in held.into_iter().flatten() {
            ticket.finish(Ok(id));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the next append fails, which then was one of those that should.
    fn fails(&mut self, role: Role) -> Option<OutboxErrorKind> {
        let failure = self.failure.as_mut()?;
        if failure.outcomes && !matches!(role, Role::Settles(_)) {
            return None;
        }
        let kind = failure.kind;
        if let Some(times) = &mut failure.times {
            let Some(left) = times.checked_sub(1) else {
                self.failure = None;
                return None;
            };
            *times = left;
        }
        Some(kind)
    }
}

impl Outbox for RecordingOutbox {
    fn append(&self, record: NewRecord) -> Appending {
        let mut state = self.lock();
        if let Some(kind) = state.fails(record.role) {
            return Appending::done(Err(OutboxError::new(kind, "the test told the recorder to fail")));
        }
        let id = RecordId(state.records.len() as u64);
        state.records.push((record.role, record.payload));
        match &mut state.held {
            Some(held) if record.durability != Durability::Relaxed => {
                let (ticket, appending) = Appending::waiting();
                held.push((ticket, id));
                appending
            }
            _ => Appending::done(Ok(id)),
        }
    }

    fn claim<'a>(&'a self, _request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn acknowledge(&self, _claim: ClaimId) -> OutboxFuture<'_, ()> {
        nothing_was_lent()
    }

    fn reschedule(&self, _claim: ClaimId, _retry: Retry) -> OutboxFuture<'_, ()> {
        nothing_was_lent()
    }

    fn bury(&self, _claim: ClaimId, _reason: BurialReason, _replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        nothing_was_lent()
    }

    fn rekey(&self, _claim: ClaimId, _retry: Retry) -> OutboxFuture<'_, ()> {
        nothing_was_lent()
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        let pending = self.lock().records.len() as u64;
        Box::pin(async move { Ok(Contents { pending, ..Contents::default() }) })
    }

    fn dead_letters(&self, _after: Option<RecordId>, _max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn redrive(&self, _record: RecordId) -> OutboxFuture<'_, ()> {
        Box::pin(async { Err(OutboxError::new(OutboxErrorKind::Missing, "a recorder has no dead letters")) })
    }

    fn changed(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

fn nothing_was_lent<'a>() -> OutboxFuture<'a, ()> {
    Box::pin(async { Err(OutboxError::new(OutboxErrorKind::Fenced, "a recorder lends nothing")) })
}
