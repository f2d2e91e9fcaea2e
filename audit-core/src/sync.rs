//! The primitives with which threads meet at the journal's queue: the standard library's, or, in a build with
//! `--cfg audited_shuttle`, those of shuttle, which then decides whose turn it is
//! (`outbox/embedded/tests/interleavings.rs`).

#[cfg(not(all(test, audited_shuttle)))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread,
};

#[cfg(all(test, audited_shuttle))]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard},
    thread,
};
