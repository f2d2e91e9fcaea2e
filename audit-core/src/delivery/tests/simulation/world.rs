//! An application over several lives on one disk, and the ledger of its events.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::rig::SECOND;
use super::workos::{MINIMAL, ModelWorkos, Weather, is_poison, is_refused};
use crate::delivery::drain::{Drain, DrainReport};
use crate::delivery::retry::Random;
use crate::delivery::stats::{Counters, DeliveryStats};
use crate::delivery::worker::Worker;
use crate::delivery::{Clock, DeliverySettings, Sink};
use crate::outbox::conformance::{NOW, event};
use crate::outbox::{Contents, Lane, NewRecord, Outbox, SimulatedDisk, SimulatedJournal, Timestamp, simulated};

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Killed,
    PowerCut,
}

pub(super) struct World {
    pub(super) sink: Arc<ModelWorkos>,
    pub(super) random: Random,
    settings: DeliverySettings,
    began: Instant,
    wall_error: Arc<AtomicI64>,
    disk: SimulatedDisk,
    life: Option<Life>,
    /// When each payload was accepted.
    accepted: HashMap<Bytes, Duration>,
    /// Of the lives that are over.
    past: Totals,
    /// Answers that a life may have heard and not noted durably before it ended.
    forgotten: u64,
}

/// What all lives' counters say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) possible_duplicates: u64,
    pub(super) parked: u64,
    rekeyed: u64,
}

struct Life {
    journal: Arc<SimulatedJournal>,
    counters: Arc<Counters>,
    commands: mpsc::UnboundedSender<Drain>,
    worker: JoinHandle<()>,
    inherited: Contents,
    accepted: u64,
}

impl World {
    pub(super) async fn new(seed: u64, settings: DeliverySettings) -> Self {
        let began = Instant::now();
        let wall_error = Arc::<AtomicI64>::default();
        let error = Arc::clone(&wall_error);
        let clock = Clock::new(move || {
            let shown = NOW.after(began.elapsed());
            Timestamp(shown.0.saturating_add_signed(error.load(Ordering::Relaxed)))
        });
        let mut world = Self {
            sink: Arc::new(ModelWorkos::new(seed)),
            random: Random::seeded(seed),
            settings: DeliverySettings { clock, ..settings },
            began,
            wall_error,
            disk: SimulatedDisk::default(),
            life: None,
            accepted: HashMap::new(),
            past: Totals::default(),
            forgotten: 0,
        };
        world.start().await;
        world
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.random.fraction() * limit as f64) as usize
    }

    fn life(&self) -> &Life {
        self.life.as_ref().unwrap()
    }

    pub(super) fn stats(&self) -> DeliveryStats {
        self.life().counters.snapshot()
    }

    /// Over all lives.
    pub(super) fn totals(&self) -> Totals {
        let now = self.stats();
        Totals {
            possible_duplicates: self.past.possible_duplicates + now.possible_duplicates,
            parked: self.past.parked + now.parked,
            rekeyed: self.past.rekeyed + now.rekeyed,
        }
    }

    async fn start(&mut self) {
        let journal = Arc::new(SimulatedJournal::open(&self.disk));
        let inherited = journal.inspect().await.unwrap();
        let counters = Arc::<Counters>::default();
        let (commands, received) = mpsc::unbounded_channel();
        let outbox: Arc<dyn Outbox> = Arc::<SimulatedJournal>::clone(&journal);
        let sink: Arc<dyn Sink> = Arc::<ModelWorkos>::clone(&self.sink);
        let random = Random::seeded(self.random.fraction().to_bits());
        let worker = Worker::new(outbox, sink, self.settings.clone(), Arc::clone(&counters), received, random);
        let worker = tokio::spawn(worker.run());
        self.life = Some(Life { journal, counters, commands, worker, inherited, accepted: 0 });
    }

    /// The process dies in the middle of whatever it does, and another one starts.
    pub(super) async fn restart(&mut self, end: End) {
        self.check().await;
        let Life { commands, worker, counters, .. } = self.life.take().unwrap();
        drop(commands);
        worker.await.unwrap();
        let stats = counters.snapshot();
        self.past.possible_duplicates += stats.possible_duplicates;
        self.past.parked += stats.parked;
        self.past.rekeyed += stats.rekeyed;
        let volatile = if end == End::Killed { 2 * simulated::LAZY } else { simulated::WRITEBACK + SECOND };
        let now = self.began.elapsed();
        self.forgotten += self.sink.seen().answered.iter().filter(|at| **at + volatile >= now).count() as u64;
        self.disk = match end {
            End::Killed => self.disk.after_kill(),
            End::PowerCut => {
                let random = &mut self.random;
                self.disk.after_power_cut(|choices| (random.fraction() * choices as f64) as usize)
            }
        };
        self.start().await;
        self.check().await;
    }

    /// An event is appended, and on disk. `kind` may be a word that WorkOS does not like.
    pub(super) async fn accept(&mut self, lane: usize, kind: &str) -> Bytes {
        let number = self.accepted.len();
        let padding = ".".repeat(self.below(400));
        let payload = Bytes::from(format!("{lane}/{number} {kind} {padding}"));
        let accepted_at = self.settings.clock.now();
        let record = NewRecord { accepted_at, ..event(Lane(lane as u64).0, payload.clone()) };
        self.life().journal.append(record).await.unwrap();
        self.accepted.insert(payload.clone(), self.began.elapsed());
        self.life.as_mut().unwrap().accepted += 1;
        payload
    }

    pub(super) async fn accept_many(&mut self, lane: usize, count: usize) {
        for _ in 0..count {
            self.accept(lane, "").await;
        }
    }

    /// Sets the wall clock ahead or back, until the next time.
    pub(super) fn shift_clock(&self, millis: i64) {
        self.wall_error.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) async fn drain(&self, patience: Duration) -> DrainReport {
        let (answer, answered) = oneshot::channel();
        let drain = Drain::new(patience, false, &self.life().counters, move |report| {
            let _ = answer.send(report);
        });
        assert!(self.life().commands.send(drain).is_ok(), "the delivery runs");
        answered.await.expect("every drain is answered")
    }

    /// How long each payload of these lanes took from its acceptance to WorkOS.
    pub(super) fn latencies(&self, lanes: impl Fn(usize) -> bool) -> Vec<Duration> {
        let seen = self.sink.seen();
        let took = self.accepted.iter().filter(|(payload, _)| lanes(lane_of(payload))).map(|(payload, accepted)| {
            let stored = seen.stored.get(payload).and_then(|times| times.first());
            stored.unwrap_or_else(|| panic!("{payload:?} did not arrive")).saturating_sub(*accepted)
        });
        let mut took: Vec<Duration> = took.collect();
        took.sort_unstable();
        took
    }

    /// Every event is in exactly the places where it may be.
    pub(super) async fn check(&self) {
        let (pending, dead) = self.disk.contents();
        let seen = self.sink.seen();
        let places: HashSet<&Bytes> = pending.iter().chain(&dead).chain(seen.stored.keys()).collect();
        for payload in self.accepted.keys() {
            assert!(places.contains(payload), "{payload:?} is lost");
        }
        let buried: HashSet<&Bytes> = dead.iter().collect();
        for payload in places {
            let known = self.accepted.contains_key(payload)
                || payload.strip_prefix(MINIMAL).is_some_and(|full| buried.contains(&Bytes::copy_from_slice(full)));
            assert!(known, "{payload:?} was never accepted");
        }
        let parked = self.totals().parked;
        let given_up = dead.iter().filter(|payload| !is_refused(payload)).count() as u64;
        assert!(
            given_up <= parked,
            "{given_up} dead letters that WorkOS would have taken, of which {parked} were parked"
        );
        let distinct: HashSet<&Bytes> = pending.iter().collect();
        assert_eq!(distinct.len(), pending.len(), "an event is pending twice");
        let rekeyed = self.totals().rekeyed;
        assert!(seen.second_keys() <= rekeyed, "{} new keys, {rekeyed} on purpose", seen.second_keys());
        // Each once, save what nobody can know about by the time WorkOS has forgotten the key.
        let doubtful = seen.ambiguous() + self.forgotten;
        assert!(seen.duplicates() <= doubtful, "{} duplicates, {doubtful} doubtful", seen.duplicates());

        let Life { journal, counters, inherited, accepted, .. } = self.life();
        let (stats, contents) = (counters.snapshot(), journal.inspect().await.unwrap());
        assert_eq!(
            inherited.pending + accepted + stats.replaced,
            stats.delivered + contents.pending + (contents.dead - inherited.dead),
            "inherited {inherited:?} and accepted {accepted} are {contents:?} and {stats:?}"
        );
        assert_eq!(stats.dead, contents.dead - inherited.dead);
    }

    /// The weather clears up and everything goes out. Nothing is left but what WorkOS refuses and what was parked.
    pub(super) async fn settle(&mut self) {
        self.sink.forecast(|_, _, _| Weather::Fine);
        let report = self.drain(Duration::from_secs(10 * 86_400)).await;
        assert!(report.drained, "{report:?}, {:?}", self.stats());
        self.check().await;
        let seen = self.sink.seen();
        // What the journal puts off is on disk by then.
        tokio::time::sleep(2 * self.settings.poll_interval).await;
        let (pending, dead) = self.disk.contents();
        assert!(pending.is_empty(), "{pending:?}");
        let dead: HashSet<&Bytes> = dead.iter().collect();
        for payload in self.accepted.keys() {
            let (refused, buried) = (is_refused(payload), dead.contains(payload));
            assert!(if refused { buried } else { buried || seen.stored.contains_key(payload) }, "{payload:?}");
        }
        for payload in dead.iter().filter(|payload| is_poison(payload) && !payload.starts_with(MINIMAL)) {
            let minimal = Bytes::from([MINIMAL, payload].concat());
            assert!(seen.stored.contains_key(&minimal) || dead.contains(&minimal), "no smallest form of {payload:?}");
        }
    }
}

fn lane_of(payload: &[u8]) -> usize {
    let digits = payload.split(|byte| *byte == b'/').next().unwrap();
    std::str::from_utf8(digits).unwrap().parse().unwrap()
}
