//! The wait for an event to be stored.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::AuditLog;
use crate::outbox::Appending;

/// How long a call on a thread waits for its event to be stored, at the most.
const DEADLINE: Duration = Duration::from_secs(5);

/// An event that was handed to the outbox and is not stored yet. Await it, or [`wait`](Self::wait) for it on a thread:
/// whichever way, how it went is counted.
#[derive(Debug)]
pub(crate) struct Storing {
    pub(super) log: AuditLog,
    pub(super) appending: Appending,
    /// It takes the place of an intent, which was counted as accepted.
    pub(super) settles: bool,
}

impl Storing {
    /// Waits on this thread.
    pub(crate) fn wait(mut self) {
        let appending = std::mem::replace(&mut self.appending, Appending::nothing());
        self.log.stored(appending.wait(DEADLINE), self.settles);
    }
}

impl Future for Storing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(result) = Pin::new(&mut self.appending).poll(context) else { return Poll::Pending };
        self.log.stored(result, self.settles);
        Poll::Ready(())
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        // Of a call that was dropped meanwhile. If it is not there yet, the outbox counts what nobody hears of.
        if let Some(result) = self.appending.abandon() {
            self.log.stored(result, self.settles);
        }
    }
}
