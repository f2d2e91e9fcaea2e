//! Taking over an event that stands by itself.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::AuditLog;
use crate::Error;
use crate::event::Encoded;
use crate::outbox::{Appending, Durability, OutboxError, RecordId, Role};

/// Where it was told that an event lacks something.
static WARNED: Mutex<BTreeSet<(Lack, &'static str, u32)>> = Mutex::new(BTreeSet::new());

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Actor,
    Organization,
}

/// Whether this was not told of this place before.
fn first(lack: Lack, place: &'static Location<'static>) -> bool {
    WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert((lack, place.file(), place.line()))
}

impl AuditLog {
    /// Takes over an event that nobody waits for.
    pub(crate) fn append_single(&self, event: Encoded, action: &str, place: &'static Location<'static>) {
        let mut appending = self.hand_over_single(event, action, place, Durability::Relaxed);
        if let Some(result) = appending.now_or_never() {
            self.stored(result, false);
        }
    }

    /// Takes over an event; [`single_stored`](Self::single_stored) wants to know how it went.
    pub(crate) fn hand_over_single(
        &self,
        event: Encoded,
        action: &str,
        place: &'static Location<'static>,
        durability: Durability,
    ) -> Appending {
        self.0.counters.mended(event.mended);
        if event.actor_is_missing {
            self.single_without_actor(action, place);
        }
        if self.needs_organization(&event) && first(Lack::Organization, place) {
            tracing::warn!(
                target: "audited",
                action,
                %place,
                "an audit event has no organization and cannot be sent: name it with `.organization(…)`, on the actor, in \
                 the context or on the log's builder (told once for each place)"
            );
        }
        self.hand_over(event, durability, Role::Event)
    }

    /// Counts how an append went.
    pub(crate) fn single_stored(&self, result: Result<RecordId, OutboxError>) -> Result<(), Error> {
        let told = result.as_ref().map(drop).map_err(|error| OutboxError::new(error.kind(), error.to_string()));
        self.stored(result, false);
        Ok(told?)
    }

    #[cold]
    fn single_without_actor(&self, action: &str, place: &'static Location<'static>) {
        self.0.counters.unknown_actor();
        if first(Lack::Actor, place) {
            tracing::warn!(
                target: "audited",
                action,
                %place,
                "an audit event has no actor and says `unknown`: name it with `.actor(…)`, or set it in the context \
                 (told once for each place)"
            );
        }
    }
}
