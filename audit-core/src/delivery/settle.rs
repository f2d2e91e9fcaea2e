//! Telling the outbox what became of a record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use super::stats::Counters;
use crate::outbox::{
    BurialReason, ClaimId, Claimed, Durability, Lane, NewRecord, Outbox, OutboxError, OutboxErrorKind, Retry, Role,
    Timestamp,
};

/// What the outbox is to be told.
#[derive(Debug)]
pub(super) enum Settlement {
    Acknowledge {
        understood: bool,
        /// How long after it was accepted.
        waited: Duration,
    },
    /// `attempted` is false if the record was claimed but not sent.
    Reschedule {
        retry: Retry,
        attempted: bool,
    },
    /// The record goes on under a new key.
    Rekey {
        retry: Retry,
    },
    Bury {
        reason: BurialReason,
        replacement: Option<Replacement>,
        parked: bool,
    },
}

/// The smallest form of a record that was refused.
#[derive(Debug)]
pub(super) struct Replacement {
    payload: Bytes,
    lane: Lane,
    accepted_at: Timestamp,
}

impl Replacement {
    pub(super) fn new(refused: &Claimed, payload: Bytes) -> Self {
        Self { payload, lane: refused.lane, accepted_at: refused.accepted_at }
    }

    fn record(&self) -> NewRecord {
        NewRecord {
            payload: self.payload.to_vec(),
            lane: self.lane,
            durability: Durability::Durable,
            role: Role::Event,
            accepted_at: self.accepted_at,
        }
    }
}

/// Settles a claim, and tries again while the lease lasts if the outbox fails. Counts what became of the record only
/// once the outbox has taken note of it; if it never does, the record is lent again, under the same key.
pub(super) async fn settle(
    outbox: Arc<dyn Outbox>,
    claim: ClaimId,
    settlement: Settlement,
    counters: Arc<Counters>,
    until: Instant,
) {
    let mut pause = Duration::from_millis(100);
    loop {
        // Past the lease nobody waits for an answer: the record may be somebody else's by then.
        let Ok(told) = timeout_at(until, tell(&*outbox, claim, &settlement)).await else { return };
        let error = match told {
            Ok(()) => {
                if counters.set_outbox_failing(false) {
                    tracing::info!(target: "audited", "the outbox works again");
                }
                return count(&settlement, &counters);
            }
            Err(error) => error,
        };
        match error.kind() {
            OutboxErrorKind::Fenced | OutboxErrorKind::Missing => {
                counters.fenced.add_one();
                tracing::debug!(target: "audited", record = claim.record.0, "the lease had passed to another delivery");
                return;
            }
            OutboxErrorKind::Full | OutboxErrorKind::Late | OutboxErrorKind::Closed | OutboxErrorKind::Storage => {
                note_failure(&counters, &error);
                if Instant::now() + pause >= until {
                    return;
                }
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// Counts a failure of the outbox, and says so when it is news.
pub(super) fn note_failure(counters: &Counters, error: &OutboxError) {
    counters.outbox_errors.add_one();
    if counters.set_outbox_failing(true) {
        tracing::error!(target: "audited", error = error as &dyn std::error::Error, "the outbox failed; delivery keeps trying");
    }
}

async fn tell(outbox: &dyn Outbox, claim: ClaimId, settlement: &Settlement) -> Result<(), OutboxError> {
    match settlement {
        Settlement::Acknowledge { .. } => outbox.acknowledge(claim).await,
        Settlement::Reschedule { retry, .. } => outbox.reschedule(claim, *retry).await,
        Settlement::Rekey { retry } => outbox.rekey(claim, *retry).await,
        Settlement::Bury { reason, replacement, .. } => {
            let record = replacement.as_ref().map(Replacement::record);
            outbox.bury(claim, reason.clone(), record).await
        }
    }
}

fn count(settlement: &Settlement, counters: &Counters) {
    match settlement {
        Settlement::Acknowledge { understood, waited } => {
            counters.delivered.add_one();
            counters.waited(*waited);
            if !understood {
                counters.unparseable_success.add_one();
            }
        }
        Settlement::Reschedule { attempted: false, .. } => {}
        Settlement::Reschedule { attempted: true, .. } => counters.retried.add_one(),
        Settlement::Rekey { .. } => {
            counters.retried.add_one();
            counters.rekeyed.add_one();
            counters.possible_duplicates.add_one();
        }
        Settlement::Bury { replacement, parked, .. } => {
            counters.dead.add_one();
            if replacement.is_some() {
                counters.replaced.add_one();
            }
            if *parked {
                counters.parked.add_one();
            }
        }
    }
}
