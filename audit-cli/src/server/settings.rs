//! What the server was told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::readings::Readings;

/// The largest body that is read, in bytes: what express' body parser takes unless told otherwise.
pub(crate) const BODY_LIMIT: usize = 100 * 1024;

/// Everything a user can choose.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// Good keys; with none, each that begins with `sk_` is good.
    pub(crate) api_keys: Vec<String>,
    /// Keys that are known but may do nothing.
    pub(crate) forbidden_keys: Vec<String>,
    /// Known organizations; with none, each that begins with `org_` is known.
    pub(crate) organizations: Vec<String>,
    pub(crate) body_limit: usize,
    pub(crate) readings: Readings,
    pub(crate) now: Option<Timestamp>,
    /// Learns the schema of an unknown action instead of refusing its event.
    pub(crate) register_on_first_use: bool,
    /// Requests a key may send in a minute; none means any number.
    pub(crate) rate_limit: Option<u32>,
    /// How long an export is pending.
    pub(crate) export_delay: Duration,
    /// Where to keep what must survive a restart; none means in memory.
    pub(crate) data: Option<PathBuf>,
    /// Schemas to register at the start.
    pub(crate) schemas: Vec<PathBuf>,
    /// May listen where other machines reach it.
    pub(crate) expose: bool,
    /// Names, beside `localhost`, under which browsers may reach it.
    pub(crate) hosts: Vec<String>,
    /// Bytes of received requests to keep; the oldest fall off.
    pub(crate) keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            api_keys: Vec::new(),
            forbidden_keys: Vec::new(),
            organizations: Vec::new(),
            body_limit: BODY_LIMIT,
            readings: Readings::default(),
            now: None,
            register_on_first_use: true,
            rate_limit: None,
            export_delay: Duration::ZERO,
            data: None,
            schemas: Vec::new(),
            expose: false,
            hosts: Vec::new(),
            keep: usize::MAX,
        }
    }
}

impl Settings {
    /// Whether the organization exists.
    pub(crate) fn knows_organization(&self, id: &str) -> bool {
        if self.organizations.is_empty() {
            id.starts_with("org_")
        } else {
            self.organizations.iter().any(|known| known == id)
        }
    }
}
