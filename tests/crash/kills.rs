//! Every way for a process to end without a word.

use std::io::Write as _;

use crate::trial::{End, Outcome, Trial};

/// What takes about a minute on two cores.
const KILLS: usize = 1_000;
/// After so many a new directory is begun, and what the old one was told is compared with what is stored.
const KILLS_A_TRIAL: usize = 200;

#[test]
fn what_was_answered_survives_kill_9_exactly_once() {
    let kills = std::env::var("AUDITED_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut sum = Outcome::default();
    while sum.ends < kills {
        let mut trial = Trial::new(sum.ends as u64);
        for _ in sum.ends..kills.min(sum.ends + KILLS_A_TRIAL) {
            trial.life(End::Kill);
        }
        sum += trial.settle();
        tell(&format!("kills: {sum}"));
    }
    assert!(sum.answered > kills, "so few answers prove nothing: {sum:?}");
}

#[test]
fn what_was_answered_survives_any_end_of_the_process() {
    let mut trial = Trial::new(42);
    for _ in 0..5 {
        for end in [End::Terminate, End::Exit, End::Abort] {
            trial.life(end);
        }
    }
    let sum = trial.settle();
    assert!(sum.answered > sum.ends, "so few answers prove nothing: {sum:?}");
}

/// In one write, past the test harness.
pub(crate) fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}
