//! A disk that neither answers nor fails, as a network's may: whoever waits for it is let go after a while. What they wait
//! for stays queued, and is stored once the disk answers.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::log::Op;
use super::store::Shared;
use crate::outbox::appending::Waiting;
use crate::outbox::{OutboxError, OutboxErrorKind};

/// What the journal's thread is writing.
#[derive(Debug, Default)]
pub(super) struct Flight(Mutex<Option<Writing>>);

#[derive(Debug)]
struct Writing {
    since: Instant,
    waiting: Vec<Waiting>,
}

impl Flight {
    /// The thread begins to write these.
    pub(super) fn begin(&self, ops: &[Op]) {
        let waiting = ops.iter().filter_map(Op::waiting).collect();
        *self.writing() = Some(Writing { since: Instant::now(), waiting });
    }

    /// It has written them.
    pub(super) fn end(&self) {
        *self.writing() = None;
    }

    /// Whether that takes longer than `patience`.
    pub(super) fn is_stuck(&self, patience: Duration) -> bool {
        self.writing().as_ref().is_some_and(|writing| writing.since.elapsed() >= patience)
    }

    /// Those who wait for what is being written.
    fn take_waiting(&self) -> Vec<Waiting> {
        self.writing().as_mut().map(|writing| std::mem::take(&mut writing.waiting)).unwrap_or_default()
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks, on a thread of its own, whether somebody has waited for longer than `patience`, until the journal is gone.
pub(super) fn watch(shared: Weak<Shared>, patience: Duration) -> std::io::Result<()> {
    let look_every = (patience / 2).clamp(Duration::from_millis(5), Duration::from_millis(2_500));
    let look = move || {
        while let Some(shared) = shared.upgrade().filter(|shared| !shared.is_stopped()) {
            if shared.flight.is_stuck(patience) {
                let queued = shared.take_waiting();
                for waiting in shared.flight.take_waiting().into_iter().chain(queued) {
                    waiting.give_up(late(patience));
                }
            }
            drop(shared);
            thread::sleep(look_every);
        }
    };
    thread::Builder::new().name("audited-patience".to_owned()).spawn(look).map(drop)
}

fn late(patience: Duration) -> OutboxError {
    OutboxError::new(
        OutboxErrorKind::Late,
        format!("the journal's disk did not answer within {patience:?}; the event is stored once it does"),
    )
}
