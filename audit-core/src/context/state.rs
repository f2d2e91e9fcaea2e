//! What a context knows, encoded as it is sent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::coverage::Coverage;
use crate::audit_log::AuditLog;
use crate::capture::{ActorWriter, AuditActor};
use crate::event::limits::{ACTOR_BYTES, TEXT_CHARS};
use crate::event::{AuditValue, Defaults, Fragments, Mended, Organization, Out, Thing, push_string};

/// What stands for a place that nobody told: `location` is never absent, since WorkOS refuses an event without.
pub(crate) const UNKNOWN_LOCATION: &[u8] = b"\"unknown\"";

/// All that a context says.
#[derive(Clone, Default)]
pub(crate) struct State {
    place: Place,
    /// A JSON object.
    actor: Option<Vec<u8>>,
    organization: Option<Organization>,
    metadata: Fragments,
    /// Whether somebody wants to know that the request is told.
    pub(super) coverage: Option<Arc<Coverage>>,
    pub(super) log: Option<AuditLog>,
}

/// What a state that is kept may hold on to, in bytes.
const MOST_KEPT: usize = 4 * 1024;

impl State {
    /// Says nothing any more, and tells whether the room for it is worth keeping.
    pub(super) fn clear(&mut self) -> bool {
        let Self { place, actor, organization, metadata, coverage, log } = self;
        place.clear();
        metadata.clear();
        (*actor, *organization, *coverage, *log) = (None, None, None, None);
        place.json.capacity() + metadata.capacity() <= MOST_KEPT
    }

    /// Sets the actor, and the organization to theirs if there is none.
    pub(super) fn set_actor(&mut self, actor: EncodedActor) {
        self.actor = Some(actor.json);
        if self.organization.is_none() && !actor.organization.is_none() {
            self.organization = Some(actor.organization);
        }
    }

    /// Sets the organization, unless `value` is empty.
    pub(super) fn set_organization(&mut self, value: &dyn AuditValue) {
        let (mut buf, mut mended) = (Vec::new(), Mended::default());
        let mut organization = Organization::default();
        organization.set(Out { buf: &mut buf, mended: &mut mended, key: None }, value);
        if !organization.is_none() {
            self.organization = Some(organization);
        }
    }

    pub(super) fn set_location(&mut self, location: &str) {
        self.place.set_location(location);
    }

    pub(super) fn set_user_agent(&mut self, user_agent: &str) {
        self.place.set_user_agent(user_agent);
    }

    pub(super) fn set_value(&mut self, key: &str, value: &dyn AuditValue) {
        self.metadata.set_value(key, value);
    }

    /// Appends the `context` object of an event.
    pub(super) fn push_json(&self, buf: &mut Vec<u8>) {
        self.place.push_json(buf);
    }

    /// What an event takes from here.
    pub(super) fn defaults(&self) -> Defaults<'_> {
        Defaults {
            actor: self.actor.as_deref(),
            organization: self.organization.as_ref().map(Organization::as_json),
            metadata: Some(&self.metadata),
        }
    }
}

/// What only requests need.
#[cfg(feature = "request")]
impl State {
    pub(super) fn has_actor(&self) -> bool {
        self.actor.is_some()
    }

    pub(super) fn has_location(&self) -> bool {
        self.place.location_end > 0
    }

    pub(super) fn has_metadata(&self, key: &str) -> bool {
        self.metadata.has(key)
    }

    /// Sets metadata to a text, cut to what a value may have.
    pub(super) fn set_text(&mut self, key: impl Into<std::borrow::Cow<'static, str>>, value: &str) {
        self.metadata.set(key, |json| {
            push_string(json, value, crate::event::limits::METADATA_VALUE_CHARS);
        });
    }
}

/// An actor, as it is sent. Made before any context is locked, since it is the user's code that describes.
pub(super) struct EncodedActor {
    json: Vec<u8>,
    organization: Organization,
}

impl EncodedActor {
    /// What `actor` says of itself; nothing if it panics over it.
    pub(super) fn of<T: AuditActor + ?Sized>(actor: &T) -> Option<Self> {
        Self::of_kind(T::TYPE, actor)
    }

    /// [`of`](Self::of), for a type that is known only at run time.
    pub(super) fn of_kind<T: AuditActor + ?Sized>(kind: &str, actor: &T) -> Option<Self> {
        let encode = || {
            let (mut json, mut mended) = (Vec::new(), Mended::default());
            let mut organization = Organization::default();
            let out = Out { buf: &mut json, mended: &mut mended, key: None };
            Thing::write(out, ACTOR_BYTES, kind, Some(&mut organization), &mut |thing| {
                actor.describe(&mut ActorWriter(thing));
            });
            Self { json, organization }
        };
        catch_unwind(AssertUnwindSafe(encode)).ok()
    }
}

/// From where and with which program: the members of the `context` object.
#[derive(Clone, Default)]
struct Place {
    /// `"location":"…"` and, behind `location_end`, `,"user_agent":"…"`.
    json: Vec<u8>,
    location_end: usize,
}

impl Place {
    fn clear(&mut self) {
        self.json.clear();
        self.location_end = 0;
    }

    fn set_location(&mut self, location: &str) {
        if location.is_empty() {
            return;
        }
        let user_agent = self.json.split_off(self.location_end);
        self.json.clear();
        // An address and what most browsers call themselves.
        self.json.reserve(256);
        self.json.extend_from_slice(b"\"location\":");
        push_string(&mut self.json, location, TEXT_CHARS);
        self.location_end = self.json.len();
        self.json.extend_from_slice(&user_agent);
    }

    fn set_user_agent(&mut self, user_agent: &str) {
        if user_agent.is_empty() {
            return;
        }
        self.json.truncate(self.location_end);
        self.json.extend_from_slice(b",\"user_agent\":");
        push_string(&mut self.json, user_agent, TEXT_CHARS);
    }

    fn push_json(&self, buf: &mut Vec<u8>) {
        buf.push(b'{');
        if self.location_end == 0 {
            buf.extend_from_slice(b"\"location\":");
            buf.extend_from_slice(UNKNOWN_LOCATION);
        }
        buf.extend_from_slice(&self.json);
        buf.push(b'}');
    }
}
