//! One attempt: whether it is made, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{BACKOFF, Done, SLOW, Worker};
use crate::delivery::decide::{Decision, Departure, Fate, Signal, Wait, decide, depart, is_stuck};
use crate::delivery::settle::{Replacement, Settlement, settle};
use crate::delivery::stats::Health;
use crate::delivery::{Answer, DuplicatePolicy, Reply};
use crate::outbox::{BurialReason, ClaimId, Claimed, History, Lane, MAX_WAIT, Retry, Timestamp};
use crate::planted::{self, Bug, planted};

/// Why an event that may be in the log already is not sent again.
const WINDOW_IS_OVER: &str = "an attempt more than 23 hours ago may have arrived, and the sink may have forgotten its \
                              idempotency key since: look for the event there before sending it again";
const KEY_IS_STUCK: &str = "the sink answered this event with the same 5xx for an hour while it took others: it may repeat \
                            what it remembers for the event's idempotency key. Look for the event there before sending \
                            it again, which gives it a new key";

pub(super) struct Attempt {
    record: Claimed,
    sent: Instant,
    sent_at: Timestamp,
    lease_ends: Instant,
}

impl Worker {
    /// Tells whether the record left. It is given back if its turn has passed since it was claimed.
    pub(super) fn depart(&mut self, record: Claimed) -> bool {
        let now = Instant::now();
        let sent_at = self.settings.clock.now();
        let lease_ends = now + self.settings.lease;
        let departure = depart(record.history, sent_at, self.settings.duplicates);
        if departure == Departure::Park {
            self.park(record.claim, lease_ends, sent_at, WINDOW_IS_OVER);
            return false;
        }
        let patience = self.settings.attempt_timeout;
        if self.gate.width(now) == 0 || !self.lanes.lets_go(record.lane, now, patience) {
            let retry = Retry { due: self.timer.now(), history: record.history };
            self.settle(record.claim, lease_ends, Settlement::Reschedule { retry, attempted: false });
            return false;
        }
        if departure == Departure::PossibleDuplicate {
            self.counters.possible_duplicates.add_one();
        }
        self.counters.attempts.add_one();
        let sink = Arc::clone(&self.sink);
        self.tasks.spawn(async move {
            let key = if planted(Bug::NewKeyOnRetry) { planted::another_key() } else { record.key };
            let reply = match timeout(patience, sink.send(key, record.payload.clone())).await {
                Ok(reply) => reply,
                Err(_) => Reply::Unknown(format!("the sink did not answer within {patience:?}")),
            };
            Done::Sent(Box::new(Attempt { record, sent: now, sent_at, lease_ends }), reply)
        });
        true
    }

    fn park(&mut self, claim: ClaimId, lease_ends: Instant, at: Timestamp, why: &str) {
        let reason = BurialReason { status: None, message: why.to_owned(), at };
        self.settle(claim, lease_ends, Settlement::Bury { reason, replacement: None, parked: true });
    }

    pub(super) fn sent(&mut self, attempt: Attempt, reply: &Reply) {
        let Attempt { record, sent, sent_at, lease_ends } = attempt;
        let (now, at) = (Instant::now(), self.settings.clock.now());
        let Decision { fate, signal } = decide(reply, record.history, sent_at);
        self.note(signal, sent, now, reply);
        let stuck = self.runs.answered(record.claim.record, reply, self.counters.delivered.get(), now);
        let settlement = match fate {
            Fate::Delivered { understood } => {
                self.went_well(record.lane, now);
                self.concurrency.went_well(self.busy() + 1);
                Settlement::Acknowledge { understood, waited: at.since(record.accepted_at) }
            }
            Fate::Retry { history, .. } if stuck.is_some_and(|run| is_stuck(run, history, now)) => {
                return self.rekey(&record, lease_ends, history, at);
            }
            Fate::Retry { history, wait } => {
                let due = self.timer.now().after(self.wait(&record, history.attempts, wait, now));
                Settlement::Reschedule { retry: Retry { due, history }, attempted: true }
            }
            Fate::Dead { status, message, replace } => {
                self.went_well(record.lane, now);
                tracing::warn!(target: "audited", record = record.claim.record.0, status, reason = %message, "an audit event was refused");
                let reason = BurialReason { status, message, at };
                return self.bury(record, lease_ends, reason, replace);
            }
        };
        self.settle(record.claim, lease_ends, settlement);
    }

    fn went_well(&mut self, lane: Lane, now: Instant) {
        if self.lanes.went_well(lane) {
            self.look_at = now;
        }
    }

    /// Sends a record whose key is stuck under another one, once: what the sink remembers may be a failure after which it
    /// had stored the event.
    fn rekey(&mut self, record: &Claimed, lease_ends: Instant, history: History, at: Timestamp) {
        self.runs.over(record.claim.record);
        if self.settings.duplicates == DuplicatePolicy::Park {
            return self.park(record.claim, lease_ends, at, KEY_IS_STUCK);
        }
        tracing::warn!(
            target: "audited",
            record = record.claim.record.0,
            "an audit event met the same 5xx for an hour while others were taken: it goes on under a new idempotency key"
        );
        let history = History { first_ambiguous: None, rekeyed: true, ..history };
        self.settle(record.claim, lease_ends, Settlement::Rekey { retry: Retry { due: self.timer.now(), history } });
    }

    /// How long a record waits before it is due again, and whether its lane waits with it.
    fn wait(&mut self, record: &Claimed, attempts: u32, wait: Wait, now: Instant) -> Duration {
        match wait {
            Wait::Endpoint => Duration::ZERO,
            Wait::Backoff { at_least, ambiguous } => {
                if ambiguous {
                    self.counters.ambiguous.add_one();
                }
                self.lanes.failed(record.lane, now, self.random.fraction());
                BACKOFF.wait(attempts, self.random.fraction()).max(at_least.min(MAX_WAIT))
            }
        }
    }

    /// Lets everything that looks after the endpoint know how it is.
    fn note(&mut self, signal: Signal, sent: Instant, now: Instant, reply: &Reply) {
        match signal {
            Signal::Working | Signal::Silent => {}
            Signal::Failing { overloaded } => {
                if overloaded || now - sent >= SLOW {
                    self.concurrency.overloaded(sent, now);
                }
            }
            Signal::Throttled { .. } => {
                self.counters.throttled.add_one();
                self.pace.throttled(sent, now);
            }
            Signal::Unauthorized => self.counters.unauthorized.add_one(),
            Signal::Unreachable => self.counters.unreachable.add_one(),
            Signal::Untrusted => self.counters.untrusted.add_one(),
        }
        self.gate.note(signal, sent, now, self.random.fraction());
        let health = self.gate.health();
        if !self.counters.set_health(health, self.settings.clock.now()) {
            return;
        }
        let detail = match reply {
            Reply::NotSent(why) | Reply::Untrusted(why) | Reply::Unknown(why) | Reply::Refused(why) => why.clone(),
            Reply::Answered(Answer { status: status @ (300..=399 | 404 | 405 | 407 | 421), .. }) => {
                format!("status {status}, which is not the sink's own answer: is its address right?")
            }
            Reply::Answered(answer) => format!("status {}", answer.status),
        };
        match health {
            Health::Ok => {
                self.pace.restart(now);
                tracing::info!(target: "audited", "audit events are being delivered again");
            }
            Health::Throttled => {
                tracing::warn!(target: "audited", detail, "the sink asks for fewer requests: audit events wait");
            }
            Health::Untrusted => tracing::error!(
                target: "audited",
                detail,
                "the sink's certificate cannot be verified: audit events wait, and nothing is sent there"
            ),
            Health::Unauthorized => tracing::error!(
                target: "audited",
                detail,
                "the sink refuses the API key: audit events wait; the key is read again every minute"
            ),
            Health::Unreachable => {
                tracing::warn!(target: "audited", detail, "the sink cannot be reached: audit events wait");
            }
        }
    }

    fn bury(&mut self, record: Claimed, lease_ends: Instant, reason: BurialReason, replace: bool) {
        let (outbox, sink, counters) = (Arc::clone(&self.outbox), Arc::clone(&self.sink), Arc::clone(&self.counters));
        self.tasks.spawn(async move {
            // The sink's code, which must not take the loop with it if it panics.
            let minimal = if replace { sink.minimal(&record.payload) } else { None };
            let replacement = minimal.map(|payload| Replacement::new(&record, payload));
            let settlement = Settlement::Bury { reason, replacement, parked: false };
            settle(outbox, record.claim, settlement, counters, lease_ends).await;
            Done::Settled { due: None }
        });
    }
}
