//! What the tests share: an audited call as the attribute would write it, and a server with a client.

pub(crate) mod audited_call;
pub(crate) mod server;

pub(crate) use self::audited_call::{Audited, audited};
pub(crate) use self::server::{Reply, Server};
