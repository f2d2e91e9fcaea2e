//! The journal's promises, each with the ways to break it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation, clippy::panic)]

mod conforms;
mod crash;
mod damage;
mod disk;
mod errands;
mod faults;
#[cfg(audited_shuttle)]
mod interleavings;
mod journal;
mod kill;
mod model;
mod owner;
mod patience;
mod rig;
pub(crate) mod simulated;
