//! The loop from the outbox to a sink.

mod sink;

pub use self::sink::{Answer, Reply, Said, Sink};
