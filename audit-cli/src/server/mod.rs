//! The local WorkOS, from the socket inwards.
//!
//! `local` holds the thread it runs on · `wire` the connections · `guard` who may come in ·
//! `routes` what is answered · `contract` what an event must look like · `schemas` what its action
//! demands beyond that · `idempotency` what was answered before · `ledger` everything that was
//! received · `journal` what survives a restart · `faults` what goes wrong on purpose.

mod auth;
mod builder;
mod clock;
mod contract;
mod exports;
mod faults;
mod guard;
mod idempotency;
mod ids;
mod journal;
mod ledger;
mod local;
mod lock;
mod organizations;
mod pages;
mod rate;
mod readings;
mod record;
mod refusal;
mod routes;
mod schemas;
mod settings;
mod state;
mod summary;
mod wire;

pub use builder::Builder;
pub use faults::{Fault, ParseFaultError, RetryAfter};
pub use local::{LocalWorkos, StartError, WaitError};
pub use readings::Reading;
pub use record::{Counts, ReceivedRequest, StoredEvent, Verdict};
