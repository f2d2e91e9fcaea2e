//! What the tests share: an audited call as the attribute would write it, and a server with a client.

pub mod audited_call;
pub mod server;

pub use self::audited_call::{Audited, audited};
pub use self::server::{Reply, Server};
