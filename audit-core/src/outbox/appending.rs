//! The wait for an append.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{OutboxError, OutboxErrorKind, RecordId};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// An append under way: await it in async code, or [`wait`](Appending::wait) for it on a thread.
///
/// Dropping it does not take the record back.
#[derive(Debug)]
pub struct Appending(State);

#[derive(Debug)]
enum State {
    Done(Option<Result<RecordId, OutboxError>>),
    Waiting(Arc<Slot>),
}

/// The other end of an [`Appending`]: whoever stores the record says here how it went.
///
/// Dropped without a word, it tells the waiting side that the outbox is closed, so that nobody waits for ever.
#[derive(Debug)]
pub struct AppendTicket(Arc<Slot>);

#[derive(Debug, Default)]
struct Slot {
    result: Mutex<SlotState>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    told: bool,
    /// Nobody waits any more.
    abandoned: bool,
    result: Option<Result<RecordId, OutboxError>>,
    waker: Option<Waker>,
}

impl Appending {
    /// An append that is done.
    #[must_use]
    pub fn done(result: Result<RecordId, OutboxError>) -> Self {
        Self(State::Done(Some(result)))
    }

    /// An append that somebody else finishes through the ticket.
    #[must_use]
    pub fn waiting() -> (AppendTicket, Self) {
        let slot = Arc::new(Slot::default());
        (AppendTicket(Arc::clone(&slot)), Self(State::Waiting(slot)))
    }

    /// Blocks this thread until the append is done, at most for `deadline`.
    ///
    /// # Errors
    /// What the outbox said, or [`OutboxErrorKind::Late`] when the deadline passed first.
    pub fn wait(mut self, deadline: Duration) -> Result<RecordId, OutboxError> {
        let slot = match &mut self.0 {
            State::Done(result) => return result.take().unwrap_or_else(|| Err(closed())),
            State::Waiting(slot) => slot,
        };
        let end = Instant::now() + deadline;
        let mut state = slot.lock();
        loop {
            if let Some(result) = state.result.take() {
                return result;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(OutboxError::new(
                    OutboxErrorKind::Late,
                    format!("the outbox did not store the event within {deadline:?}; it may still do so"),
                ));
            }
            state = slot.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The result, if it is there already.
    pub fn now_or_never(&mut self) -> Option<Result<RecordId, OutboxError>> {
        match &mut self.0 {
            State::Done(result) => result.take(),
            State::Waiting(slot) => slot.lock().result.take(),
        }
    }
}

impl Appending {
    /// What is left when an append was taken away to be waited for.
    pub(crate) fn nothing() -> Self {
        Self(State::Done(None))
    }

    /// Says that nobody waits any more, and returns the result if it is there already; else the ticket's side hears of it.
    pub(crate) fn abandon(&mut self) -> Option<Result<RecordId, OutboxError>> {
        match &mut self.0 {
            State::Done(result) => result.take(),
            State::Waiting(slot) => {
                let mut state = slot.lock();
                state.abandoned = true;
                state.result.take()
            }
        }
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        drop(self.abandon());
    }
}

impl Future for Appending {
    type Output = Result<RecordId, OutboxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Done(result) => Poll::Ready(result.take().unwrap_or_else(|| Err(closed()))),
            State::Waiting(slot) => {
                let mut state = slot.lock();
                if let Some(result) = state.result.take() {
                    return Poll::Ready(result);
                }
                match &mut state.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl AppendTicket {
    /// Says how the append went and wakes whoever waits for it. False if nobody does any more.
    #[allow(clippy::must_use_candidate, reason = "only who counts what nobody heard of wants to know")]
    pub fn finish(self, result: Result<RecordId, OutboxError>) -> bool {
        self.0.finish(result)
    }
}

/// Whoever waits for a ticket to be finished.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Slot>);

impl AppendTicket {
    /// Whoever waits for this.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.0))
    }
}

impl Waiting {
    /// Lets them go with an error. What the ticket says later is heard by nobody, and the ticket's side is told so.
    pub(crate) fn give_up(self, error: OutboxError) {
        self.0.finish(Err(error));
    }
}

impl Drop for AppendTicket {
    fn drop(&mut self) {
        self.0.finish(Err(closed()));
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first word counts.
    fn finish(&self, result: Result<RecordId, OutboxError>) -> bool {
        let mut state = self.lock();
        if std::mem::replace(&mut state.told, true) {
            return false;
        }
        if state.abandoned {
            return false;
        }
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        self.done.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

fn closed() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Closed, "the outbox was closed before it stored the event")
}
