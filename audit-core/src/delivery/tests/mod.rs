//! The whole loop over virtual time: hours pass in milliseconds, and a scripted sink says what happens in them.

mod endpoint;
mod lanes;
mod outbox;
mod rig;
mod shutdown;
#[cfg(unix)]
mod simulation;
mod window;
