//! The handle that users hold, and what it does with a finished event.

mod builder;
mod counters;
mod dead_letters;
mod hash_key;
mod health;
mod instance;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg(test)]
mod observability_tests;
mod recovered;
pub(crate) mod registry;
mod single;
mod storing;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

pub use self::builder::AuditLogBuilder;
pub use self::counters::Stats;
pub use self::health::{HealthReason, HealthReport, HealthStatus};
pub(crate) use self::storing::Storing;

use self::counters::Counters;
use self::instance::Instance;
use crate::Error;
use crate::capture::{Description, Unavailable};
use crate::context::Unaudited;
use crate::delivery::{Delivery, DrainReport};
use crate::event::{Defaults, Encoded, HashKey, Organization, Trace};
use crate::outbox::{
    Appending, Contents, Durability, Lane, NewRecord, Outbox, OutboxError, OutboxErrorKind, RecordId, Recovery, Role,
    Timestamp,
};

/// How long closing the outbox may take: one write to the disk.
const CLOSE_DEADLINE: Duration = Duration::from_millis(150);

/// How much later than asked a shutdown may return, all in all.
const LATEST: Duration = Duration::from_millis(180);

/// A running audit log: takes events, keeps them in its outbox and delivers them. Cloning it is cheap; all clones are the
/// same log.
///
/// ```no_run
/// use std::time::Duration;
///
/// use audit_core::AuditLog;
///
/// # async fn example() -> Result<(), audit_core::Error> {
/// let audit = AuditLog::from_env()?.start().await?;
/// // … serve …
/// let report = audit.shutdown(Duration::from_secs(10)).await;
/// println!("{} delivered, {} pending, {} dead", report.delivered, report.pending, report.dead);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AuditLog(Arc<Shared>);

struct Shared {
    outbox: Arc<dyn Outbox>,
    recovery: Recovery,
    hash_key: Option<HashKey>,
    organization: Option<Organization>,
    /// Numbers the events, if they are to be traceable.
    instance: Option<Instance>,
    /// None in a recorder, which delivers nothing.
    delivery: Option<Delivery>,
    counters: Counters,
    unaudited: Unaudited,
    lately: health::Recently,
    closed: AtomicBool,
}

/// What a shutdown left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Events delivered since the log was started.
    pub delivered: u64,
    /// Events that are still in the outbox. A durable one brings them to the next start.
    pub pending: u64,
    /// Events that became dead letters since the log was started.
    pub dead: u64,
}

impl AuditLog {
    /// A log that is set up by hand. Only the API key is needed.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), audit_core::Error> {
    /// use audit_core::AuditLog;
    /// use audit_core::workos::ApiKeySource;
    ///
    /// let audit = AuditLog::builder()
    ///     .api_key(ApiKeySource::provider(|| std::fs::read_to_string("/run/secrets/workos").ok()))
    ///     .organization("org_01EHWNCE74X7JSDV0X3SZ3KJNY")
    ///     .start()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> AuditLogBuilder {
        AuditLogBuilder::default()
    }

    /// A log that is set up from the environment:
    ///
    /// | variable | what it says | default |
    /// | --- | --- | --- |
    /// | `WORKOS_API_KEY` | the API key, read again when WorkOS refuses it | needed |
    /// | `WORKOS_BASE_URL` | where WorkOS is: https, or http on this machine | `https://api.workos.com` |
    /// | `AUDITED_ORGANIZATION` | the organization of events that name none | none |
    /// | `AUDITED_DIR` | the directory of the journal | `.audited` |
    /// | `AUDITED_PACE` | most events a second, or `off` | `50` |
    /// | `AUDITED_HASH_KEY` | the key of hashed values, at least 16 bytes | made once, kept in `AUDITED_DIR` |
    ///
    /// # Errors
    /// [`Error::is_configuration`] when a variable is missing or wrong.
    pub fn from_env() -> Result<AuditLogBuilder, Error> {
        AuditLogBuilder::from_env()
    }

    /// A log that delivers nothing and needs nothing: a recorder's.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn recording(outbox: Arc<dyn Outbox>, hash_key: Option<HashKey>) -> Self {
        Self::over(outbox, Recovery::default(), hash_key, None, None, None)
    }

    fn over(
        outbox: Arc<dyn Outbox>,
        recovery: Recovery,
        hash_key: Option<HashKey>,
        organization: Option<Organization>,
        instance: Option<Instance>,
        delivery: Option<Delivery>,
    ) -> Self {
        let (counters, unaudited, closed) = (Counters::default(), Unaudited::default(), AtomicBool::new(false));
        Self(Arc::new(Shared {
            outbox,
            recovery,
            hash_key,
            organization,
            instance,
            delivery,
            counters,
            unaudited,
            lately: health::Recently::default(),
            closed,
        }))
    }

    /// What became of this log's events.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let delivery = self.0.delivery.as_ref().map(Delivery::stats).unwrap_or_default();
        self.0.counters.read(&delivery, self.held_now(), self.0.outbox.health().dropped, self.0.unaudited.count())
    }

    /// What the outbox holds, if it can tell without waiting.
    fn held_now(&self) -> Option<Contents> {
        let mut asked = self.0.outbox.inspect();
        match asked.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
            Poll::Ready(contents) => contents.ok(),
            Poll::Pending => None,
        }
    }

    /// The routes of changing requests that no event told of, such as `POST /invoices/{id}`: what an auditor asks for
    /// first. A handler that is left out on purpose says so with `#[audited(skip = "why")]`.
    #[must_use]
    pub fn unaudited_routes(&self) -> Vec<String> {
        self.0.unaudited.routes()
    }

    #[cfg(feature = "request")]
    pub(crate) fn unaudited(&self) -> &Unaudited {
        &self.0.unaudited
    }

    /// What opening the journal found of the process before.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.0.recovery
    }

    /// How much the outbox holds, asked of the outbox itself.
    ///
    /// # Errors
    /// [`Error::is_outbox`] when it cannot be read.
    pub async fn outbox(&self) -> Result<Contents, Error> {
        Ok(self.0.outbox.inspect().await?)
    }

    /// Waits until everything is delivered, at most for `deadline`, and goes on. For a serverless function that is frozen
    /// after its answer, and for tests.
    pub async fn flush(&self, deadline: Duration) -> ShutdownReport {
        match &self.0.delivery {
            Some(delivery) => self.report(&delivery.drain(deadline).await),
            None => self.report_now(),
        }
    }

    /// Takes no more events, delivers what there is until `deadline`, and stops: at most 200 ms after that, whatever the
    /// network and WorkOS do. What is not delivered by then stays in the outbox.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let began = Instant::now();
        self.0.closed.store(true, Ordering::Release);
        let report = match &self.0.delivery {
            Some(delivery) => self.report(&delivery.shutdown(deadline).await),
            None => self.report_now(),
        };
        self.closed(self.0.outbox.close(time_to_close(began, deadline)).await);
        report
    }

    /// As [`shutdown`](Self::shutdown), on a thread that may block.
    #[must_use]
    pub fn shutdown_blocking(&self, deadline: Duration) -> ShutdownReport {
        let began = Instant::now();
        self.0.closed.store(true, Ordering::Release);
        let report = match &self.0.delivery {
            Some(delivery) => self.report(&delivery.shutdown_blocking(deadline)),
            None => self.report_now(),
        };
        let mut closing = self.0.outbox.close(time_to_close(began, deadline));
        // An outbox that has to wait for a network closes in `shutdown` only; what it took is stored there already.
        if let Poll::Ready(result) = closing.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
            self.closed(result);
        }
        report
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    fn closed(&self, result: Result<(), OutboxError>) {
        #[cfg(feature = "metrics")]
        metrics::publish(self);

        if let Err(error) = result {
            tracing::error!(target: "audited", %error, "the outbox was not closed in order");
        }
    }

    fn report(&self, drain: &DrainReport) -> ShutdownReport {
        let mut report = self.report_now();
        if let Some(remaining) = drain.remaining {
            report.pending = remaining.pending;
        }
        report
    }

    fn report_now(&self) -> ShutdownReport {
        let Stats { delivered, pending, dead, .. } = self.stats();
        ShutdownReport { delivered, pending, dead }
    }

    #[inline]
    pub(crate) fn hash_key(&self) -> Option<&HashKey> {
        self.0.hash_key.as_ref()
    }

    /// What numbers the next event, if events are to be traceable.
    #[inline]
    pub(crate) fn next_trace(&self) -> Option<Trace> {
        self.0.instance.as_ref().and_then(Instance::next)
    }

    /// Adds what this log knows to what a context says.
    #[inline]
    pub(crate) fn fill<'a>(&'a self, mut defaults: Defaults<'a>) -> Defaults<'a> {
        if defaults.organization.is_none() {
            defaults.organization = self.0.organization.as_ref().map(Organization::as_json);
        }
        defaults
    }

    /// Takes a finished event over. Returns the wait for it, if its durability asks for one.
    #[inline]
    pub(crate) fn append(
        &self,
        event: Encoded,
        description: &'static Description,
        intent: Option<RecordId>,
    ) -> Option<Storing> {
        self.0.counters.mended(event.mended);
        if event.actor_is_missing {
            self.missing_actor(description);
        }
        if self.needs_organization(&event) {
            missing_organization(description);
        }
        let settles = intent.is_some();
        let role = intent.map_or(Role::Event, Role::Settles);
        let mut appending = self.hand_over(event, description.durability, role);
        match appending.now_or_never() {
            Some(result) => self.stored(result, settles),
            None if description.durability == Durability::Relaxed => {}
            None => return Some(Storing { log: self.clone(), appending, settles }),
        }
        None
    }

    /// Stores the intent of a `strict` call.
    pub(crate) fn append_intent(&self, event: Encoded, description: &Description) -> Result<Appending, Unavailable> {
        if self.needs_organization(&event) {
            self.0.counters.refused();
            return Err(Unavailable::new(format!(
                "`{}` ({}::{}) has no organization: name it in the attribute (`organization = …`), on the actor \
                 (`#[audit(organization)]`), in the context or on the log's builder",
                description.action, description.module, description.function
            )));
        }
        Ok(self.hand_over(event, Durability::Strict, Role::Intent))
    }

    /// Whether the intent was stored.
    pub(crate) fn intent_stored(&self, result: Result<RecordId, OutboxError>) -> Result<RecordId, Unavailable> {
        result.inspect(|_| self.0.counters.stores()).map_err(|error| {
            self.0.counters.does_not_store(Timestamp::now());
            // One that is late may be stored yet, and is then told as `unknown` after the next start.
            match error.kind() {
                OutboxErrorKind::Late => self.0.counters.refused(),
                _ => self.0.counters.refused_after_all(),
            }
            tracing::error!(target: "audited", %error, "a strict call was refused: its intent could not be stored");
            Unavailable::new(error.to_string())
        })
    }

    fn hand_over(&self, event: Encoded, durability: Durability, role: Role) -> Appending {
        let settles = matches!(role, Role::Settles(_));
        if !settles {
            // Before the outbox has it, since it may be delivered before the outbox returns.
            self.0.counters.accepted();
        }
        // What a shutdown left undone is still settled; nothing new begins.
        if self.is_closed() && !settles {
            return Appending::done(Err(OutboxError::new(
                OutboxErrorKind::Closed,
                "the audit log was shut down: shut it down after the last call that is audited",
            )));
        }
        self.0.outbox.append(NewRecord {
            lane: lane(event.organization.as_json()),
            payload: event.payload,
            durability,
            role,
            accepted_at: Timestamp::now(),
        })
    }

    /// Counts how an append went.
    #[inline]
    fn stored(&self, result: Result<RecordId, OutboxError>, settles: bool) {
        match result {
            Ok(_) => self.0.counters.stores(),
            Err(error) => self.not_stored(&error, settles),
        }
    }

    #[cold]
    fn not_stored(&self, error: &OutboxError, settles: bool) {
        self.0.counters.does_not_store(Timestamp::now());
        if error.kind() == OutboxErrorKind::Late {
            // Whatever becomes of it is counted there: it is pending, or dropped.
            self.0.counters.late();
            tracing::error!(target: "audited", %error, "a call returned before its audit event was stored");
            return;
        }
        if settles {
            self.0.counters.unsettled();
            tracing::error!(
                target: "audited",
                %error,
                "the outcome of a strict call could not be stored: its event will say `unknown`"
            );
        } else {
            self.0.counters.refused_after_all();
            tracing::error!(target: "audited", %error, "an audit event could not be stored and is lost");
        }
    }

    /// Whether it will be a dead letter, since it says nobody's log. A recorder stands in for a log that would know one.
    fn needs_organization(&self, event: &Encoded) -> bool {
        event.organization.is_none() && self.0.delivery.is_some()
    }

    #[cold]
    fn missing_actor(&self, description: &'static Description) {
        self.0.counters.unknown_actor();
        if !description.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "audited",
                action = description.action,
                function = %format_args!("{}::{}", description.module, description.function),
                "an audit event has no actor and says `unknown`: write `actor = …` in the attribute, or set it in the \
                 context (told once for each function)"
            );
        }
    }
}

/// The dead letter knows its action only.
#[cold]
fn missing_organization(description: &'static Description) {
    if !description.warned_of_organization.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            target: "audited",
            action = description.action,
            function = %format_args!("{}::{}", description.module, description.function),
            "an audit event has no organization and cannot be sent: name it in the attribute (`organization = …`), on the \
             actor, in the context or on the log's builder (told once for each function)"
        );
    }
}

/// What is left of the time for closing the outbox in a shutdown.
fn time_to_close(began: Instant, deadline: Duration) -> Duration {
    deadline.saturating_add(LATEST).saturating_sub(began.elapsed()).min(CLOSE_DEADLINE)
}

/// The lane of an organization: FNV-1a over words of eight bytes. Outboxes keep it, so it must be the same on every
/// machine and in every version.
fn lane(organization: &[u8]) -> Lane {
    let (words, rest) = organization.as_chunks::<8>();
    let rest = rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([rest]);
    Lane(words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3)))
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("outbox", &self.0.outbox).finish_non_exhaustive()
    }
}
