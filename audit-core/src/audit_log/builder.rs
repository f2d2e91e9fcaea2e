//! Setting an audit log up.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::hash_key::hash_key;
use super::instance::Instance;
use super::{AuditLog, recovered, registry};
use crate::Error;
use crate::delivery::{Delivery, DeliverySettings, DuplicatePolicy, Sink};
use crate::event::{Mended, Organization, Out};
use crate::outbox::{Journal, JournalSettings, Outbox, Recovery};
use crate::workos::{ApiKeySource, WorkOs};

/// Where the outbox is when nothing else is said: below the directory that the program runs in.
const DEFAULT_DIR: &str = ".audited";

/// Sets an [`AuditLog`] up; [`start`](Self::start) starts it.
#[must_use = "nothing is audited before `start`"]
pub struct AuditLogBuilder {
    api_key: ApiKeySource,
    base_url: Option<String>,
    organization: Option<String>,
    hash_key: Option<Vec<u8>>,
    dir: Option<PathBuf>,
    journal: JournalSettings,
    outbox: Option<Arc<dyn Outbox>>,
    sink: Option<Arc<dyn Sink>>,
    delivery: DeliverySettings,
    traceable: bool,
    record_recovery: Option<String>,
    install: bool,
}

impl Default for AuditLogBuilder {
    fn default() -> Self {
        Self {
            api_key: ApiKeySource::variable("WORKOS_API_KEY"),
            base_url: None,
            organization: None,
            hash_key: None,
            dir: None,
            journal: JournalSettings::default(),
            outbox: None,
            sink: None,
            delivery: DeliverySettings::default(),
            traceable: false,
            record_recovery: None,
            install: true,
        }
    }
}

impl AuditLogBuilder {
    /// Reads the environment; see [`AuditLog::from_env`].
    pub(super) fn from_env() -> Result<Self, Error> {
        let mut builder = Self { base_url: variable("WORKOS_BASE_URL")?, ..Self::default() };
        if variable("WORKOS_API_KEY")?.is_none() {
            return Err(Error::configuration(
                "the environment variable WORKOS_API_KEY is not set: put the WorkOS API key into it (WorkOS dashboard, \
                 API Keys), or start a local WorkOS with `audited dev`, which prints one",
            ));
        }
        builder.organization = variable("AUDITED_ORGANIZATION")?;
        builder.dir = variable("AUDITED_DIR")?.map(PathBuf::from);
        builder.hash_key = variable("AUDITED_HASH_KEY")?.map(String::into_bytes);
        if let Some(pace) = variable("AUDITED_PACE")? {
            builder.delivery.pace = parse_pace(&pace)?;
        }
        Ok(builder)
    }

    /// The WorkOS API key, or where to read it. Default: the environment variable `WORKOS_API_KEY`, read again when
    /// WorkOS refuses the key.
    pub fn api_key(mut self, key: impl Into<ApiKeySource>) -> Self {
        self.api_key = key.into();
        self
    }

    /// Where WorkOS is: https, or http on this machine. Default: `https://api.workos.com`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The organization of events that name none, neither by themselves nor through their actor or context. Default:
    /// none, so that such an event becomes a dead letter that says so.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// The key of hashed values, at least 16 bytes. Several hosts whose hashes shall be comparable need the same.
    /// Default: a random one, made at the first start and kept beside the journal for its owner's eyes only.
    pub fn hash_key(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.hash_key = Some(secret.into());
        self
    }

    /// The directory of the journal, in which events wait. Default: `.audited`, in the directory that the program runs in.
    /// Give each service one of its own, on a disk that outlives its process: what one start leaves, the next delivers.
    pub fn outbox_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// The most bytes of disk that the journal of one process takes, dead letters included. When it is full, events are
    /// refused and counted, and strict calls do not happen. Default: 2 GiB, about 2.5 million events.
    pub fn disk_budget(mut self, bytes: u64) -> Self {
        self.journal.budget = bytes;
        self
    }

    /// How long a durable or strict call waits for a disk that neither answers nor fails, as a network's may; it can be half
    /// of that longer. Then a strict call is refused, and any other returns although its event is not stored yet, which
    /// [`Stats::late`](crate::Stats::late) counts and [`health`](AuditLog::health) tells. Default: 5 s, which is also the most
    /// that a sync function waits.
    pub fn disk_patience(mut self, patience: Duration) -> Self {
        self.journal.patience = patience;
        self
    }

    /// Where events wait, in the place of the journal: [`MemoryOutbox`](crate::outbox::MemoryOutbox), for instance, which
    /// a crash empties.
    pub fn outbox(mut self, outbox: impl Outbox) -> Self {
        self.outbox = Some(Arc::new(outbox));
        self
    }

    /// Where events go. Default: WorkOS, through [`api_key`](Self::api_key) and [`base_url`](Self::base_url).
    pub fn sink(mut self, sink: impl Sink) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Requests a second at most; `None` for as fast as WorkOS answers. Default: 50, half of what WorkOS permits an API
    /// key over all its endpoints (WorkOS docs, "Rate limits": 6,000 a minute), so that logins keep the other half.
    pub fn pace(mut self, events_a_second: impl Into<Option<f64>>) -> Self {
        self.delivery.pace = events_a_second.into();
        self
    }

    /// Requests under way at once, at most. Default: 64.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.delivery.concurrency = requests;
        self
    }

    /// What to do with an event that WorkOS may have already and may have forgotten. Default: send it.
    pub fn duplicates(mut self, policy: DuplicatePolicy) -> Self {
        self.delivery.duplicates = policy;
        self
    }

    /// Whether each event is numbered, so that a missing one is provable from WorkOS alone. Default: no.
    ///
    /// The metadata key `audited_id` then says which start of which process an event is from, and its number:
    /// `9f86d081884c7d65-42`. It is the same for an event that WorkOS stored twice. `audited_seq` is the number alone, consecutive
    /// from 1. A number that is missing is an event that is pending, dead, was refused (and counted so), or was a relaxed one
    /// that a crash took. A smallest form that was sent in the place of an event has neither.
    ///
    /// Both keys must be in the schemas of your actions, if these have any for metadata: `audited_id` a string,
    /// `audited_seq` a number.
    pub fn traceable(mut self, traceable: bool) -> Self {
        self.traceable = traceable;
        self
    }

    /// Makes an unclean stop an event of the log itself, with this action: told at the next start, when the process before
    /// did not stop in order or when its journal is damaged. Default: none, since WorkOS wants a schema for each action.
    /// It is then told by `tracing` and by [`AuditLog::recovery`] alone.
    ///
    /// The actor is `system` `audited`, the target `audit_log` `journal`; the metadata keys are `unclean` (boolean),
    /// `pending`, `open_intents`, `torn`, `lost` and `lost_segments` (numbers). It needs an
    /// [`organization`](Self::organization) of the log's own.
    pub fn record_recovery(mut self, action: impl Into<String>) -> Self {
        self.record_recovery = Some(action.into());
        self
    }

    /// Whether this becomes the process's log, the one that events go to when neither their context nor their thread
    /// names another. Default: yes.
    pub fn install(mut self, install: bool) -> Self {
        self.install = install;
        self
    }

    /// Opens the outbox, starts delivery, and installs the log.
    ///
    /// # Errors
    /// [`Error::is_configuration`] when a setting is missing or wrong; [`Error::is_system`] when the system gives no
    /// thread, no random bytes or no certificates; [`Error::is_outbox`] when the outbox cannot be opened.
    pub async fn start(self) -> Result<AuditLog, Error> {
        // Opening a journal reads from the disk, which is nothing to do on a runtime's thread; and any runtime will do.
        let (started, start) = oneshot::channel();
        thread::Builder::new()
            .name("audited-start".to_owned())
            .spawn(move || started.send(self.start_blocking()).is_ok())
            .map_err(|error| {
                Error::system("the thread for starting the audit log could not be made").with_source(error)
            })?;
        start.await.unwrap_or_else(|error| {
            Err(Error::system("the thread for starting the audit log ended before it was done").with_source(error))
        })
    }

    /// As [`start`](Self::start), on a thread that may block for a moment.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_blocking(self) -> Result<AuditLog, Error> {
        let sink = match self.sink {
            Some(sink) => sink,
            None => {
                let mut workos = WorkOs::builder(self.api_key);
                if let Some(url) = self.base_url {
                    workos = workos.base_url(url);
                }
                Arc::new(workos.build()?)
            }
        };
        let organization = self.organization.as_deref().and_then(organization);
        let dir = self.dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
        let (outbox, recovery, key_dir): (Arc<dyn Outbox>, _, _) = match self.outbox {
            Some(outbox) => (outbox, Recovery::default(), None),
            None => {
                let (journal, recovery) = Journal::open(&dir, self.journal).map_err(|error| {
                    Error::from(error).at(format!(
                        "the journal in {} could not be opened: name a directory that this process may write to \
                         (AUDITED_DIR, or `outbox_dir` of the builder)",
                        dir.display()
                    ))
                })?;
                if let Some(file_system) = journal.unreliable_filesystem() {
                    tracing::warn!(
                        target: "audited",
                        dir = %dir.display(),
                        file_system,
                        "the journal's file system may not keep what is stored across a restart of the machine or the \
                         container, or over a power cut: name a directory on a local disk (AUDITED_DIR, or `outbox_dir` \
                         of the builder)"
                    );
                }
                (Arc::new(journal), recovery, Some(&*dir))
            }
        };
        let hash_key = hash_key(self.hash_key, key_dir)?;
        let instance = self.traceable.then(Instance::new).transpose()?;
        let delivery = Delivery::start(Arc::clone(&outbox), sink, self.delivery)?;
        recovered::tell(&recovery);
        if cfg!(panic = "abort") {
            tracing::warn!(
                target: "audited",
                "this program aborts on a panic: a call that panics leaves no audit event, unless its durability is strict"
            );
        }
        let log = AuditLog::over(outbox, recovery, Some(hash_key), organization, instance, Some(delivery));
        if let Some(action) = &self.record_recovery {
            recovered::record(&log, action);
        }
        #[cfg(feature = "metrics")]
        super::metrics::publish_regularly(&log);
        if self.install {
            registry::install(log.clone());
        }
        Ok(log)
    }
}

impl fmt::Debug for AuditLogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLogBuilder")
            .field("api_key", &self.api_key)
            .field("base_url", &self.base_url)
            .field("organization", &self.organization)
            .field("dir", &self.dir)
            .field("journal", &self.journal)
            .field("outbox", &self.outbox)
            .field("sink", &self.sink)
            .field("delivery", &self.delivery)
            .field("traceable", &self.traceable)
            .field("record_recovery", &self.record_recovery)
            .field("install", &self.install)
            .finish_non_exhaustive()
    }
}

/// An environment variable; none if it is empty.
fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::configuration(format!("the environment variable {name} is not UTF-8: set it again, as text")))
        }
    }
}

fn parse_pace(text: &str) -> Result<Option<f64>, Error> {
    let text = text.trim();
    if text == "off" {
        return Ok(None);
    }
    match text.parse() {
        Ok(pace) if f64::is_finite(pace) && pace > 0.0 => Ok(Some(pace)),
        _ => Err(Error::configuration(format!(
            "the environment variable AUDITED_PACE is {text:?}: write the most events to send in a second, such as 50, \
             or `off`"
        ))),
    }
}

fn organization(id: &str) -> Option<Organization> {
    let mut organization = Organization::default();
    let (mut buf, mut mended) = (Vec::new(), Mended::default());
    organization.set(Out { buf: &mut buf, mended: &mut mended, key: None }, &id);
    (!organization.is_none()).then_some(organization)
}
