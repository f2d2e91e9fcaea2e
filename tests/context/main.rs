//! What a request says, against the real frameworks over real sockets.

mod support;

#[cfg(feature = "axum")]
mod axum;
