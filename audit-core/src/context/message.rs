//! A context in a queue's message: written where the job is asked for, read where it is done.

use std::fmt;

use serde_json::{Map, Value};

use super::state::{EncodedActor, State};
use super::{Context, Mutex};
use crate::capture::{ActorWriter, AuditActor};

impl Context {
    /// What this context says, as JSON for the message of a queue: actor, organization, location, user agent and
    /// metadata. The log does not go along: it is the process's that does the job.
    ///
    /// ```
    /// use audit_core::{Actor, Context, context};
    ///
    /// # fn main() -> Result<(), audit_core::context::InvalidContext> {
    /// // Where the request is:
    /// let message = context().actor(&Actor::user("user_01")).location("203.0.113.7").to_json();
    ///
    /// // Where the job is done:
    /// let context = Context::from_json(&message)?;
    /// context.in_scope(|| { /* … */ });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let state = self.settled();
        let mut json = b"{\"context\":".to_vec();
        state.push_json(&mut json);
        let defaults = state.defaults();
        for (name, value) in [("actor", defaults.actor), ("organization", defaults.organization)] {
            if let Some(value) = value {
                push_member(&mut json, name, value);
            }
        }
        json.extend_from_slice(b",\"metadata\":{");
        let mut first = true;
        for (key, value) in defaults.metadata.iter().flat_map(|metadata| metadata.iter()) {
            if !std::mem::take(&mut first) {
                json.push(b',');
            }
            // Its own JSON, so that any key is written as it must be.
            json.extend_from_slice(Value::from(key).to_string().as_bytes());
            json.push(b':');
            json.extend_from_slice(value);
        }
        json.extend_from_slice(b"}}");
        // All of it was written as UTF-8.
        String::from_utf8_lossy(&json).into_owned()
    }

    /// A context that [`to_json`](Self::to_json) wrote. It is believed as the queue is, and held to the limits of an
    /// event: what does not fit is cut or left out. A member that is missing, or of another type, is not there.
    ///
    /// # Errors
    /// When `json` is no JSON object.
    pub fn from_json(json: &str) -> Result<Self, InvalidContext> {
        let message: Map<String, Value> = serde_json::from_str(json).map_err(|error| InvalidContext { error })?;
        let mut state = State::default();
        if let Some(context) = message.get("context") {
            if let Some(location) = context["location"].as_str() {
                state.set_location(location);
            }
            if let Some(user_agent) = context["user_agent"].as_str() {
                state.set_user_agent(user_agent);
            }
        }
        if let Some(organization) = message.get("organization").and_then(Value::as_str) {
            state.set_organization(&organization);
        }
        if let Some(actor) = message.get("actor").and_then(Value::as_object).and_then(ReadActor::encode) {
            state.set_actor(actor);
        }
        for (key, value) in message.get("metadata").and_then(Value::as_object).into_iter().flatten() {
            state.set_value(key, value);
        }
        Ok(Self(Mutex::new(state).into()))
    }
}

fn push_member(json: &mut Vec<u8>, name: &str, value: &[u8]) {
    json.extend_from_slice(b",\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    json.extend_from_slice(value);
}

/// An actor in a message.
struct ReadActor<'a>(&'a Map<String, Value>);

impl<'a> ReadActor<'a> {
    fn encode(actor: &'a Map<String, Value>) -> Option<EncodedActor> {
        let kind = actor.get("type").and_then(Value::as_str).unwrap_or(Self::TYPE);
        EncodedActor::of_kind(kind, &Self(actor))
    }
}

impl AuditActor for ReadActor<'_> {
    const TYPE: &'static str = "unknown";

    fn describe(&self, actor: &mut ActorWriter<'_>) {
        actor.id(self.0.get("id")).name(self.0.get("name"));
        for (key, value) in self.0.get("metadata").and_then(Value::as_object).into_iter().flatten() {
            actor.metadata(key, value);
        }
    }
}

/// A message that is no context.
#[derive(Debug)]
pub struct InvalidContext {
    error: serde_json::Error,
}

impl fmt::Display for InvalidContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message holds no context that `Context::to_json` wrote")
    }
}

impl std::error::Error for InvalidContext {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
