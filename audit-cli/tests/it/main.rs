//! The local WorkOS as its users meet it: over HTTP, and as a program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod chromium;
mod control;
mod create_event;
mod exports;
mod faults;
mod idempotency;
#[cfg(feature = "outbox")]
mod outbox;
mod page;
mod program;
mod schemas;
mod sdk;
mod storage;
mod support;
