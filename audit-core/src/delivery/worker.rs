//! The loop from the outbox to the sink.
//!
//! It selects, handles, and starts tasks; it never waits for the world itself. Everything that does (claiming,
//! inspecting, sending, settling) is a task, and its end is an event. What to do next is asked of pure parts: [`decide`]
//! for the event, [`Gate`], [`Pace`], [`Concurrency`] and [`Lanes`] for the time. What becomes of one attempt is in
//! `attempt`.
//!
//! Invariants:
//! 1. At most one task looks into the outbox, and at most `Concurrency::limit` records are claimed and not settled.
//! 2. While the gate is closed nothing is claimed, and what was being claimed when it closed is given back unsent.
//! 3. Whenever nothing is under way the loop sleeps until a moment in the future, or until the outbox changes.

mod attempt;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use self::attempt::Attempt;
use super::drain::{Drain, Drains};
use super::gate::Gate;
use super::lanes::Lanes;
use super::pace::{Concurrency, Pace};
use super::retry::{Backoff, Random};
use super::runs::Runs;
use super::settle::{Settlement, note_failure, settle};
use super::stats::Counters;
use super::{Clock, DeliverySettings, Reply, Sink};
use crate::outbox::{
    ClaimId, ClaimRequest, Claimed, Contents, MAX_WAIT, Outbox, OutboxError, OutboxErrorKind, Timestamp,
};
use crate::planted::{Bug, planted};

/// For one event that failed by itself.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

/// For an outbox that failed.
const OUTBOX_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// How long the outbox may take to answer. What it lends after that is lent again after its lease.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(30);

/// How long the outbox may take to say what it holds when the time is up.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How long credentials may take to be read again before the next probe goes with the old ones.
const REFRESH: Duration = Duration::from_secs(10);

/// An attempt that fails after so long met an overloaded endpoint; a connection that breaks sooner says nothing.
const SLOW: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    outbox: Arc<dyn Outbox>,
    sink: Arc<dyn Sink>,
    settings: DeliverySettings,
    /// By which records are lent and put off. What the sink may have forgotten hangs on the time of day.
    timer: Clock,
    counters: Arc<Counters>,
    drains: Drains,
    commands: UnboundedReceiver<Drain>,
    random: Random,
    gate: Gate,
    pace: Pace,
    concurrency: Concurrency,
    lanes: Lanes,
    runs: Runs,
    tasks: JoinSet<Done>,
    /// The task that looks into the outbox, or reads credentials before it.
    looking: Option<Id>,
    /// When to look into the outbox next; until then it has nothing that can be sent, as far as is known.
    look_at: Instant,
    /// When the first of the records that were put off since the last claim is due. An inspection may have missed it.
    put_off: Option<Instant>,
    outbox_failures: u32,
}

/// What a task has done.
enum Done {
    Refreshed,
    Claimed {
        asked: usize,
        result: Result<Vec<Claimed>, OutboxError>,
    },
    /// With how many drains had begun before.
    Inspected(u64, Result<Contents, OutboxError>),
    Sent(Box<Attempt>, Reply),
    Settled {
        due: Option<Timestamp>,
    },
}

impl Worker {
    pub(super) fn new(
        outbox: Arc<dyn Outbox>,
        sink: Arc<dyn Sink>,
        settings: DeliverySettings,
        counters: Arc<Counters>,
        commands: UnboundedReceiver<Drain>,
        random: Random,
    ) -> Self {
        let now = Instant::now();
        let settings = settings.bounded();
        Self {
            outbox,
            sink,
            counters,
            drains: Drains::default(),
            commands,
            random,
            gate: Gate::new(),
            pace: Pace::new(settings.pace, now),
            concurrency: Concurrency::new(settings.concurrency),
            timer: settings.clock.counting(),
            settings,
            lanes: Lanes::default(),
            runs: Runs::default(),
            tasks: JoinSet::new(),
            looking: None,
            look_at: now,
            put_off: None,
            outbox_failures: 0,
        }
    }

    /// Delivers until it is told to stop, or until the handle is gone.
    pub(super) async fn run(mut self) {
        loop {
            self.look();
            let wake = self.wake();
            let idle = self.looking.is_none() && self.look_at > Instant::now();
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(drain) => self.begin(drain),
                    None => return,
                },
                Some(done) = self.tasks.join_next_with_id() => self.handle(done),
                () = async { self.outbox.changed().await }, if idle => self.look_at = Instant::now(),
                () = sleep_until(wake) => {}
            }
            self.end_late_drains().await;
            if self.drains.stopped() {
                return;
            }
        }
    }

    /// Records that are claimed and not settled.
    fn busy(&self) -> usize {
        self.tasks.len() - usize::from(self.looking.is_some())
    }

    /// How many more records may be claimed at `now`, the pace aside.
    fn room(&self, now: Instant) -> usize {
        self.concurrency.limit().min(self.gate.width(now)).saturating_sub(self.busy())
    }

    /// Claims as much as may be sent, if it is time to.
    fn look(&mut self) {
        let now = Instant::now();
        if self.looking.is_some() || now < self.look_at {
            return;
        }
        if self.gate.take_refresh(now) {
            return self.refresh();
        }
        let asked = self.room(now).min(self.pace.available(now));
        if asked > 0 {
            self.claim(asked, now);
        }
    }

    /// The next moment at which there is something to do, if nothing happens until then.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let some_time = now + MAX_WAIT;
        let look = if self.looking.is_some() {
            some_time
        } else if now < self.look_at {
            self.look_at
        } else if self.gate.width(now) == 0 {
            self.gate.until().unwrap_or(some_time)
        } else if self.room(now) == 0 {
            some_time
        } else {
            self.pace.next()
        };
        self.drains.deadline().map_or(look, |deadline| look.min(deadline))
    }

    fn refresh(&mut self) {
        let sink = Arc::clone(&self.sink);
        // A provider of keys is somebody else's code, and may well block.
        self.look_by(async move {
            let read = tokio::task::spawn_blocking(move || sink.refresh_credentials());
            if !matches!(timeout(REFRESH, read).await, Ok(Ok(()))) {
                tracing::warn!(target: "audited", "the credentials could not be read again; trying with those that are known");
            }
            Done::Refreshed
        });
    }

    fn claim(&mut self, asked: usize, now: Instant) {
        let outbox = Arc::clone(&self.outbox);
        let waiting = self.lanes.waiting(now);
        self.put_off = None;
        let (lease, now) = (self.settings.lease, self.timer.now());
        self.look_by(async move {
            let request = ClaimRequest { max: asked, lease, now, waiting_lanes: &waiting };
            if planted(Bug::HeadOfLine) && !waiting.is_empty() {
                return Done::Claimed { asked, result: Ok(Vec::new()) };
            }
            let result = timeout(OUTBOX_PATIENCE, outbox.claim(request)).await.unwrap_or_else(|_| Err(silent()));
            Done::Claimed { asked, result }
        });
    }

    fn inspect(&mut self) {
        let outbox = Arc::clone(&self.outbox);
        let (draining, begun) = (!self.drains.is_empty(), self.drains.begun());
        self.look_by(async move {
            let look = async {
                if draining {
                    // What is not stored yet is not counted yet, and would be left behind.
                    outbox.flush().await?;
                }
                outbox.inspect().await
            };
            Done::Inspected(begun, timeout(OUTBOX_PATIENCE, look).await.unwrap_or_else(|_| Err(silent())))
        });
    }

    fn look_by(&mut self, task: impl Future<Output = Done> + Send + 'static) {
        self.looking = Some(self.tasks.spawn(task).id());
    }

    fn handle(&mut self, done: Result<(Id, Done), JoinError>) {
        let (id, done) = match done {
            Ok(done) => done,
            Err(error) => return self.task_failed(error.id()),
        };
        if self.looking == Some(id) {
            self.looking = None;
        }
        match done {
            Done::Refreshed => {}
            Done::Claimed { asked, result: Ok(records) } => self.claimed(asked, records),
            Done::Inspected(begun, Ok(contents)) => self.inspected(begun, contents),
            Done::Claimed { result: Err(error), .. } | Done::Inspected(_, Err(error)) => self.outbox_failed(&error),
            Done::Sent(attempt, reply) => self.sent(*attempt, &reply),
            Done::Settled { due } => self.settled(due),
        }
    }

    /// A task panicked: a sink or an outbox is broken. The record, if it was one, is lent again after its lease.
    fn task_failed(&mut self, id: Id) {
        self.counters.panics.add_one();
        tracing::error!(target: "audited", "a sink or an outbox panicked during delivery; the event is tried again after its lease");
        if self.looking == Some(id) {
            self.looking = None;
            self.look_at = Instant::now() + self.settings.poll_interval;
        }
    }

    fn claimed(&mut self, asked: usize, records: Vec<Claimed>) {
        self.outbox_works();
        let exhausted = records.len() < asked;
        let left = records.into_iter().map(|record| self.depart(record)).filter(|left| *left).count();
        self.pace.spend(left);
        if exhausted {
            self.inspect();
        }
    }

    fn settle(&mut self, claim: ClaimId, lease_ends: Instant, settlement: Settlement) {
        let due = match &settlement {
            Settlement::Reschedule { retry, .. } | Settlement::Rekey { retry } => Some(retry.due),
            Settlement::Acknowledge { .. } | Settlement::Bury { .. } => None,
        };
        let (outbox, counters) = (Arc::clone(&self.outbox), Arc::clone(&self.counters));
        self.tasks.spawn(async move {
            settle(outbox, claim, settlement, counters, lease_ends).await;
            Done::Settled { due }
        });
    }

    fn settled(&mut self, due: Option<Timestamp>) {
        let now = Instant::now();
        if let Some(due) = due {
            let due = now + self.until(due);
            self.look_at = self.look_at.min(due);
            self.put_off = Some(self.put_off.map_or(due, |earlier| earlier.min(due)));
        }
        if !self.drains.is_empty() && self.busy() == 0 && self.looking.is_none() {
            self.inspect();
        }
    }

    /// Nothing more could be claimed: looks when something will be due.
    fn inspected(&mut self, begun: u64, contents: Contents) {
        self.outbox_works();
        self.counters.set_held(contents);
        if contents.next_due.is_none() && self.busy() == 0 {
            if begun < self.drains.begun() {
                return self.inspect();
            }
            self.drains.end_drained(&self.counters, contents);
        }
        let now = Instant::now();
        let lane = self.lanes.next(now);
        let due = contents.next_due.and_then(|due| match self.until(due) {
            wait if !wait.is_zero() => Some(now + wait),
            // It is in a lane that waits.
            _ if lane.is_some() => None,
            // It came this moment, or the outbox has a reason to keep it back.
            _ => Some(now + Duration::from_millis(50)),
        });
        let poll = now + self.settings.poll_interval;
        self.look_at = [due, lane, self.put_off].into_iter().flatten().fold(poll, Instant::min);
    }

    /// How long from now until `due`.
    fn until(&self, due: Timestamp) -> Duration {
        due.since(self.timer.now()).min(MAX_WAIT)
    }

    fn outbox_works(&mut self) {
        self.outbox_failures = 0;
        if self.counters.set_outbox_failing(false) {
            tracing::info!(target: "audited", "the outbox works again");
        }
    }

    fn outbox_failed(&mut self, error: &OutboxError) {
        note_failure(&self.counters, error);
        self.outbox_failures = self.outbox_failures.saturating_add(1);
        // Never at once, whatever chance says.
        let wait = OUTBOX_BACKOFF.wait(self.outbox_failures, 0.5 + self.random.fraction() / 2.0);
        self.look_at = Instant::now() + wait;
    }

    fn begin(&mut self, drain: Drain) {
        self.drains.push(drain);
        if self.looking.is_none() {
            self.inspect();
        }
    }

    /// Ends the drains whose time is up.
    async fn end_late_drains(&mut self) {
        let now = Instant::now();
        if self.drains.deadline().is_some_and(|deadline| deadline <= now) {
            // What is not stored yet is not counted yet. A disk that hangs is not waited for.
            let _ = timeout(LAST_LOOK / 2, self.outbox.flush()).await;
            let contents = timeout(LAST_LOOK / 2, self.outbox.inspect()).await;
            self.drains.end_late(&self.counters, contents.ok().and_then(Result::ok), now);
        }
    }
}

fn silent() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Storage, format!("the outbox did not answer within {OUTBOX_PATIENCE:?}"))
}
