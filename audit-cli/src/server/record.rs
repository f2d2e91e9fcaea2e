//! What the server tells about what it received.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::faults::Fault;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The event is stored.
    Stored,
    /// The event was stored before; the client got that answer again.
    Repeated,
    /// The request was wrong.
    Refused,
    /// A fault was injected, and nothing was stored.
    Faulted,
    /// A request other than create event, answered with success.
    Answered,
}

/// An event as it was stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredEvent {
    /// `organization_id` of the request.
    pub organization: String,
    /// The `event` object of the request.
    pub event: Value,
    /// The `Idempotency-Key` header, if there was one.
    pub idempotency_key: Option<String>,
    /// How many requests with this key and these bytes were seen, those that met a fault included.
    pub attempts: usize,
    /// When it was stored, by the server's own time.
    pub received_at: SystemTime,
    /// The number of the request that stored it; see [`ReceivedRequest::number`].
    pub number: u64,
}

impl StoredEvent {
    /// The event's action, or an empty text.
    #[must_use]
    pub fn action(&self) -> &str {
        self.event["action"].as_str().unwrap_or_default()
    }
}

/// A request as it was received, whatever became of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// Counts from 1 in the order of the answers.
    pub number: u64,
    /// When it was received, by the server's own time.
    pub received_at: SystemTime,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The `Idempotency-Key` header, if there was one.
    pub idempotency_key: Option<String>,
    /// The body, byte for byte; empty if it was larger than is read.
    pub body: Vec<u8>,
    /// What became of it.
    pub verdict: Verdict,
    /// The status answered; none if the connection was cut or nothing was answered.
    pub status: Option<u16>,
    /// The fault that was injected.
    pub fault: Option<Fault>,
    /// Why it was refused and what to change, in words.
    pub reason: Option<String>,
}

impl ReceivedRequest {
    /// The body as JSON; `Null` if it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// How many requests ended how, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// All requests to the API.
    pub received: u64,
    /// Events stored.
    pub stored: u64,
    /// Events that were stored before.
    pub repeated: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests that met a fault and were not stored.
    pub faulted: u64,
    /// Other requests answered.
    pub answered: u64,
}

impl Counts {
    /// Counts one more.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.received += 1;
        match verdict {
            Verdict::Stored => self.stored += 1,
            Verdict::Repeated => self.repeated += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Faulted => self.faulted += 1,
            Verdict::Answered => self.answered += 1,
        }
    }
}
