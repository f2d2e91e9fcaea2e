//! What the tests share.

pub(crate) mod http2;
pub(crate) mod leaving;
pub(crate) mod people;
pub(crate) mod server;
pub(crate) mod warnings;
