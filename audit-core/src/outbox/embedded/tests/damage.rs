//! Bits rot, files vanish, other releases come and go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::format::{Page, SegmentHeader, VERSION};
use super::super::log::Limits;
use super::super::recover::{LoadError, load};
use super::disk::ModelDisk;
use super::kill::tell;
use super::rig::{Fate, Rig, SMALL, Truth, files, held};
use crate::outbox::Role;

/// A journal, some of it sealed, some not.
fn journal(limits: Limits, rounds: usize) -> Rig {
    let mut rig = Rig::on(ModelDisk::default(), limits);
    for _ in 0..rounds {
        rig.append(2, 150, Role::Event);
    }
    let intent = rig.append(1, 40, Role::Intent).remove(0).unwrap();
    rig.append(1, 40, Role::Settles(intent)).remove(0).unwrap();
    let claimed = rig.claim(6);
    rig.bury(&claimed[0], true).unwrap();
    rig.reschedule(&claimed[1], 50).unwrap();
    for claimed in &claimed[2..] {
        rig.acknowledge(claimed).unwrap();
    }
    rig.log.write_tables().unwrap();
    rig
}

/// How far from one another the bits are that are flipped; a prime, so that each bit of a byte and each byte of a record is
/// among them. `AUDITED_ALL_FLIPS` flips every bit.
const STRIDE: usize = 61;

/// What is wrong when one bit is flipped, if anything is.
fn flip(disk: &ModelDisk, truth: &Truth, whole: &BTreeMap<u64, Fate>, name: &str, bit: usize) -> Result<(), String> {
    disk.flip(name, bit);
    let found = held(disk);
    disk.flip(name, bit);
    let report = found.report;
    let lost: Vec<&u64> = whole.keys().filter(|id| !found.fates.contains_key(id)).collect();
    let unreadable = found.pending + found.dead - found.fates.len() as u64;
    let told = report.lost + report.torn + found.damaged + unreadable;
    if lost.len() > 1 || !lost.is_empty() && told == 0 {
        return Err(format!("{lost:?} are lost: {report:?}"));
    }
    // What a lost mark or a lost newer version hid may come back, as it was before.
    let invented = |(id, fate): &(&u64, &Fate)| whole.get(id) != Some(fate) && !truth.fates.contains_key(id);
    if let Some((id, fate)) = found.fates.iter().find(invented) {
        return Err(format!("{id} is {fate:?}"));
    }
    if name.starts_with("table") && !lost.is_empty() {
        return Err(format!("a damaged table skips {lost:?}"));
    }
    Ok(())
}

#[test]
fn a_flipped_bit_costs_at_most_its_own_record_and_is_told() {
    // 64 KiB at least.
    let rig = journal(Limits { segment_bytes: 24 * 1024, files: 8, ..SMALL }, 95);
    let whole = held(&rig.disk).fates;
    let all = std::env::var_os("AUDITED_ALL_FLIPS").is_some();
    let bits_of = |(name, file): (String, Vec<u8>)| {
        let bits = (0..file.len() * 8).step_by(if all { 1 } else { STRIDE });
        bits.map(move |bit| (name.clone(), bit)).collect::<Vec<_>>()
    };
    let cases: Vec<(String, usize)> = rig.disk.files().into_iter().flat_map(bits_of).collect();
    let (truth, files, next) = (&rig.truth, &rig.disk.files(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                // A copy of its own, of which one bit at a time is another.
                let disk = ModelDisk::with(files.clone());
                while let Some((name, bit)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    flip(&disk, truth, &whole, name, *bit).unwrap_or_else(|why| panic!("{name}, bit {bit}: {why}"));
                }
            });
        }
    });
    tell(&format!(
        "{} bits of {} flipped, one at a time",
        cases.len(),
        rig.disk.files().values().map(Vec::len).sum::<usize>() * 8
    ));
    assert!(cases.len() > 4_000 && (!all || cases.len() >= 524_288), "{}", cases.len());
}

#[test]
fn a_journal_whose_headers_are_gone_is_not_an_empty_one() {
    let rig = journal(SMALL, 60);
    for (name, bytes) in &rig.disk.files() {
        if !name.starts_with("segment") || bytes.is_empty() {
            continue;
        }
        let mut ruined = rig.disk.files();
        ruined.get_mut(name).unwrap()[..4096].fill(0xff);
        let ruined = ModelDisk::with(ruined);
        assert_eq!(held(&ruined).report.lost_files, 1, "{name}");
        let after = Rig::on(ruined, SMALL);
        assert_eq!(after.disk.files()[name][..4096], [0xff; 4096], "left as it is for whoever looks");

        let mut removed = rig.disk.files();
        removed.remove(name);
        let removed = ModelDisk::with(removed);
        let newest = rig.log.segments.values().max_by_key(|segment| segment.header.sequence).unwrap();
        // The newest segment's own file may be the highest: then its table is all that is left of it.
        if *name != format!("segment-{:04}", newest.file) {
            assert_eq!(held(&removed).report.lost_files, 1, "{name}");
        }
    }
}

#[test]
fn damaged_bytes_are_kept_aside() {
    let rig = journal(SMALL, 60);
    let active = format!("segment-{:04}", rig.log.active.as_ref().unwrap().file);
    rig.disk.flip(&active, (4096 + 60) * 8);
    let after = Rig::on(rig.disk.clone(), SMALL);
    let kept: Vec<String> = after.disk.files().into_keys().filter(|name| name.starts_with("quarantine")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[test]
fn a_later_releases_journal_is_left_alone() {
    let rig = journal(SMALL, 60);
    let header =
        SegmentHeader { in_use: true, files: 1, sequence: 9, salt: 1, next_id: 1, chain: [0; 32], before: (0, 0) };
    let mut page = header.encode();
    for copy in [0, 2048] {
        page[copy + 8..copy + 10].copy_from_slice(&(VERSION + 1).to_le_bytes());
        let crc = crc32c::crc32c(&page[copy..copy + 84]);
        page[copy + 84..copy + 88].copy_from_slice(&crc.to_le_bytes());
    }
    assert_eq!(Page::decode(&page), Page::Newer(VERSION + 1));
    let mut newer = rig.disk.files();
    newer.get_mut("segment-0001").unwrap()[..4096].copy_from_slice(&page);
    assert!(matches!(load(&files(&ModelDisk::with(newer)), 0), Err(LoadError::Newer(2))));
}

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/outbox/embedded/tests/golden-v1")
}

/// Run by hand, once for each version of the format.
#[test]
#[ignore = "writes the golden files"]
fn write_golden_files() {
    let rig = journal(SMALL, 60);
    std::fs::create_dir_all(golden()).unwrap();
    for (name, bytes) in rig.disk.files() {
        std::fs::write(golden().join(name), bytes).unwrap();
    }
}

#[test]
fn version_1_is_read_for_ever() {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(golden()).unwrap() {
        let entry = entry.unwrap();
        files.insert(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
    }
    let disk = ModelDisk::with(files);
    let found = held(&disk);
    // 121 records and a replacement; 4 acknowledged, 1 buried.
    assert_eq!((found.pending, found.dead), (117, 1));
    let mut rig = Rig::on(disk, SMALL);
    rig.now += 1_000;
    let claimed = rig.claim(200);
    assert_eq!(claimed.len(), 117);
    assert_eq!(claimed[0].history.attempts, 1, "what was tried remembers");
    assert!(found.fates.values().any(|fate| *fate == Fate::Dead(claimed_payload(1))));
}

fn claimed_payload(id: u64) -> bytes::Bytes {
    super::rig::payload(id, "record", 150)
}
