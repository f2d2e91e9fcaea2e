//! The runtime of `audited`: use it through that crate, which re-exports what is public here.
//!
//! One event's way through the rooms: `capture` opens a scope and writes what it is told straight into an encoded
//! `event`; the `audit_log` hands it to an [`outbox`]; [`delivery`] brings it from there to a sink, of which
//! `workos` is one. `context` adds what the request says.

pub mod delivery;
mod error;
pub mod outbox;
pub mod workos;

pub use self::error::Error;
