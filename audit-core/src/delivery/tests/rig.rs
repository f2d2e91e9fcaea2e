//! A delivery between a memory outbox and a scripted sink, on tokio's paused clock.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::super::drain::{Drain, DrainReport};
use super::super::retry::Random;
use super::super::stats::{Counters, DeliveryStats};
use super::super::worker::Worker;
use super::super::{Answer, Clock, DeliverySettings, Reply, Said, Sink};
use crate::outbox::conformance::{NOW, event};
use crate::outbox::{Contents, IdempotencyKey, MemoryOutbox, NewRecord, Outbox, Timestamp};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// One attempt, as the sink saw it.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// Since the test began.
    pub(super) at: Duration,
    pub(super) key: IdempotencyKey,
    pub(super) payload: Bytes,
    /// How many attempts under this key came before.
    pub(super) earlier: usize,
}

/// Says what becomes of an attempt.
pub(super) type Script = dyn Fn(&Attempt) -> Reply + Send + Sync;

pub(super) struct ScriptedSink {
    began: Instant,
    latency: Duration,
    script: Box<Script>,
    seen: Mutex<Seen>,
    under_way: AtomicU64,
    most_under_way: AtomicU64,
    refreshed: AtomicU64,
}

#[derive(Default)]
struct Seen {
    attempts: Vec<Attempt>,
    by_key: HashMap<IdempotencyKey, usize>,
}

impl ScriptedSink {
    pub(super) fn seen(&self) -> Vec<Attempt> {
        self.seen.lock().unwrap().attempts.clone()
    }

    /// The most attempts that were under way at once.
    pub(super) fn most_under_way(&self) -> u64 {
        self.most_under_way.load(Ordering::Relaxed)
    }

    /// How often the credentials were read again.
    pub(super) fn refreshed(&self) -> u64 {
        self.refreshed.load(Ordering::Relaxed)
    }

    async fn answer(&self, key: IdempotencyKey, payload: Bytes) -> Reply {
        let attempt = {
            let mut seen = self.seen.lock().unwrap();
            let count = seen.by_key.entry(key).or_default();
            *count += 1;
            let attempt = Attempt { at: self.began.elapsed(), key, payload, earlier: *count - 1 };
            seen.attempts.push(attempt.clone());
            attempt
        };
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        let reply = (self.script)(&attempt);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        reply
    }
}

impl Sink for ScriptedSink {
    fn send(&self, key: IdempotencyKey, payload: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.answer(key, payload))
    }

    fn minimal(&self, payload: &[u8]) -> Option<Bytes> {
        (!payload.starts_with(b"minimal")).then(|| [b"minimal ", payload].concat().into())
    }

    fn refresh_credentials(&self) {
        self.refreshed.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for ScriptedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedSink")
    }
}

pub(super) fn taken() -> Reply {
    answer(200, Said::Success)
}

pub(super) fn status(status: u16) -> Reply {
    answer(status, Said::Nothing)
}

pub(super) fn answer(status: u16, said: Said) -> Reply {
    Reply::Answered(Answer { status, retry_after: None, said })
}

pub(super) fn throttled(retry_after: Option<Duration>) -> Reply {
    Reply::Answered(Answer { status: 429, retry_after, said: Said::Nothing })
}

/// What a test sets before it begins.
pub(super) struct Setup {
    pub(super) latency: Duration,
    pub(super) settings: DeliverySettings,
    pub(super) outbox: Arc<dyn Outbox>,
    /// Decides what chance decides.
    pub(super) seed: u64,
    /// So many milliseconds is the wall clock ahead at the start.
    pub(super) ahead: i64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(80),
            settings: DeliverySettings::default(),
            outbox: Arc::new(MemoryOutbox::default()),
            seed: 7,
            ahead: 0,
        }
    }
}

impl Setup {
    pub(super) fn start(self, script: impl Fn(&Attempt) -> Reply + Send + Sync + 'static) -> Rig {
        let began = Instant::now();
        let sink = Arc::new(ScriptedSink {
            began,
            latency: self.latency,
            script: Box::new(script),
            seen: Mutex::default(),
            under_way: AtomicU64::new(0),
            most_under_way: AtomicU64::new(0),
            refreshed: AtomicU64::new(0),
        });
        let clock_error = Arc::new(AtomicI64::new(self.ahead));
        let error = Arc::clone(&clock_error);
        let clock = Clock::new(move || {
            let shown = NOW.after(began.elapsed());
            Timestamp(shown.0.saturating_add_signed(error.load(Ordering::Relaxed)))
        });
        let settings = DeliverySettings { clock: clock.clone(), ..self.settings };
        let counters = Arc::<Counters>::default();
        let (commands, received) = mpsc::unbounded_channel();
        let (outbox, counted) = (Arc::clone(&self.outbox), Arc::clone(&counters));
        let worker = Worker::new(
            outbox,
            Arc::<ScriptedSink>::clone(&sink),
            settings,
            counted,
            received,
            Random::seeded(self.seed),
        );
        let delivery = tokio::spawn(worker.run());
        Rig { outbox: self.outbox, sink, counters, commands: Some(commands), clock, clock_error, accepted: 0, delivery }
    }
}

pub(super) struct Rig {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) sink: Arc<ScriptedSink>,
    pub(super) accepted: u64,
    clock: Clock,
    clock_error: Arc<AtomicI64>,
    counters: Arc<Counters>,
    commands: Option<mpsc::UnboundedSender<Drain>>,
    delivery: tokio::task::JoinHandle<()>,
}

impl Rig {
    pub(super) fn start(script: impl Fn(&Attempt) -> Reply + Send + Sync + 'static) -> Self {
        Setup::default().start(script)
    }

    pub(super) async fn accept(&mut self, lane: u64, payload: impl Into<Vec<u8>>) {
        let record = NewRecord { accepted_at: self.clock.now(), ..event(lane, payload) };
        self.outbox.append(record).await.unwrap();
        self.accepted += 1;
    }

    pub(super) async fn accept_many(&mut self, lane: u64, count: u64) {
        for number in 0..count {
            self.accept(lane, format!("{lane}/{number}")).await;
        }
    }

    pub(super) fn stats(&self) -> DeliveryStats {
        self.counters.snapshot()
    }

    pub(super) async fn contents(&self) -> Contents {
        self.outbox.inspect().await.unwrap()
    }

    /// Sets the wall clock back or ahead.
    pub(super) fn shift_clock(&self, millis: i64) {
        self.clock_error.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) async fn drain(&self, patience: Duration) -> DrainReport {
        self.end(patience, false).await
    }

    pub(super) async fn shutdown(&self, patience: Duration) -> DrainReport {
        self.end(patience, true).await
    }

    async fn end(&self, patience: Duration, stop: bool) -> DrainReport {
        let (answer, answered) = oneshot::channel();
        let drain = Drain::new(patience, stop, &self.counters, move |report| answer.send(report).unwrap());
        assert!(self.commands.as_ref().unwrap().send(drain).is_ok(), "the delivery runs");
        answered.await.expect("every drain is answered")
    }

    /// Ends the delivery as a crash would, without a word, and returns once it is gone.
    pub(super) async fn crash(&mut self) {
        self.commands = None;
        self.stopped().await;
    }

    /// Returns once the delivery has stopped by itself.
    pub(super) async fn stopped(&mut self) {
        (&mut self.delivery).await.unwrap();
    }

    /// Every accepted event is in exactly one place, and every attempt at one carried the same bytes.
    pub(super) async fn assert_balanced(&self) -> Contents {
        let (stats, contents) = (self.stats(), self.contents().await);
        assert_eq!(self.accepted + stats.replaced, stats.delivered + contents.pending + contents.dead, "{stats:?}");
        assert_eq!(stats.dead, contents.dead);
        let mut payloads = HashMap::new();
        for attempt in self.sink.seen() {
            let payload = payloads.entry(attempt.key).or_insert_with(|| attempt.payload.clone());
            assert_eq!(*payload, attempt.payload, "same key, same bytes");
        }
        contents
    }

    /// Everything was delivered, and nothing is left.
    pub(super) async fn assert_all_delivered(&self) {
        let contents = self.assert_balanced().await;
        assert_eq!((contents.pending, contents.dead), (0, 0));
        assert_eq!(self.stats().delivered, self.accepted);
    }
}
