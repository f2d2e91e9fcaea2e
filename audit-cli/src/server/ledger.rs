//! Everything that was received, in the order of the answers.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::clock::system_time;
use super::faults::Fault;
use super::idempotency::Identity;
use super::lock::lock;
use super::record::{Counts, ReceivedRequest, StoredEvent, Verdict};
use super::refusal::Refusal;

/// What an entry takes beside its body: its fields, its allocations, its place in the ring.
const ENTRY_BYTES: usize = 256;

/// One request and what became of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Set by the ledger.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) method: Cow<'static, str>,
    pub(crate) path: Cow<'static, str>,
    pub(crate) key: Option<Box<str>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) body: Box<[u8]>,
    pub(crate) verdict: Verdict,
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<Fault>,
    pub(crate) refusal: Option<Box<Refusal>>,
}

/// The newest requests, within a budget, and the counts of all.
#[derive(Debug)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
    appended: Condvar,
    counts: watch::Sender<Counts>,
    budget: usize,
}

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    counts: Counts,
}

impl Ledger {
    /// An empty ledger that keeps about `budget` bytes of requests.
    pub(crate) fn keeping(budget: usize) -> Self {
        Self {
            book: Mutex::new(Book::default()),
            appended: Condvar::new(),
            counts: watch::Sender::new(Counts::default()),
            budget,
        }
    }

    /// Appends an entry under the next number; the oldest fall off if it exceeds the budget.
    pub(crate) fn append(&self, mut entry: Entry) {
        let counts = {
            let mut book = lock(&self.book);
            book.counts.add(entry.verdict);
            entry.number = book.counts.received;
            book.bytes += size(&entry);
            book.entries.push_back(Arc::new(entry));
            while book.bytes > self.budget && book.entries.len() > 1 {
                if let Some(oldest) = book.entries.pop_front() {
                    book.bytes -= size(&oldest);
                }
            }
            book.counts
        };
        self.counts.send_replace(counts);
        self.appended.notify_all();
    }

    /// How many of each there were, those that fell off included.
    pub(crate) fn counts(&self) -> Counts {
        lock(&self.book).counts
    }

    /// Tells of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// The kept entries, oldest first.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.book).entries.iter().cloned().collect()
    }

    /// The kept entries with numbers above `number`, oldest first, at most `limit` of them.
    pub(crate) fn after(&self, number: u64, limit: usize) -> Vec<Arc<Entry>> {
        let book = lock(&self.book);
        let first = book.entries.front().map_or(0, |entry| entry.number);
        // Numbers are without gaps, so they tell the place.
        let skip = (number + 1).saturating_sub(first);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        book.entries.iter().skip(skip).take(limit).cloned().collect()
    }

    /// The kept entry of this number.
    pub(crate) fn entry(&self, number: u64) -> Option<Arc<Entry>> {
        let before = number.checked_sub(1)?;
        self.after(before, 1).pop().filter(|entry| entry.number == number)
    }

    /// The kept entries as requests.
    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.entries().iter().map(|entry| entry.request()).collect()
    }

    /// The kept entries that stored an event.
    pub(crate) fn events(&self) -> Vec<StoredEvent> {
        let entries = self.entries();
        let mut attempts: HashMap<Identity, usize> = HashMap::new();
        for identity in entries.iter().filter_map(|entry| entry.identity) {
            *attempts.entry(identity).or_default() += 1;
        }
        entries.iter().filter(|entry| entry.verdict == Verdict::Stored).map(|entry| entry.event(&attempts)).collect()
    }

    /// Blocks until the counts satisfy the condition; the counts at the end of the time if not.
    pub(crate) fn wait(&self, timeout: Duration, mut done: impl FnMut(&Counts) -> bool) -> Result<Counts, Counts> {
        let deadline = Instant::now().checked_add(timeout);
        let mut book = lock(&self.book);
        loop {
            let counts = book.counts;
            // The condition may look at the server itself, so the lock is not held meanwhile.
            drop(book);
            if done(&counts) {
                return Ok(counts);
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return Err(counts);
            }
            book = lock(&self.book);
            if book.counts == counts {
                book = self.appended.wait_timeout(book, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

fn size(entry: &Entry) -> usize {
    // The words of a refusal repeat its body, and both are about as long as they are here.
    let refusal = entry.refusal.as_ref();
    let words = refusal.map_or(0, |refusal| 4 * (refusal.reason.len() + refusal.advice.len()));
    ENTRY_BYTES + entry.body.len() + words
}

impl Entry {
    /// As it is told to a user of the library.
    pub(crate) fn request(&self) -> ReceivedRequest {
        ReceivedRequest {
            number: self.number,
            received_at: system_time(self.at),
            method: self.method.clone().into_owned(),
            path: self.path.clone().into_owned(),
            idempotency_key: self.key.as_deref().map(str::to_owned),
            body: self.body.to_vec(),
            verdict: self.verdict,
            status: self.status,
            fault: self.fault,
            reason: self.refusal.as_ref().map(|refusal| refusal.explanation()),
        }
    }

    fn event(&self, attempts: &HashMap<Identity, usize>) -> StoredEvent {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let organization = match body["organization_id"].take() {
            Value::String(organization) => organization,
            _ => String::new(),
        };
        let seen = self.identity.and_then(|identity| attempts.get(&identity));
        StoredEvent {
            organization,
            event: body["event"].take(),
            idempotency_key: self.key.as_deref().map(str::to_owned),
            attempts: seen.copied().unwrap_or(1),
            received_at: system_time(self.at),
            number: self.number,
        }
    }
}
