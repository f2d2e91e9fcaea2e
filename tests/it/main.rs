//! Across the crates: the attribute, the log, the local WorkOS. One binary, so that it is linked once.

mod attribute;
mod derive;
mod functions;
