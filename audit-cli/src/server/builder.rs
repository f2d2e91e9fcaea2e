//! How a local WorkOS is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::faults::{Fault, Plan};
use super::local::{LocalWorkos, StartError};
use super::readings::Reading;
use super::settings::Settings;

/// Sets up a [`LocalWorkos`]. Every setting has a default.
///
/// ```
/// use audited_cli::{Fault, LocalWorkos};
///
/// let workos = LocalWorkos::builder()
///     .api_key("sk_test")
///     .organization("org_1")
///     .fail_next(2, Fault::Status(503))
///     .start()?;
/// # Ok::<(), audited_cli::StartError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    pub(crate) settings: Settings,
    pub(crate) faults: Plan,
}

impl Default for Builder {
    fn default() -> Self {
        Self { settings: Settings::default(), faults: Plan::with_seed(0) }
    }
}

impl Builder {
    /// Listens on this address. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.settings.listen = address;
        self
    }

    /// Accepts this API key; may be called again. Default: any that begins with `sk_`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.api_keys.push(key.into());
        self
    }

    /// Answers 403 to this API key, as to one without the permission; may be called again.
    pub fn forbidden_key(mut self, key: impl Into<String>) -> Self {
        self.settings.forbidden_keys.push(key.into());
        self
    }

    /// Knows this organization; may be called again. Default: any that begins with `org_`.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.settings.organizations.push(id.into());
        self
    }

    /// Answers a question on which WorkOS' documents disagree.
    pub fn reading(mut self, reading: Reading) -> Self {
        self.settings.readings.set(reading);
        self
    }

    /// Refuses larger bodies with 413. Default: 102,400 bytes.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Keeps about this many bytes of received requests; the oldest fall off, and only the counts
    /// remember them. Default: everything is kept.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.settings.keep = bytes;
        self
    }

    /// The server's own time at its start. Default: the machine's.
    ///
    /// A time that is too far away to be written as an ISO 8601 date is taken as the machine's.
    pub fn now(mut self, now: SystemTime) -> Self {
        self.settings.now = Timestamp::try_from(now).ok();
        self
    }

    /// Whether an action that nobody registered is taken, and its target types remembered, instead
    /// of being refused as by WorkOS. Default: `true`, since a test starts without schemas; the
    /// program `audited dev` refuses unless it is told `--register-on-first-use`.
    pub fn register_on_first_use(mut self, learn: bool) -> Self {
        self.settings.register_on_first_use = learn;
        self
    }

    /// Registers the schemas of this file: the body of create schema with the action's name as
    /// `action`, or a list of them. May be called again.
    pub fn schemas(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.schemas.push(file.into());
        self
    }

    /// Refuses a key's further requests in a minute with 429. Default: any number is taken;
    /// `audited dev` has WorkOS' 6,000.
    pub fn rate_limit(mut self, requests_a_minute: u32) -> Self {
        self.settings.rate_limit = Some(requests_a_minute);
        self
    }

    /// How long an export is pending. Default: no time; the first look at it shows it ready.
    pub fn export_delay(mut self, delay: Duration) -> Self {
        self.settings.export_delay = delay;
        self
    }

    /// Keeps events, schemas, exports, retention and time in this directory, over restarts and
    /// `kill -9`. Default: in memory only.
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.data = Some(directory.into());
        self
    }

    /// Allows to listen on an address that other machines reach. Anyone who reaches it can read
    /// the events and write to it.
    pub fn expose(mut self) -> Self {
        self.settings.expose = true;
        self
    }

    /// Serves requests under this name too, beside `localhost` and addresses; may be called
    /// again.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.settings.hosts.push(name.into());
        self
    }

    /// The seed by which shares of faults are drawn. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.faults.reseed(seed);
        self
    }

    /// The next `count` create-event requests meet this fault; see [`LocalWorkos::fail_next`].
    pub fn fail_next(mut self, count: usize, fault: Fault) -> Self {
        self.faults.next(count, fault);
        self
    }

    /// This share of create-event requests meets the fault; see [`LocalWorkos::fail_share`].
    pub fn fail_share(mut self, share: f64, fault: Fault) -> Self {
        self.faults.share(share, fault);
        self
    }

    /// Starts the server on a thread of its own. It listens when this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, the data directory or a schema file cannot be used,
    /// or the thread cannot be started.
    pub fn start(self) -> Result<LocalWorkos, StartError> {
        LocalWorkos::start_with(self)
    }
}
