//! The whole way from an append to the sink, in virtual time and on a disk in memory: the loop, the journal's log with its
//! recovery, and a WorkOS that remembers. Weather, crashes, power cuts and wall clocks that jump are drawn from a seed, or
//! told by a scenario; after each of them the ledger is checked.
//!
//! `AUDITED_SEEDS=5000` tries more seeds, `AUDITED_FIRST_SEED=…` others; a seed that fails is printed and fails again.

mod replicas;
mod scenarios;
mod seeds;
mod workos;
mod world;
