//! What a program's own tests need: a recorder that stands in for the audit log.
//!
//! A [`Recorder`] runs all of the production path up to the outbox: capture, limits, redaction, encoding. It needs no
//! organization and no network, and is safe in parallel tests, since it is chosen for a task or a thread and never for
//! the process.
//!
//! ```
//! use audit_core::testing::Recorder;
//!
//! # async fn pay() {}
//! # async fn example() {
//! let recorder = Recorder::new();
//! recorder.scope(pay()).await;
//! for event in recorder.events() {
//!     println!("{} {}", event.action(), event.outcome());
//! }
//! # }
//! ```

mod coverage;
mod event;
mod outbox;

use std::future::Future;
use std::sync::Arc;

pub use self::coverage::assert_covered;
pub use self::event::RecordedEvent;
use self::outbox::RecordingOutbox;
use crate::audit_log::{AuditLog, Stats, registry};
use crate::context::{InContext, context};
use crate::event::HashKey;
use crate::outbox::OutboxErrorKind;

pub use crate::audit_log::unrouted;

/// Takes down the events of a test.
#[derive(Debug, Clone)]
pub struct Recorder {
    log: AuditLog,
    outbox: Arc<RecordingOutbox>,
}

impl Recorder {
    /// A recorder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        let outbox = Arc::new(RecordingOutbox::default());
        // Any key does: hashes are compared within a test, never across.
        let log = AuditLog::recording(outbox.clone(), HashKey::new(b"audited::testing::Recorder"));
        Self { log, outbox }
    }

    /// The log that records here: for handing to an application under test.
    #[must_use]
    pub fn log(&self) -> AuditLog {
        self.log.clone()
    }

    /// Runs `future`, and all that it polls itself, with this recorder as its log. What it spawns takes it along with
    /// [`context`](crate::context()).
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        context().log(&self.log).scope(future)
    }

    /// Makes this recorder the log of this thread until the guard is dropped. On a runtime with several threads, use
    /// [`scope`](Self::scope).
    pub fn install(&self) -> InstalledRecorder {
        InstalledRecorder { before: registry::install_on_thread(Some(self.log.clone())) }
    }

    /// All events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.outbox.payloads().iter().map(|payload| RecordedEvent::read(payload)).collect()
    }

    /// The intents of `strict` calls so far, oldest first, settled or not.
    #[must_use]
    pub fn intents(&self) -> Vec<RecordedEvent> {
        self.outbox.intents().iter().map(|payload| RecordedEvent::read(payload)).collect()
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.log.stats()
    }

    /// Lets every append fail from now on, as a full or broken disk would; `None` mends it.
    pub fn fail(&self, kind: Option<OutboxErrorKind>) {
        self.outbox.fail(kind);
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// While it lives, a recorder is the log of its thread.
#[derive(Debug)]
#[must_use = "the recorder is the thread's log only as long as this lives"]
pub struct InstalledRecorder {
    before: Option<AuditLog>,
}

impl Drop for InstalledRecorder {
    fn drop(&mut self) {
        registry::install_on_thread(self.before.take());
    }
}
