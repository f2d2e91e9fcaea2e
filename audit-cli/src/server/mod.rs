//! The local WorkOS, from the socket inwards.
//!
//! `local` holds the thread it runs on · `wire` the connections · `routes` what is answered ·
//! `contract` what an event must look like · `idempotency` what was answered before · `ledger`
//! everything that was received · `faults` what goes wrong on purpose.

mod auth;
mod builder;
mod clock;
mod contract;
mod faults;
mod idempotency;
mod ledger;
mod local;
mod lock;
mod readings;
mod record;
mod refusal;
mod routes;
mod settings;
mod state;
mod wire;

pub use builder::Builder;
pub use faults::{Fault, ParseFaultError, RetryAfter};
pub use local::{LocalWorkos, StartError, WaitError};
pub use readings::Reading;
pub use record::{Counts, ReceivedRequest, StoredEvent, Verdict};
