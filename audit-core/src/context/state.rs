//! What a context knows, encoded as it is sent.

#[cfg(feature = "request")]
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::coverage::Coverage;
#[cfg(feature = "request")]
use super::request::{READABLE_BYTES, made_request_id, readable, spelled};
use crate::audit_log::AuditLog;
use crate::capture::{ActorWriter, AuditActor};
use crate::event::limits::{ACTOR_BYTES, TEXT_CHARS};
use crate::event::{AuditValue, Defaults, Fragments, Mended, Organization, Out, Thing, push_string};

/// What stands for a place that nobody told: `location` is never absent, since WorkOS refuses an event without.
pub(crate) const UNKNOWN_LOCATION: &[u8] = b"\"unknown\"";

/// Under which key a request is named.
#[cfg(feature = "request")]
const REQUEST_ID: &str = "request_id";

/// All that a context says.
#[derive(Clone, Default)]
pub(crate) struct State {
    place: Place,
    /// A JSON object.
    actor: Option<Vec<u8>>,
    organization: Option<Organization>,
    metadata: Fragments,
    #[cfg(feature = "request")]
    unsettled: Unsettled,
    /// Whether somebody wants to know that the request is told.
    pub(super) coverage: Option<Arc<Coverage>>,
    pub(super) log: Option<AuditLog>,
}

/// What a state that is kept may hold on to, in bytes.
const MOST_KEPT: usize = 4 * 1024;

impl State {
    /// Says nothing any more, and tells whether the room for it is worth keeping.
    pub(super) fn clear(&mut self) -> bool {
        self.place.clear();
        self.metadata.clear();
        (self.actor, self.organization, self.coverage, self.log) = (None, None, None, None);
        let room = self.place.json.capacity() + self.metadata.capacity();
        #[cfg(feature = "request")]
        let room = room + self.unsettled.clear();
        room <= MOST_KEPT
    }

    /// Settles what was left for when something tells of the request: all that share its beginnings say the same then.
    pub(super) fn settle(&mut self) {
        #[cfg(feature = "request")]
        if self.unsettled.any {
            let mut unsettled = std::mem::take(&mut self.unsettled);
            if let Some(peer) = unsettled.peer {
                spelled(peer, |peer| self.set_location(peer));
            }
            self.set_user_agent(&readable(&unsettled.user_agent));
            if unsettled.unnamed && !self.has_metadata(REQUEST_ID) {
                self.set_text(REQUEST_ID, made_request_id().as_str());
            }
            unsettled.clear();
            self.unsettled = unsettled;
        }
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

/// What nearly every request says, before it is made readable: most requests are told by nothing, and then nobody reads it.
#[cfg(feature = "request")]
#[derive(Clone, Default)]
struct Unsettled {
    /// There is something here.
    any: bool,
    /// The request came without a name. To make one, the system is asked whether this is still the same process.
    unnamed: bool,
    peer: Option<IpAddr>,
    user_agent: Vec<u8>,
}

#[cfg(feature = "request")]
impl Unsettled {
    /// Takes all of it out, and tells how much room there is, in bytes.
    fn clear(&mut self) -> usize {
        self.user_agent.clear();
        *self = Self { user_agent: std::mem::take(&mut self.user_agent), ..Self::default() };
        self.user_agent.capacity()
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

    /// Names the request: as it came, or by a name that is made when it is needed.
    pub(super) fn set_request_id(&mut self, taken: Option<&str>) {
        match taken {
            Some(name) => self.set_text(REQUEST_ID, name),
            None => (self.unsettled.unnamed, self.unsettled.any) = (true, true),
        }
    }

    /// From where, unless somebody said it already.
    pub(super) fn set_peer(&mut self, peer: IpAddr) {
        if !self.has_location() {
            (self.unsettled.peer, self.unsettled.any) = (Some(peer), true);
        }
    }

    /// With which program, as its header says it.
    pub(super) fn set_user_agent_header(&mut self, value: &[u8]) {
        self.unsettled.user_agent.clear();
        self.unsettled.user_agent.extend_from_slice(&value[..value.len().min(READABLE_BYTES)]);
        self.unsettled.any = true;
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

#[cfg(all(test, feature = "request"))]
mod tests {
    use super::*;
    use crate::capture::Actor;
    use crate::context::Context;

    fn told(state: &State) -> String {
        let mut json = Vec::new();
        state.push_json(&mut json);
        let Defaults { actor, organization, metadata } = state.defaults();
        let metadata: Vec<_> = metadata.into_iter().flat_map(Fragments::iter).collect();
        format!("{} {actor:?} {organization:?} {metadata:?}", String::from_utf8_lossy(&json))
    }

    #[test]
    fn nothing_of_a_request_is_left_for_the_next_one_and_little_room_is_kept() {
        let mut state = State::default();
        for user_agent in [&b"curl"[..], &[b'x'; READABLE_BYTES]] {
            for settled in [true, false] {
                state.set_peer([203, 0, 113, 7].into());
                state.set_user_agent_header(user_agent);
                state.set_request_id(None);
                state.set_actor(EncodedActor::of(&Actor::user("user_01").organization("org_01")).unwrap());
                state.set_value("attempt", &1);
                state.coverage = Some(Arc::default());
                state.log = Some(crate::testing::Recorder::new().log());
                if settled {
                    state.settle();
                    assert!(told(&state).contains("203.0.113.7"), "{}", told(&state));
                }
                assert!(state.clear());
                state.settle();
                assert_eq!(told(&state), told(&State::default()));
                assert!(state.coverage.is_none() && state.log.is_none());
            }
        }
        state.set_value("note", &"x".repeat(400));
        (0..20).for_each(|key| state.set_value(&format!("key_{key}"), &"x".repeat(400)));
        assert!(!state.clear());
    }

    #[test]
    fn all_that_share_a_requests_beginnings_give_it_one_name() {
        let id = |context: &Context| {
            let message: serde_json::Value = serde_json::from_str(&context.to_json()).unwrap();
            message["metadata"]["request_id"].as_str().unwrap().to_owned()
        };
        let request = || Context::derived(|state| state.set_request_id(None));
        let nested_in = |outer: &Context| outer.clone().in_scope(request);
        let (one, other) = (request(), request());
        assert_eq!(id(&one.clone().metadata("job", 1)), id(&one));
        assert_eq!(id(&nested_in(&other)), id(&other));
        assert_ne!(id(&one), id(&other));
        let named = Context::derived(|state| state.set_request_id(Some("req_01")));
        assert_eq!(id(&nested_in(&named)), "req_01");
    }
}
