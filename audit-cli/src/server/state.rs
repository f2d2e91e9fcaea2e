//! What all requests share.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::clock::Clock;
use super::exports::{Export, Exports};
use super::faults::{Fault, Plan};
use super::idempotency::{Keys, fingerprint};
use super::journal::{Journal, Record};
use super::ledger::{Entry, Ledger};
use super::lock::lock;
use super::organizations::Retentions;
use super::rate::Rate;
use super::record::Verdict;
use super::refusal::Refusal;
use super::schemas::{self, Definition, Registry};
use super::settings::Settings;

/// The path of create event.
pub(crate) const EVENTS: &str = "/audit_logs/events";

/// The server, apart from its sockets.
///
/// Where several locks are held, they are taken in the order of these fields.
#[derive(Debug)]
pub(crate) struct State {
    /// Tells this run from another at the same address.
    pub(crate) instance: String,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) faults: Mutex<Plan>,
    pub(crate) rate: Mutex<Rate>,
    pub(crate) keys: Mutex<Keys>,
    pub(crate) registry: Mutex<Registry>,
    pub(crate) exports: Mutex<Exports>,
    pub(crate) retentions: Mutex<Retentions>,
    pub(crate) ledger: Ledger,
    journal: Option<Journal>,
}

impl State {
    /// A server as it was when its journal was last written, or one that has received nothing.
    pub(crate) fn open(settings: Settings, faults: Plan) -> Result<Self, String> {
        let mut state = Self {
            instance: format!("{:016x}", fastrand::u64(..)),
            clock: Clock::starting_at(settings.now),
            faults: Mutex::new(faults),
            rate: Mutex::default(),
            keys: Mutex::default(),
            registry: Mutex::default(),
            exports: Mutex::default(),
            retentions: Mutex::default(),
            ledger: Ledger::keeping(settings.keep),
            journal: None,
            settings,
        };
        if let Some(directory) = &state.settings.data {
            let journal = Journal::open(directory, |record| state.replay(record))
                .map_err(|error| format!("data directory {}: {error}", directory.display()))?;
            state.journal = Some(journal);
        }
        for path in &state.settings.schemas {
            let schemas =
                schemas::read_file(path).map_err(|error| format!("schema file {}: {error}", path.display()))?;
            for (action, definition) in schemas {
                state.register(&action, definition).map_err(|refusal| refusal.explanation())?;
            }
        }
        Ok(state)
    }

    fn replay(&self, record: Record<'_>) -> Result<(), String> {
        match record {
            Record::Format { .. } => {}
            Record::Event { at, key, body } => {
                let at = Timestamp::from_millisecond(at).map_err(|error| error.to_string())?;
                self.replay_event(at, key.as_deref(), &body)?;
            }
            Record::Schema { at, action, schema } => {
                let at = Timestamp::from_millisecond(at).map_err(|error| error.to_string())?;
                let definition =
                    Definition::parse(&schema).map_err(|invalid| format!("`{}` {}", invalid.field, invalid.problem))?;
                let readings = &self.settings.readings;
                lock(&self.registry).register(&action, definition, at, readings);
            }
            Record::Retention { organization, days } => {
                lock(&self.retentions).set(&organization, days);
            }
            Record::Export { export } => {
                let export: Export = serde_json::from_value(export.into_owned()).map_err(|error| error.to_string())?;
                lock(&self.exports).add(export);
            }
            Record::Clock { ahead_ms } => {
                // A time that was given on the command line is not moved.
                if self.settings.now.is_none() {
                    self.clock.advance(Duration::from_millis(ahead_ms));
                }
            }
        }
        Ok(())
    }

    fn replay_event(&self, at: Timestamp, key: Option<&str>, body: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        if self.settings.register_on_first_use {
            let readings = &self.settings.readings;
            // It was accepted once; a schema registered since then does not make it unstored.
            let _ = lock(&self.registry).check(&value["event"], at, readings, true);
        }
        let print = fingerprint(key, body.as_bytes(), &self.settings.readings);
        if let Some(print) = &print {
            lock(&self.keys).remember(print, at);
        }
        self.ledger.append(Entry {
            number: 0,
            at,
            method: "POST".into(),
            path: EVENTS.into(),
            key: key.map(Into::into),
            identity: print.map(|print| print.identity),
            body: Box::from(body.as_bytes()),
            verdict: Verdict::Stored,
            status: Some(self.settings.readings.stored_status),
            fault: None,
            refusal: None,
        });
        Ok(())
    }

    /// Counts a request against the rate limit of its key.
    pub(crate) fn admit(&self, key: &str) -> Result<(), Refusal> {
        match self.settings.rate_limit {
            Some(limit) => lock(&self.rate).admit(key, limit, self.clock.now()),
            None => Ok(()),
        }
    }

    /// Writes a record to the journal, if there is one.
    pub(crate) fn keep(&self, record: &Record<'_>) -> Result<(), Refusal> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        journal.append(record).map_err(|error| {
            Refusal::message(500, "Internal Server Error").because(
                format!("it cannot be written to the data directory: {error}"),
                "Make room on the disk, or start without `--data`.",
            )
        })
    }

    /// Registers a schema and writes it down. Answers it as JSON.
    pub(crate) fn register(&self, action: &str, definition: Definition) -> Result<Value, Refusal> {
        let at = self.clock.now();
        let source = definition.json().clone();
        let mut registry = lock(&self.registry);
        let (schema, new) = registry.register(action, definition, at, &self.settings.readings);
        if new {
            self.keep(&Record::Schema {
                at: at.as_millisecond(),
                action: action.into(),
                schema: std::borrow::Cow::Owned(source),
            })?;
        }
        Ok(schema.json())
    }

    /// Moves the server's own time forward and writes that down.
    pub(crate) fn advance(&self, by: Duration) -> Result<(), Refusal> {
        let ahead_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.keep(&Record::Clock { ahead_ms })?;
        self.clock.advance(by);
        Ok(())
    }

    /// Hands every stored request to `visit`, oldest first, until it answers `false`: from the
    /// journal if there is one, else those that memory has kept.
    pub(crate) fn stored(&self, mut visit: impl FnMut(i64, &[u8]) -> bool) -> io::Result<()> {
        if let Some(journal) = &self.journal {
            return journal.events(visit);
        }
        for entry in self.ledger.entries() {
            let stored = entry.verdict == Verdict::Stored;
            if stored && !visit(entry.at.as_millisecond(), &entry.body) {
                break;
            }
        }
        Ok(())
    }

    /// The fault that the next create-event request meets.
    pub(crate) fn draw_fault(&self) -> Option<Fault> {
        lock(&self.faults).draw()
    }
}
