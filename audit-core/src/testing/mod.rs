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
//! let event = recorder.only(); // exactly one event, or the test fails with a list
//! assert_eq!((event.action(), event.outcome()), ("invoice.paid", "success"));
//! # }
//! ```
//!
//! [`assert_audited!`] finds one event among many and says how the nearest one differs; [`Recorder::snapshot`] is all of
//! them as stable text; [`Recorder::fail`] and [`Recorder::hold`] are a broken and a slow disk; [`assert_covered`] finds
//! the handlers that nobody audits. For what WorkOS answers, use `audited_cli::LocalWorkos`.

mod assert;
mod coverage;
mod event;
mod expected;
mod outbox;
mod routed;

use std::future::Future;
use std::sync::Arc;

pub use self::coverage::assert_covered;
pub use self::event::RecordedEvent;
pub use self::expected::{Expected, ExpectedThing};
use self::outbox::{Failure, RecordingOutbox};
pub use self::routed::{escaped, unrouted};
use crate::audit_log::{AuditLog, Stats, registry};
use crate::context::{InContext, context};
use crate::event::HashKey;
use crate::outbox::OutboxErrorKind;

#[doc(inline)]
pub use crate::assert_audited;

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

    /// The one event that was recorded: that a handler is audited exactly once.
    ///
    /// # Panics
    /// If there is none, or more than one; the message has all of them.
    #[track_caller]
    #[must_use]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn only(&self) -> RecordedEvent {
        match &mut *self.events() {
            [event] => event.clone(),
            events => panic!("exactly one event was expected, and {} were recorded{}", events.len(), listed(events)),
        }
    }

    /// The events that are as `expected`, oldest first.
    #[must_use]
    pub fn matching(&self, expected: &Expected) -> Vec<RecordedEvent> {
        self.events().into_iter().filter(|event| expected.differences(event).is_empty()).collect()
    }

    /// The one event that is as `expected`. [`assert_audited!`] calls it.
    ///
    /// # Panics
    /// If there is none, or more than one; the message says how the nearest one differs.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn expect(&self, expected: &Expected) -> RecordedEvent {
        let events = self.events();
        let differences: Vec<_> = events.iter().map(|event| expected.differences(event)).collect();
        let mut found = events.iter().zip(&differences).filter(|(_, differences)| differences.is_empty());
        match (found.next(), found.count()) {
            (Some((event, _)), 0) => event.clone(),
            (Some(_), more) => {
                panic!("{} events are as expected, not one\nexpected: {expected}{}", more + 1, listed(&events))
            }
            (None, _) => {
                let nearest = differences.iter().enumerate().min_by_key(|(_, differences)| differences.len());
                let nearest = nearest.map_or_else(String::new, |(at, differences)| {
                    let lines: String = differences.iter().map(|difference| format!("\n  {difference}")).collect();
                    format!("\nthe nearest, number {} of {}, differs:{lines}", at + 1, events.len())
                });
                panic!("no event is as expected\nexpected: {expected}{nearest}{}", listed(&events))
            }
        }
    }

    /// All events so far as text that is the same in each run, for a snapshot test or a plain `assert_eq!`: see
    /// [`RecordedEvent`] for what it leaves out.
    ///
    /// ```
    /// use audit_core::{Actor, testing::Recorder};
    ///
    /// let recorder = Recorder::new();
    /// let installed = recorder.install();
    /// audit_core::event("user.signed_in").actor(&Actor::user("user_01")).target_of("team", "t_1").emit();
    ///
    /// assert_eq!(
    ///     recorder.snapshot(),
    ///     r#"
    /// user.signed_in
    ///   outcome: success
    ///   version: 1
    ///   organization: null
    ///   actor: user "user_01"
    ///   target: team "t_1"
    ///   location: "unknown"
    /// "#
    /// );
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> String {
        self.events().iter().map(|event| format!("\n{event}\n")).collect()
    }

    /// Lets every append fail from now on, as a full or broken disk would; `None` mends it.
    pub fn fail(&self, kind: Option<OutboxErrorKind>) {
        self.outbox.fail(kind.map(|kind| Failure { kind, times: None, outcomes: false }));
    }

    /// Lets the next `times` appends fail and those behind them succeed. The first append of a `strict` call is its intent.
    pub fn fail_next(&self, times: usize, kind: OutboxErrorKind) {
        self.outbox.fail(Some(Failure { kind, times: Some(times), outcomes: false }));
    }

    /// Lets the outcomes of `strict` calls fail from now on, behind intents that are stored.
    pub fn fail_outcomes(&self, kind: OutboxErrorKind) {
        self.outbox.fail(Some(Failure { kind, times: None, outcomes: true }));
    }

    /// A disk that takes its time: until the guard is dropped no `durable` or `strict` append is done, so that a call
    /// waits where it would wait for the disk. What was appended meanwhile is recorded at once.
    pub fn hold(&self) -> Held {
        self.outbox.hold();
        Held(Arc::clone(&self.outbox))
    }
}

/// All of `events`, for the message of an assertion.
fn listed(events: &[RecordedEvent]) -> String {
    if events.is_empty() {
        return "\nno event was recorded: did the call run within `recorder.scope(…)`, `recorder.install()` or a layer with \
                `.log(&recorder.log())`, and was its future polled?"
            .to_owned();
    }
    events.iter().enumerate().map(|(at, event)| format!("\n\n{}. {event}", at + 1)).collect()
}

/// While it lives, a recorder's disk takes its time; see [`Recorder::hold`].
#[derive(Debug)]
#[must_use = "the disk is slow only as long as this lives"]
pub struct Held(Arc<RecordingOutbox>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.let_go();
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
