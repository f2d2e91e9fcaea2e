//! The handle that users hold, and what it does with a finished event.

mod counters;
pub(crate) mod registry;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use self::counters::Stats;
pub use self::registry::unrouted;

use self::counters::Counters;
use crate::capture::{Description, Unavailable};
use crate::event::{Defaults, Encoded, HashKey, Organization};
use crate::outbox::{Appending, Durability, Lane, NewRecord, Outbox, OutboxError, RecordId, Role, Timestamp};

/// How long a call waits for its event to be stored, at the most.
const STORE_DEADLINE: Duration = Duration::from_secs(5);

/// A running audit log: takes events, keeps them in its outbox and delivers them. Cloning it is cheap; all clones are the
/// same log.
#[derive(Clone)]
pub struct AuditLog(Arc<Shared>);

pub(crate) struct Shared {
    outbox: Arc<dyn Outbox>,
    hash_key: Option<HashKey>,
    organization: Option<Organization>,
    counters: Counters,
}

impl AuditLog {
    /// A log over `outbox`, which nobody empties yet.
    pub(crate) fn over(outbox: Arc<dyn Outbox>, hash_key: Option<HashKey>, organization: Option<Organization>) -> Self {
        Self(Arc::new(Shared { outbox, hash_key, organization, counters: Counters::default() }))
    }

    #[inline]
    pub(crate) fn hash_key(&self) -> Option<&HashKey> {
        self.0.hash_key.as_ref()
    }

    /// Adds what this log knows to what a context says.
    #[inline]
    pub(crate) fn fill<'a>(&'a self, mut defaults: Defaults<'a>) -> Defaults<'a> {
        if defaults.organization.is_none() {
            defaults.organization = self.0.organization.as_ref().map(Organization::as_json);
        }
        defaults
    }

    /// What this log counted itself.
    pub(crate) fn counted(&self) -> Stats {
        self.0.counters.read()
    }

    /// Takes a finished event over. Returns the wait for it, if its durability asks for one.
    #[inline]
    pub(crate) fn append(
        &self,
        event: Encoded,
        description: &'static Description,
        intent: Option<RecordId>,
    ) -> Option<Appending> {
        self.0.counters.count(event.mended);
        if event.actor_is_missing {
            self.missing_actor(description);
        }
        let role = intent.map_or(Role::Event, Role::Settles);
        let mut appending = self.0.outbox.append(record(event, description.durability, role));
        match appending.now_or_never() {
            Some(result) => self.stored(result),
            None if description.durability == Durability::Relaxed => {}
            None => return Some(appending),
        }
        None
    }

    /// Stores the intent of a `strict` call.
    pub(crate) fn append_intent(&self, event: Encoded, description: &Description) -> Result<Appending, Unavailable> {
        if event.organization.is_none() {
            return Err(Unavailable::new(format!(
                "`{}` ({}::{}) has no organization: name it in the attribute (`organization = …`), on the actor \
                 (`#[audit(organization)]`), in the context or on the log's builder",
                description.action, description.module, description.function
            )));
        }
        Ok(self.0.outbox.append(record(event, Durability::Strict, Role::Intent)))
    }

    /// Whether the intent was stored.
    pub(crate) fn intent_stored(&self, result: Result<RecordId, OutboxError>) -> Result<RecordId, Unavailable> {
        result.map_err(|error| {
            self.0.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::error!(target: "audited", %error, "a strict call was refused, since its intent could not be stored");
            Unavailable::new(error.to_string())
        })
    }

    /// Waits on this thread.
    pub(crate) fn wait(&self, appending: Appending) -> Result<RecordId, OutboxError> {
        appending.wait(STORE_DEADLINE)
    }

    /// Counts how an append went.
    #[inline]
    pub(crate) fn stored(&self, result: Result<RecordId, OutboxError>) {
        match result {
            Ok(_) => {
                self.0.counters.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => self.refused(&error),
        }
    }

    #[cold]
    fn refused(&self, error: &OutboxError) {
        self.0.counters.refused.fetch_add(1, Ordering::Relaxed);
        tracing::error!(target: "audited", %error, "an audit event could not be stored and is lost");
    }

    #[cold]
    fn missing_actor(&self, description: &'static Description) {
        self.0.counters.unknown_actors.fetch_add(1, Ordering::Relaxed);
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

fn record(event: Encoded, durability: Durability, role: Role) -> NewRecord {
    NewRecord {
        lane: lane(event.organization.as_json()),
        payload: event.payload,
        durability,
        role,
        accepted_at: Timestamp::now(),
    }
}

/// The lane of an organization: FNV-1a, since outboxes keep it and it must be the same in every version.
fn lane(organization: &[u8]) -> Lane {
    Lane(
        organization
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
    )
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("outbox", &self.0.outbox).finish_non_exhaustive()
    }
}
