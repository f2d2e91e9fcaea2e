//! What is done beside the writing.

use super::super::errands::{Done, Errand, Errands};
use super::super::format::{Chain, Seal};
use super::super::io::Name;
use super::disk::{Event, Fault, ModelDisk, Unsynced};
use super::rig::{Random, Rig, SMALL, files, held};
use crate::outbox::Role;

const EIO: i32 = 5;

fn seal() -> Box<Seal> {
    Box::new(Seal { clean: false, records: 1, sequence: 1, salt: 1, end: 4096, next_id: 2, chain: Chain::default() })
}

/// A disk with marks in two tables that are not synced, and somebody to send.
fn disk() -> (ModelDisk, Errands) {
    let disk = ModelDisk::default();
    let files = files(&disk);
    for table in [1, 2] {
        files.create(Name::Table(table)).unwrap().write_at(&[1; 512], 512).unwrap();
    }
    (disk, Errands::start(files).unwrap())
}

#[test]
fn a_segment_is_sealed_once_all_that_its_records_replaced_is_marked_on_disk() {
    let (disk, mut errands) = disk();
    assert!(errands.ask(Errand::Seal { tables: vec![1, 2], seal: seal(), file: 3 }) && errands.is_sealing());
    let done = errands.wait().unwrap();
    assert!(
        matches!(&done, Done::Sealed { file: 3, sealed: true, unsynced, marks_lost: false } if unsynced.is_empty())
    );
    assert!(!errands.is_sealing() && errands.wait().is_none());
    let trace = disk.trace();
    let at = |what: &dyn Fn(&Event) -> bool| trace.iter().position(what).unwrap();
    let synced = |name: &str| at(&|event| matches!(event, Event::Sync(synced) if synced == name));
    let sealed = at(&|event| matches!(event, Event::Write { name, .. } if name == "table-0003"));
    assert!(synced("table-0001") < sealed && synced("table-0002") < sealed && sealed < synced("table-0003"));
}

#[test]
fn after_a_failed_sync_nothing_is_sealed() {
    let (disk, mut errands) = disk();
    disk.fail(Some(Fault { after: 0, times: 1, error: EIO }));
    for file in [3, 4] {
        errands.ask(Errand::Seal { tables: vec![1], seal: seal(), file });
        let done = errands.wait().unwrap();
        assert!(matches!(done, Done::Sealed { sealed: false, marks_lost: true, .. }), "{done:?}");
    }
    assert!(!disk.files().keys().any(|name| name == "table-0003" || name == "table-0004"));
}

#[test]
fn a_segment_that_could_not_be_sealed_has_its_marks_synced_before_the_next_is() {
    let (disk, mut errands) = disk();
    // The first call is the sync of table 1, the second the one that writes the seal into table 2.
    disk.fail(Some(Fault { after: 1, times: 1, error: EIO }));
    errands.ask(Errand::Seal { tables: vec![1], seal: seal(), file: 2 });
    let done = errands.wait().unwrap();
    assert!(
        matches!(&done, Done::Sealed { sealed: false, marks_lost: false, unsynced, .. } if *unsynced == [2]),
        "{done:?}"
    );
    errands.ask(Errand::Seal { tables: Vec::new(), seal: seal(), file: 3 });
    assert!(matches!(errands.wait().unwrap(), Done::Sealed { sealed: true, .. }));
    let synced: Vec<String> = disk
        .trace()
        .into_iter()
        .filter_map(|event| match event {
            Event::Sync(name) => Some(name),
            _ => None,
        })
        .collect();
    assert_eq!(synced, ["table-0001", "table-0002", "table-0003"]);
}

#[test]
fn a_prepared_file_that_was_removed_is_made_anew_with_a_durable_name() {
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    rig.log.sends_errands = true;
    // Two, of which one is kept as a reserve.
    while rig.log.spare.len() < 2 {
        rig.append(1, 200, Role::Event)[0].as_ref().unwrap();
    }
    let prepared = *rig.log.spare.last().unwrap();
    assert!(rig.log.prepared.contains(&prepared));
    // Nothing else that makes a name durable.
    (rig.log.errands, rig.log.sends_errands, rig.log.limits.files) = (None, false, rig.log.highest_file);
    rig.disk.remove(&format!("segment-{prepared:04}"));
    rig.log.files.forget(Name::Segment(prepared));
    while rig.log.active.as_ref().unwrap().file != prepared {
        rig.append(1, 200, Role::Event)[0].as_ref().unwrap();
    }
    let mut unsynced = Unsynced::default();
    rig.disk.trace().iter().for_each(|event| unsynced.apply(event));
    let left = ModelDisk::with(unsynced.crash(&vec![0; unsynced.choices().len()]));
    rig.truth.check(&held(&left).fates).unwrap();
}

#[test]
fn a_file_is_prepared_whole_and_survives_a_power_cut() {
    let (disk, mut errands) = disk();
    // The second piece is shorter.
    let bytes = 1024 * 1024 + 4096;
    assert!(errands.ask(Errand::Prepare { file: 7, bytes }) && errands.is_preparing());
    assert!(matches!(errands.wait(), Some(Done::Prepared { file: 7, result: Ok(()) })));
    let mut unsynced = Unsynced::default();
    disk.trace().iter().for_each(|event| unsynced.apply(event));
    let left = unsynced.crash(&vec![0; unsynced.choices().len()]);
    assert!(left.contains_key("table-0007"));
    let file = &left["segment-0007"];
    assert!(file.len() as u64 == bytes && file.iter().all(|byte| *byte == 0), "{} bytes", file.len());

    disk.fail(Some(Fault { after: 1, times: 1, error: EIO }));
    errands.ask(Errand::Prepare { file: 8, bytes });
    assert!(matches!(errands.wait(), Some(Done::Prepared { file: 8, result: Err(_) })));
}

#[test]
fn a_disk_that_fails_beside_the_writing_loses_nothing_and_is_used_again() {
    let mut random = Random(3);
    for round in 0..300 {
        let mut rig = Rig::on(ModelDisk::default(), SMALL);
        rig.log.sends_errands = true;
        let times = [1, 3, usize::MAX][round % 3];
        rig.disk.fail(Some(Fault { after: random.below(150), times, error: EIO }));
        for _ in 0..30 {
            rig.append(2, 200, Role::Event);
            for claimed in rig.claim(3) {
                // Nothing but memory is asked.
                rig.acknowledge(&claimed).unwrap();
            }
            rig.tidy();
        }
        // As it is at one moment: the other thread may still be at work.
        rig.truth.check(&held(&ModelDisk::with(rig.disk.files())).fates).unwrap();
        rig.disk.fail(None);
        assert!(rig.append(1, 30, Role::Event)[0].is_ok(), "round {round}: not used again");
        rig.log.close().unwrap();
        rig.truth.check(&held(&rig.disk).fates).unwrap();
    }
}
