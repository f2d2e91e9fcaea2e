//! What all integrations with HTTP frameworks have in common: reading a request, once, into a context, and looking at it
//! again once it is answered.

mod builder;
mod client_address;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod geolocation;
mod hops;
mod metadata;
mod names;
mod node;
#[cfg(feature = "tower")]
mod outcome;
mod rejection;
mod request_id;
mod settings;
mod text;
mod trace;
mod view;
mod watch;

pub use self::client_address::{ClientAddress, InvalidNetwork, TrustedProxies};
pub use self::geolocation::Geolocation;
pub use self::metadata::MetadataWriter;
pub use self::names::Names;
pub use self::rejection::Rejection;

pub(super) use self::builder::common_methods;
pub(super) use self::client_address::unreadable_addresses;
pub(super) use self::request_id::made as made_request_id;
pub(super) use self::settings::Settings;
#[cfg(feature = "actix-web")]
pub(super) use self::text::decoded;
pub(super) use self::text::{READABLE_BYTES, readable, spelled};
pub(super) use self::view::RequestView;
#[cfg(feature = "tower")]
pub(super) use self::watch::status_of_grpc;
pub(super) use self::watch::{Watch, Watching};
