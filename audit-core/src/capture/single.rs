//! An event that is told at once, without a call around it.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::actor::AuditActor;
use super::event::EventWriter;
use super::scope::{encode, guarded, new_draft, once};
use super::target::{AuditTarget, IntoTargets};
use crate::Error;
use crate::audit_log::{AuditLog, registry};
use crate::context::Context;
use crate::event::{AuditValue, Draft, Ending, Redaction};
use crate::outbox::{Appending, Durability, Timestamp};

/// How long [`EventBuilder::emit_blocking`] waits, at the most.
const DEADLINE: Duration = Duration::from_secs(5);

/// Begins an event that no `#[audited]` function stands for: a deed of a library's callback, of a queue's consumer, of a
/// job.
///
/// It takes the way of every other event: WorkOS' limits, redaction by name, the actor, organization, location and log of
/// the [context](crate::context()) where it begins. It says that it happened now, and version 1, unless told otherwise.
///
/// ```
/// use audit_core::{Actor, AuditTarget, TargetWriter};
/// # struct Team { id: String }
/// # impl AuditTarget for Team {
/// #     const TYPE: &'static str = "team";
/// #     fn describe(&self, target: &mut TargetWriter<'_>) { target.id(&self.id); }
/// # }
///
/// fn on_login(team: &Team) {
///     audit_core::event("user.signed_in")
///         .actor(&Actor::user("user_01").organization("org_01"))
///         .target(team)
///         .metadata("method", "passkey")
///         .emit();
/// }
///
/// async fn on_deletion(team: &Team) -> Result<(), audit_core::Error> {
///     // On disk before the team is gone.
///     audit_core::event("team.deleted").target(team).emit_durable().await
/// }
/// ```
///
/// WorkOS refuses an event without a target, and so does the compiler:
///
/// ```compile_fail
/// audit_core::event("user.signed_in").emit();
/// ```
///
/// Where the target may be missing, hand over the `Option`, or an empty list: it is told as `{type, id: "none"}`.
#[track_caller]
pub fn event(action: &str) -> EventBuilder<NoTarget> {
    let context = Context::current();
    let place = Location::caller();
    let started = registry::resolve(context.as_ref()).map(|log| {
        let draft = new_draft(action, 1, context.as_ref());
        Box::new(Started { draft, action: action.to_owned(), place, log, context, ending: Ending::default() })
    });
    EventBuilder { started, targets: PhantomData }
}

/// An event before it is told; see [`event`].
#[must_use = "nothing is told before `emit`, `emit_durable` or `emit_blocking`"]
pub struct EventBuilder<Targets> {
    /// Nothing if there is no log to tell.
    started: Option<Box<Started>>,
    targets: PhantomData<Targets>,
}

struct Started {
    draft: Draft,
    action: String,
    place: &'static Location<'static>,
    log: AuditLog,
    context: Option<Context>,
    ending: Ending,
}

/// An [`EventBuilder`] that was told no target.
#[derive(Debug, Clone, Copy)]
pub enum NoTarget {}

/// An [`EventBuilder`] that was told a target.
#[derive(Debug, Clone, Copy)]
pub enum Targeted {}

/// Says that an event has a target, as WorkOS wants it.
#[diagnostic::on_unimplemented(
    message = "WorkOS refuses an event without a target: what was it done to?",
    label = "this event has no target",
    note = "call `.target(&model)` before it, or `.target_of(\"type\", id)` for a thing without a model"
)]
pub trait HasTarget {}

impl HasTarget for Targeted {}

impl<Targets> EventBuilder<Targets> {
    /// Writes with all that [`record`](crate::record) has, too.
    pub fn with(mut self, write: impl FnOnce(&mut EventWriter<'_>)) -> Self {
        if let Some(Started { draft, log, .. }) = self.started.as_deref_mut() {
            guarded(draft, log.hash_key(), &mut once(write));
        }
        self
    }

    fn targeted(self, write: impl FnOnce(&mut EventWriter<'_>)) -> EventBuilder<Targeted> {
        let Self { started, .. } = self.with(write);
        EventBuilder { started, targets: PhantomData }
    }

    /// Who acted. Without it, the context's actor did.
    pub fn actor<T: AuditActor + ?Sized>(self, actor: &T) -> Self {
        self.with(|event| {
            event.actor(actor);
        })
    }

    /// On whose behalf. Without it, the actor's organization, then the context's, then the log's.
    pub fn organization(self, organization: impl AuditValue) -> Self {
        self.with(|event| {
            event.organization(organization);
        })
    }

    /// One target.
    pub fn target<T: AuditTarget>(self, target: T) -> EventBuilder<Targeted> {
        self.targets(target)
    }

    /// A target, or anything that iterates over targets; none at all is told as `{type, id: "none"}`.
    pub fn targets<How, T: IntoTargets<How>>(self, targets: T) -> EventBuilder<Targeted> {
        self.targeted(|event| {
            event.targets(targets);
        })
    }

    /// A target without a model.
    pub fn target_of(self, kind: &str, id: impl AuditValue) -> EventBuilder<Targeted> {
        self.targeted(|event| {
            event.target_of(kind, id);
        })
    }

    /// Metadata: at most 47 keys of at most 40 characters; a string has at most 500. A key that
    /// [looks secret](crate::looks_secret) is redacted.
    pub fn metadata(self, key: &str, value: impl AuditValue) -> Self {
        self.metadata_as(key, value, Redaction::of_name(key))
    }

    /// Metadata, shown as `redaction` says, whatever its key is.
    pub fn metadata_as(self, key: &str, value: impl AuditValue, redaction: Redaction) -> Self {
        self.with(|event| {
            event.metadata_as(key, value, redaction);
        })
    }

    /// What a change made of a model; see [`changes`](crate::changes()).
    pub fn changes<T: AuditTarget + ?Sized>(self, before: &T, after: &T) -> Self {
        self.with(|event| {
            event.changes(before, after);
        })
    }

    /// All that `body` serializes to, as metadata; what [looks secret](crate::looks_secret) is redacted.
    pub fn body<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.with(|event| {
            event.body(body);
        })
    }

    /// The version of the action's schema. Default: 1.
    pub fn version(mut self, version: u32) -> Self {
        if let Some(started) = self.started.as_deref_mut() {
            started.draft.set_version(version);
        }
        self
    }

    /// When it happened. Default: when the event began.
    pub fn occurred_at(mut self, at: SystemTime) -> Self {
        if let Some(started) = self.started.as_deref_mut() {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            started.draft.set_occurred_at(Timestamp::default().after(since));
        }
        self
    }

    /// It was tried and did not succeed: `outcome` is `failure`.
    pub fn failed(mut self) -> Self {
        if let Some(started) = self.started.as_deref_mut() {
            started.ending.outcome = Some("failure");
        }
        self
    }

    /// Hands the event over and does not wait: it is on disk within 50 ms. Without an audit log it does nothing, which is
    /// counted as unrouted.
    pub fn emit(self)
    where
        Targets: HasTarget,
    {
        if let Some(started) = self.started {
            let Started { mut draft, action, place, log, context, ending } = *started;
            let event = encode(&log, context.as_ref(), &mut draft, Ending { trace: log.next_trace(), ..ending });
            log.append_single(event, &action, place);
        }
    }

    /// Waits until the event is on disk.
    ///
    /// # Errors
    /// [`Error::is_outbox`] when it could not be stored, [`Error::is_configuration`] when no audit log is started.
    pub async fn emit_durable(self) -> Result<(), Error>
    where
        Targets: HasTarget,
    {
        let (log, appending) = self.append_durable()?;
        log.single_stored(appending.await)
    }

    /// [`emit_durable`](Self::emit_durable), on a thread that may wait.
    ///
    /// # Errors
    /// As [`emit_durable`](Self::emit_durable).
    pub fn emit_blocking(self) -> Result<(), Error>
    where
        Targets: HasTarget,
    {
        let (log, appending) = self.append_durable()?;
        log.single_stored(appending.wait(DEADLINE))
    }

    fn append_durable(self) -> Result<(AuditLog, Appending), Error> {
        let Some(started) = self.started else {
            return Err(Error::configuration(
                "no audit log is started: call `AuditLog::from_env()?.start()` before the first event",
            ));
        };
        let Started { mut draft, action, place, log, context, ending } = *started;
        let event = encode(&log, context.as_ref(), &mut draft, Ending { trace: log.next_trace(), ..ending });
        let appending = log.hand_over_single(event, &action, place, Durability::Durable);
        Ok((log, appending))
    }
}

impl<Targets> fmt::Debug for EventBuilder<Targets> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.started.as_ref().map(|started| &*started.action);
        f.debug_struct("EventBuilder").field("action", &action).finish_non_exhaustive()
    }
}
