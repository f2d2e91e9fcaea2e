//! WorkOS Audit Logs as a [`Sink`](crate::delivery::Sink): the only room that knows its URL, headers, JSON and status
//! codes.

mod client;
mod endpoint;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod http;
mod key;
mod minimal;
mod organization;
mod reply;
mod retry_after;
mod skew;

pub use self::client::{WorkOs, WorkOsBuilder};
pub use self::key::{ApiKey, ApiKeySource};
