//! The power of a real file system fails under the application's load.

use crate::disk::Disk;
use crate::kills::tell;
use crate::trial::{End, Outcome, Trial};

/// On each file system, in a few seconds.
const CUTS: usize = 50;
/// After so many what was answered is compared with what is stored.
const CUTS_A_TRIAL: usize = 50;

fn cut_everywhere(file_system: &'static str) {
    let wanted = std::env::var("AUDITED_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    let mut sum = Outcome::default();
    while sum.ends < wanted.unwrap_or(CUTS) {
        let disk = match Disk::new(file_system) {
            Ok(disk) => disk,
            Err(why) => {
                assert!(wanted.is_none(), "AUDITED_POWER_CUTS is set, but this machine cannot cut the power: {why}");
                return tell(&format!("SKIPPED: no power cuts of {file_system} on this machine: {why}"));
            }
        };
        let mut trial = Trial::on(disk, sum.ends as u64);
        for _ in sum.ends..wanted.unwrap_or(CUTS).min(sum.ends + CUTS_A_TRIAL) {
            trial.life(End::PowerCut);
        }
        sum += trial.settle();
        tell(&format!("power cuts of {file_system}: {sum}"));
    }
    assert!(sum.answered > sum.ends, "so few answers prove nothing: {sum:?}");
}

#[test]
fn what_was_answered_survives_a_power_cut_of_ext4() {
    cut_everywhere("ext4");
}

#[test]
fn what_was_answered_survives_a_power_cut_of_xfs() {
    cut_everywhere("xfs");
}
