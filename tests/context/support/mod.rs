//! What the tests share.

pub(crate) mod people;
pub(crate) mod server;
