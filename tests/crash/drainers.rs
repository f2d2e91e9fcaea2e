//! Applications that take over what dead ones left, and die over it.

use std::time::Duration;

use audited_cli::Fault;

use crate::kills::tell;
use crate::trial::Trial;

/// Twelve shares are left, for eight who come after, again and again: each of them has a share of its own, and whoever is
/// first has the others, too.
const WRITERS: usize = 12;
const DRAINERS: usize = 8;
const ANSWERS_EACH: usize = 40;
/// More rounds than it takes to deliver everything.
const ROUNDS: usize = 200;

/// Nothing is lost, and whatever is sent twice is sent under one key, since WorkOS stores it once.
#[test]
fn what_dead_processes_left_is_stored_once_although_their_heirs_are_killed() {
    let mut trial = Trial::new(4711);
    trial.lives_that_deliver_nothing(WRITERS, ANSWERS_EACH);
    // Slow enough that a round does not deliver everything.
    trial.slow_down(Fault::SlowReply(Duration::from_millis(20)));
    let (mut rounds_within, mut before) = (0, 0);
    for _ in 0..ROUNDS {
        let stored = trial.lives_that_deliver(DRAINERS);
        if stored >= trial.answered() {
            break;
        }
        rounds_within += usize::from(stored > before);
        before = stored;
    }
    let sum = trial.settle();
    tell(&format!("kills of heirs, {DRAINERS} at a time: {sum}; {rounds_within} times before all was delivered"));
    assert!(rounds_within >= 2 && sum.repeated > 0, "nobody was killed in the middle: {rounds_within} rounds, {sum:?}");
}
