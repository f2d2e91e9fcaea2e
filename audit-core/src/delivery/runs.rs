//! Identical answers of 5xx in a row, record by record. A sink that keeps the answer to an idempotency key, as Stripe's API
//! says of itself ("Idempotent requests") and WorkOS leaves open, may repeat a failure for as long as it knows the key. Pure,
//! time comes from outside.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{Answer, Reply};
use crate::outbox::RecordId;

/// So many records are watched at once. One that is not is tried again under its key, as any other.
const MOST: usize = 4096;

/// The records that are answered with 5xx.
#[derive(Debug, Default)]
pub(super) struct Runs(HashMap<RecordId, Run>);

/// How often a record met the same 5xx while others were delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    status: u16,
    pub(super) times: u32,
    pub(super) since: Instant,
    /// Events that were delivered up to the last of these answers.
    delivered: u64,
}

#[cfg(test)]
impl Run {
    /// One of so many answers since then.
    pub(super) fn of(times: u32, since: Instant) -> Self {
        Self { status: 500, times, since, delivered: 0 }
    }
}

impl Runs {
    /// The record was answered when `delivered` events had been delivered so far, whichever. Returns the run that it is in.
    pub(super) fn answered(&mut self, record: RecordId, reply: &Reply, delivered: u64, now: Instant) -> Option<Run> {
        let Reply::Answered(Answer { status: status @ 500..=599, .. }) = *reply else {
            self.over(record);
            return None;
        };
        let first = Run { status, times: 1, since: now, delivered };
        let Some(run) = self.0.get_mut(&record) else {
            if self.0.len() < MOST {
                self.0.insert(record, first);
            }
            return None;
        };
        if run.status != status {
            *run = first;
        } else if delivered > run.delivered {
            // An answer while nothing else is delivered says nothing about this record.
            (run.times, run.delivered) = (run.times.saturating_add(1), delivered);
        }
        Some(*run)
    }

    /// The record's key is another one now, or it is settled.
    pub(super) fn over(&mut self, record: RecordId) {
        self.0.remove(&record);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::Said;

    const RECORD: RecordId = RecordId(1);

    fn status(status: u16) -> Reply {
        Reply::Answered(Answer { status, retry_after: None, said: Said::Nothing })
    }

    #[test]
    fn counts_identical_failures_while_others_are_delivered() {
        let (mut runs, now) = (Runs::default(), Instant::now());
        let mut times =
            |record, reply: &Reply, delivered| runs.answered(record, reply, delivered, now).map(|run| run.times);
        assert_eq!(times(RECORD, &status(500), 0), None);
        assert_eq!(times(RECORD, &status(500), 0), Some(1), "nothing else was delivered");
        assert_eq!(times(RECORD, &status(500), 1), Some(2));
        assert_eq!(times(RECORD, &status(500), 9), Some(3), "once an answer");
        assert_eq!(times(RECORD, &status(502), 10), Some(1), "another answer begins a run of its own");
        assert_eq!(times(RECORD, &status(502), 11), Some(2));
        assert_eq!(times(RECORD, &Reply::Unknown("reset".to_owned()), 12), None);
        assert_eq!(times(RECORD, &status(502), 13), None, "from the beginning");
    }

    #[test]
    fn each_record_has_its_own_run_and_they_are_bounded() {
        let (mut runs, now) = (Runs::default(), Instant::now());
        for id in 0..2 * MOST as u64 {
            runs.answered(RecordId(id), &status(500), 0, now);
        }
        assert_eq!(runs.0.len(), MOST);
        let later = now + Duration::from_secs(9);
        let run = runs.answered(RecordId(3), &status(500), 1, later).unwrap();
        assert_eq!((run.times, run.since), (2, now));
        for id in 0..MOST as u64 {
            runs.answered(RecordId(id), &status(200), 2, later);
        }
        assert!(runs.0.is_empty());
    }
}
