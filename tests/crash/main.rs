//! A real application under load that is killed at random moments and started again, over and over. What it answered must
//! be stored at WorkOS exactly once.
//!
//! `AUDITED_KILLS` says how often; the same with the power of its disk, which `AUDITED_POWER_CUTS` says. And disks that turn
//! read-only or are full, and applications that die while they deliver what others left.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod aborting;
mod app;
mod client;
mod disk;
mod disks;
mod drainers;
mod kills;
mod power;
mod trial;
