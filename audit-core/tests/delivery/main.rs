//! Delivery to WorkOS over real sockets, against a server that can fail in every way a network can.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod pipeline;
mod secrets;
mod server;
mod sink;
mod tls;
