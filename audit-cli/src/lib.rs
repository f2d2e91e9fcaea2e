//! A WorkOS Audit Logs on your own machine, to develop and test against without an account.
//!
//! In a test it is one line. It listens on a free port of the loopback interface, and stops when
//! the value is dropped:
//!
//! ```
//! let workos = audited_cli::LocalWorkos::start()?;
//!
//! // Point whatever sends audit logs at it:
//! //   WORKOS_BASE_URL = workos.url()
//! //   WORKOS_API_KEY  = any key that begins with `sk_`
//! assert!(workos.url().starts_with("http://127.0.0.1:"));
//! assert!(workos.events().is_empty());
//! # Ok::<(), audited_cli::StartError>(())
//! ```
//!
//! [`Builder`] sets keys, organizations, limits and faults; [`LocalWorkos`] tells what arrived and
//! makes the next requests fail. The program `audited dev` is the same server with a page to watch.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod server;

/// The guide's examples compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/dev-server.md")]
struct Guide;

pub use server::{
    Builder, Counts, Fault, LocalWorkos, ParseFaultError, Reading, ReceivedRequest, RetryAfter, StartError,
    StoredEvent, Verdict, WaitError,
};
