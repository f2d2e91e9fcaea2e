//! What goes wrong on purpose.

mod plan;
mod text;

pub(crate) use plan::Plan;
pub use text::ParseFaultError;

use std::time::Duration;

/// A fault that a create-event request meets instead of, or beside, its answer.
///
/// Written as in `audited dev --fault reset:10%`: `latency=200ms`, `429`, `429=2s` (with
/// `Retry-After: 2`), `429-date=2s` (with a date two seconds ahead), any status from 400 to 599,
/// `reset`, `slow=5s`, `reply-lost`, `garbage`, `not-success`, `hang`.
///
/// ```
/// use audited_cli::Fault;
///
/// assert_eq!("503".parse(), Ok(Fault::Status(503)));
/// assert_eq!(Fault::ReplyLost.to_string(), "reply-lost");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The answer comes late by this much.
    Latency(Duration),
    /// 429, with or without `Retry-After`. Nothing is stored.
    TooManyRequests(Option<RetryAfter>),
    /// This status, with a message. Nothing is stored.
    Status(u16),
    /// The connection is reset. Nothing is stored.
    Reset,
    /// The event is stored as usual, and the answer trickles over this time.
    SlowReply(Duration),
    /// The event is stored as usual, and the connection is reset instead of an answer.
    ReplyLost,
    /// 200 with a body that is not JSON, as from a proxy in between. Nothing is stored.
    Garbage,
    /// 200 with `{"success":false}`. Nothing is stored.
    NotSuccess,
    /// Neither an answer nor an end of the connection. Nothing is stored.
    Hang,
}

/// The form of a `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP date this many seconds after the server's own time.
    Date(u64),
}
