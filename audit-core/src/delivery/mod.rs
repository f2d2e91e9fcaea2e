//! The loop from the outbox to a sink.
//!
//! A [`Delivery`] claims what is due, hands it to a [`Sink`], and tells the outbox what became of it. It gives no
//! event up: one that the sink refuses for good becomes a dead letter, and everything else stays until it is taken.

mod decide;
mod drain;
mod gate;
mod handle;
mod lanes;
mod pace;
mod retry;
mod runs;
mod settings;
mod settle;
mod sink;
mod stats;
#[cfg(test)]
mod tests;
mod worker;

pub use self::drain::DrainReport;
pub use self::handle::Delivery;
pub use self::settings::{Clock, DeliverySettings, DuplicatePolicy};
pub use self::sink::{Answer, Reply, Said, Sink};
pub use self::stats::{DeliveryStats, Health};
