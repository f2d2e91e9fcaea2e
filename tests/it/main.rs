//! Across the crates: the attribute, the log, the local WorkOS. One binary, so that it is linked once.

mod attribute;
mod body;
mod changes;
mod derive;
mod event;
mod functions;
mod orders;
mod outcomes;
mod redaction;
mod testing;
mod typed;
