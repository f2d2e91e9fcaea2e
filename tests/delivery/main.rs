//! The promise of the front page, end to end: audited functions, the log with its journal on a disk, the WorkOS sink, and
//! a WorkOS on this machine that fails on demand. `docs/reliability.md` tells which test holds which sentence.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod durability;
mod endings;
mod faults;
mod health;
mod modes;
mod refusals;
mod strict;
mod support;
mod traceable;
