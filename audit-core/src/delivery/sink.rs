//! Where a delivery brings events.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::outbox::IdempotencyKey;

/// Takes one event at a time and says what became of it. WorkOS is the one that matters; tests and bridges bring their
/// own.
pub trait Sink: Send + Sync + fmt::Debug + 'static {
    /// Sends one event once. The sink has its own deadline for it, and repeats nothing by itself.
    fn send(&self, key: IdempotencyKey, payload: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;

    /// The smallest form of an event that the sink will take: what is sent in the place of an event that it refused.
    /// `None` if there is none.
    fn minimal(&self, payload: &[u8]) -> Option<Bytes>;

    /// Called before a probe after the sink said that the credentials are bad: read them again, if they can change.
    /// It may block for some seconds; it is called on a thread for that.
    fn refresh_credentials(&self) {}
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The sink answered.
    Answered(Answer),
    /// Nothing can have reached the sink: no name, no connection, no TLS session.
    NotSent(String),
    /// Nothing can have reached the sink either: whoever answered there could not prove to be it. Its certificate has expired,
    /// is for another name, or was signed by nobody that this machine trusts.
    Untrusted(String),
    /// The sink may or may not have it: the connection broke or the deadline passed after something was sent.
    Unknown(String),
    /// The sink will never take this event, which can be told without asking it: nothing was sent.
    Refused(String),
}

/// The sink's answer, as far as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// What `Retry-After` asked for, both forms understood.
    pub retry_after: Option<Duration>,
    /// What the body said.
    pub said: Said,
}

/// What the body of an answer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// That the event was taken.
    Success,
    /// That it was not, in the sink's own words. A 404 without them is another server's, as is any redirect.
    Refusal(String),
    /// Nothing that could be understood.
    Nothing,
}
