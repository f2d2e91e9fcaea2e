//! Lanes that wait, each for itself. Pure, time and chance come from outside.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::retry::Backoff;
use crate::outbox::Lane;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

/// So many failures in a row are the lane's and no longer those of single events: at 20 % errors by chance a lane
/// would wait after every fifth event otherwise.
const FAILURES: u32 = 4;

/// Failures of this age are forgotten.
const MEMORY: Duration = Duration::from_secs(600);

/// Which lanes wait. A lane is known from its first failure to its next success.
#[derive(Debug, Default)]
pub(super) struct Lanes(HashMap<Lane, Troubled>);

#[derive(Debug, Clone, Copy)]
struct Troubled {
    failures: u32,
    until: Instant,
    /// One record of it is under way, and the others wait for what becomes of that.
    probed: bool,
}

impl Lanes {
    /// Whether that was news: what waited may go.
    pub(super) fn went_well(&mut self, lane: Lane) -> bool {
        self.0.remove(&lane).is_some_and(|troubled| troubled.failures >= FAILURES)
    }

    /// Whether a record of the lane may leave at `now`. After a wait it is one alone, whose fate is known within `patience`:
    /// a backlog that fails as a whole would look like an endpoint that fails, and take the place of others.
    pub(super) fn lets_go(&mut self, lane: Lane, now: Instant, patience: Duration) -> bool {
        let Some(troubled) = self.0.get_mut(&lane).filter(|troubled| troubled.failures >= FAILURES) else {
            return true;
        };
        if now < troubled.until {
            return false;
        }
        (troubled.until, troubled.probed) = (now + patience, true);
        true
    }

    pub(super) fn failed(&mut self, lane: Lane, now: Instant, random: f64) {
        let troubled = self.0.entry(lane).or_insert(Troubled { failures: 0, until: now, probed: false });
        if now > troubled.until + MEMORY {
            troubled.failures = 0;
        }
        troubled.failures = troubled.failures.saturating_add(1);
        let wait = match troubled.failures.checked_sub(FAILURES) {
            Some(further) => BACKOFF.wait(further + 1, random),
            None => Duration::ZERO,
        };
        let probed = std::mem::take(&mut troubled.probed);
        troubled.until = if probed { now + wait } else { troubled.until.max(now + wait) };
    }

    /// The lanes that wait at `now`.
    pub(super) fn waiting(&mut self, now: Instant) -> HashSet<Lane> {
        self.0.retain(|_, troubled| now <= troubled.until + MEMORY);
        self.0.iter().filter(|(_, troubled)| troubled.until > now).map(|(lane, _)| *lane).collect()
    }

    /// When the first of those that wait at `now` goes on.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|troubled| troubled.until).filter(|until| *until > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Lane = Lane(1);
    const B: Lane = Lane(2);

    fn fail(lanes: &mut Lanes, lane: Lane, times: u32, now: Instant) {
        for _ in 0..times {
            lanes.failed(lane, now, 0.5);
        }
    }

    #[test]
    fn holds_up_only_itself() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        fail(&mut lanes, A, FAILURES, now);
        fail(&mut lanes, B, FAILURES - 1, now);
        assert_eq!(lanes.waiting(now), HashSet::from([A]));
        assert_eq!(lanes.next(now), Some(now + Duration::from_millis(250)));
        assert!(lanes.waiting(now + Duration::from_millis(250)).is_empty());
    }

    #[test]
    fn is_tried_by_one_record_after_its_wait() {
        let now = Instant::now();
        let patience = Duration::from_secs(15);
        let mut lanes = Lanes::default();
        fail(&mut lanes, A, FAILURES - 1, now);
        assert!(lanes.lets_go(A, now, patience) && lanes.lets_go(A, now, patience), "not yet the lane's");
        fail(&mut lanes, A, 1, now);
        assert!(!lanes.lets_go(A, now, patience), "it waits");
        let later = now + Duration::from_millis(250);
        assert!(lanes.lets_go(A, later, patience));
        assert!(!lanes.lets_go(A, later, patience) && lanes.waiting(later).contains(&A), "one alone");
        assert!(lanes.lets_go(A, later + patience, patience), "nobody heard of that one any more");
        lanes.failed(A, later + patience, 0.5);
        assert_eq!(lanes.next(later + patience), Some(later + patience + Duration::from_millis(500)));
        assert!(lanes.went_well(A), "what waited may go");
        assert!(lanes.lets_go(A, later, patience) && !lanes.went_well(A));
    }

    #[test]
    fn a_success_ends_the_row() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        fail(&mut lanes, A, 20, now);
        lanes.went_well(A);
        fail(&mut lanes, A, FAILURES - 1, now);
        assert!(lanes.waiting(now).is_empty());
    }

    #[test]
    fn waits_at_most_a_minute_and_forgets() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        fail(&mut lanes, A, 1_000, now);
        assert_eq!(lanes.next(now), Some(now + Duration::from_secs(30)), "half of a minute by this chance");
        assert!(lanes.waiting(now + 2 * MEMORY).is_empty());
        assert!(lanes.0.is_empty(), "lanes are not remembered for ever");
    }
}
