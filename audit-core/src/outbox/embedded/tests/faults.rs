//! The disk says no: at every call of a script, once, a few times, and for good.

use super::super::log::Limits;
use super::disk::{Fault, ModelDisk, Unsynced};
use super::rig::{Random, Rig, SMALL, held};
use crate::outbox::{OutboxErrorKind, Role};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

fn script(fault: Option<Fault>, steps: usize) -> Rig {
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    rig.disk.fail(fault);
    rig.run(steps, &mut Random(4711));
    rig
}

/// The state after a power cut now, in which everything that was not synced is lost.
fn after_power_cut(rig: &Rig) -> ModelDisk {
    let mut unsynced = Unsynced::default();
    for event in rig.disk.trace() {
        unsynced.apply(&event);
    }
    ModelDisk::with(unsynced.crash(&vec![0; unsynced.choices().len()]))
}

#[test]
fn a_failing_disk_loses_nothing_that_was_acknowledged_and_is_used_again_when_it_works() {
    let calls = script(None, 40).disk.calls();
    assert!(calls > 100, "{calls}");
    for error in [EIO, ENOSPC, EROFS] {
        for times in [1, 3, usize::MAX] {
            for after in 0..calls {
                let mut rig = script(Some(Fault { after, times, error }), 40);
                let what = format!("error {error} at call {after}, {times} times");
                let check =
                    |disk: &ModelDisk| rig.truth.check(&held(disk).fates).map_err(|why| format!("{what}: {why}"));
                check(&rig.disk).unwrap();
                check(&after_power_cut(&rig)).unwrap();
                rig.disk.fail(None);
                assert!(rig.append(1, 30, Role::Event)[0].is_ok(), "{what}: not used again");
                rig.truth.check(&held(&after_power_cut(&rig)).fates).unwrap();
            }
        }
    }
}

#[test]
fn a_file_whose_sync_failed_is_never_written_again() {
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    rig.append(2, 30, Role::Event).into_iter().for_each(|result| assert!(result.is_ok()));
    let first = rig.log.active.as_ref().unwrap().file;
    // The next calls are a write and its sync.
    rig.disk.fail(Some(Fault { after: 1, times: 1, error: EIO }));
    rig.append(1, 30, Role::Event)[0].as_ref().expect("it went into another segment");
    let before = rig.disk.files()[&format!("segment-{first:04}")].clone();
    for claimed in rig.claim(9) {
        rig.acknowledge(&claimed).unwrap();
    }
    for _ in 0..40 {
        rig.append(1, 200, Role::Event)[0].as_ref().unwrap();
        for claimed in rig.claim(9) {
            rig.acknowledge(&claimed).unwrap();
        }
        rig.tidy();
    }
    assert_eq!(rig.disk.files()[&format!("segment-{first:04}")], before);
}

#[test]
fn a_used_up_budget_refuses_new_records_but_not_what_makes_room() {
    let limits = Limits { files: 3, ..SMALL };
    let mut rig = Rig::on(ModelDisk::default(), limits);
    let intent = rig.append(1, 30, Role::Intent).remove(0).unwrap();
    let refused = loop {
        if let Err(error) = rig.append(1, 200, Role::Event).remove(0) {
            break error;
        }
    };
    assert_eq!(refused.kind(), OutboxErrorKind::Full);
    rig.append(1, 200, Role::Settles(intent)).remove(0).expect("it settles");
    let claimed = rig.claim(1).remove(0);
    rig.bury(&claimed, true).expect("it takes the poison out of the way");
    for claimed in rig.claim(99) {
        rig.acknowledge(&claimed).unwrap();
    }
    rig.tidy();
    rig.append(1, 200, Role::Event).remove(0).expect("there is room again");
    rig.truth.check(&held(&rig.disk).fates).unwrap();
}

#[test]
fn a_drained_journal_gives_its_disk_back() {
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    for _ in 0..100 {
        rig.append(3, 100, Role::Event);
    }
    let size = |rig: &Rig| rig.disk.files().values().map(Vec::len).sum::<usize>();
    let full = size(&rig);
    loop {
        let claimed = rig.claim(50);
        if claimed.is_empty() {
            break;
        }
        for claimed in claimed {
            rig.acknowledge(&claimed).unwrap();
        }
    }
    rig.tidy();
    let in_full = rig.disk.files().values().filter(|file| file.len() as u64 == SMALL.segment_bytes).count();
    assert!(in_full <= 3, "{in_full} of {}", rig.log.highest_file);
    assert!(size(&rig) < full * 3 / 4);
}

#[test]
fn a_record_that_stays_does_not_keep_its_segment() {
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    let intent = rig.append(1, 30, Role::Intent).remove(0).unwrap();
    rig.append(1, 30, Role::Event);
    let poison = rig.claim(1).remove(0);
    rig.bury(&poison, false).unwrap();
    rig.append(1, 30, Role::Event);
    let parked = rig.claim(1).remove(0);
    rig.reschedule(&parked, 1_000_000).unwrap();
    for _ in 0..200 {
        rig.append(2, 200, Role::Event).into_iter().for_each(|result| assert!(result.is_ok()));
        for claimed in rig.claim(9) {
            rig.acknowledge(&claimed).unwrap();
        }
        rig.tidy();
    }
    assert!(rig.log.highest_file <= 10, "{} files", rig.log.highest_file);
    assert_eq!(held(&rig.disk).dead, 1);
    rig.append(1, 30, Role::Settles(intent)).remove(0).expect("the intent is known after all its moves");
    let settled = rig.claim(1).remove(0);
    assert_eq!(settled.claim.record, intent);
    rig.acknowledge(&settled).unwrap();
    rig.truth.check(&held(&rig.disk).fates).unwrap();
}
