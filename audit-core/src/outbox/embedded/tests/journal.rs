//! The journal as its users see it, on the real disk.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::outbox::{
    BurialReason, ClaimRequest, Claimed, Damage, Durability, History, Journal, JournalReader, JournalSettings, Lane,
    NewRecord, Outbox, OutboxErrorKind, RecordId, Recovery, Retry, Role, Timestamp,
};

/// A directory that goes when the test is over.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("audited-journal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn open(&self) -> (Journal, Recovery) {
        Journal::open(&self.0, JournalSettings::default()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn event(text: &str) -> NewRecord {
    NewRecord {
        payload: text.as_bytes().to_vec(),
        lane: Lane(7),
        durability: Durability::Durable,
        role: Role::Event,
        accepted_at: Timestamp::now(),
    }
}

fn in_lane(text: &str, lane: u64) -> NewRecord {
    NewRecord { lane: Lane(lane), ..event(text) }
}

pub(super) fn append(journal: &Journal, record: NewRecord) -> RecordId {
    journal.append(record).wait(PATIENCE).unwrap()
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn claim_at(journal: &Journal, max: usize, now: Timestamp, waiting: &[u64]) -> Vec<Claimed> {
    let waiting_lanes: HashSet<Lane> = waiting.iter().copied().map(Lane).collect();
    let lease = Duration::from_secs(30);
    block_on(journal.claim(ClaimRequest { max, lease, now, waiting_lanes: &waiting_lanes })).unwrap()
}

pub(super) fn claim(journal: &Journal, max: usize) -> Vec<Claimed> {
    claim_at(journal, max, Timestamp::now(), &[])
}

fn texts(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|claimed| std::str::from_utf8(&claimed.payload).unwrap()).collect()
}

fn refused() -> BurialReason {
    BurialReason { status: Some(422), message: "metadata.amount must be a number".into(), at: Timestamp(99) }
}

#[test]
fn what_was_appended_is_lent_in_order_and_leaves_when_acknowledged() {
    let scratch = Scratch::new("order");
    let (journal, recovery) = scratch.open();
    assert_eq!(recovery, Recovery::default());
    for text in ["a", "b", "c"] {
        append(&journal, event(text));
    }
    let claimed = claim(&journal, 2);
    assert_eq!(texts(&claimed), ["a", "b"]);
    assert_eq!(texts(&claim(&journal, 9)), ["c"], "what is lent is not lent again");
    block_on(journal.acknowledge(claimed[0].claim)).unwrap();
    let again = block_on(journal.acknowledge(claimed[0].claim)).unwrap_err();
    assert_eq!(again.kind(), OutboxErrorKind::Fenced);
    assert_eq!(block_on(journal.inspect()).unwrap().pending, 2);
    journal.close(PATIENCE).unwrap();
    assert_eq!(journal.append(event("d")).wait(PATIENCE).unwrap_err().kind(), OutboxErrorKind::Closed);

    let (journal, recovery) = scratch.open();
    assert_eq!(recovery, Recovery { pending: 2, ..Recovery::default() });
    let after = claim(&journal, 9);
    assert_eq!(texts(&after), ["b", "c"]);
    assert_eq!(after[0].key, claimed[1].key, "the same key for the record's whole life");
}

#[test]
fn what_was_taken_before_a_close_is_on_disk_after_it() {
    let scratch = Scratch::new("taken");
    let (journal, _) = scratch.open();
    for number in 0..50 {
        let record = NewRecord { durability: Durability::Relaxed, ..event(&number.to_string()) };
        assert!(journal.append(record).now_or_never().unwrap().is_ok());
    }
    journal.close(PATIENCE).unwrap();
    let (_, recovery) = scratch.open();
    assert_eq!(recovery, Recovery { pending: 50, ..Recovery::default() });
}

#[test]
fn a_relaxed_record_is_on_disk_soon() {
    let scratch = Scratch::new("relaxed");
    let (journal, _) = scratch.open();
    let mut appending = journal.append(NewRecord { durability: Durability::Relaxed, ..event("relaxed") });
    assert!(appending.now_or_never().unwrap().is_ok(), "nobody waits for it");
    let from = Instant::now();
    let reader = JournalReader::open(scratch.path()).unwrap();
    while reader.pending(None, 9).unwrap().is_empty() {
        assert!(from.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_lease_that_ran_out_passes_the_record_on() {
    let scratch = Scratch::new("lease");
    let (journal, _) = scratch.open();
    append(&journal, event("a"));
    append(&journal, event("b"));
    let now = Timestamp::now();
    let first = claim_at(&journal, 2, now, &[]);
    let later = now.after(Duration::from_secs(31));
    let second = claim_at(&journal, 1, later, &[]);
    assert_eq!(texts(&second), ["a"]);
    assert_eq!(block_on(journal.acknowledge(first[0].claim)).unwrap_err().kind(), OutboxErrorKind::Fenced);
    block_on(journal.acknowledge(first[1].claim)).expect("nobody else has it");
    block_on(journal.acknowledge(second[0].claim)).unwrap();
    assert_eq!(block_on(journal.inspect()).unwrap().pending, 0);
}

#[test]
fn a_rescheduled_record_waits_and_remembers_across_a_restart() {
    let scratch = Scratch::new("reschedule");
    let (journal, _) = scratch.open();
    append(&journal, event("a"));
    append(&journal, event("b"));
    let now = Timestamp::now();
    let claimed = claim_at(&journal, 1, now, &[]);
    let due = now.after(Duration::from_secs(60));
    let history = History { attempts: 3, first_ambiguous: Some(Timestamp(1_234_567)), rekeyed: false };
    block_on(journal.reschedule(claimed[0].claim, Retry { due, history })).unwrap();
    assert_eq!(texts(&claim_at(&journal, 9, now, &[])), ["b"], "nothing waits behind it");
    assert_eq!(block_on(journal.inspect()).unwrap().next_due, Some(due));
    drop(journal);

    let (journal, _) = scratch.open();
    assert_eq!(texts(&claim_at(&journal, 9, now, &[])), ["b"]);
    let again = claim_at(&journal, 1, due, &[]);
    assert_eq!((texts(&again), again[0].history), (vec!["a"], history));
}

#[test]
fn a_waiting_lane_holds_up_only_itself() {
    let scratch = Scratch::new("lanes");
    let (journal, _) = scratch.open();
    // 1 and 234 share a queue.
    for (text, lane) in [("a1", 1), ("b1", 234), ("a2", 1), ("c1", 3), ("b2", 234)] {
        append(&journal, in_lane(text, lane));
    }
    let now = Timestamp::now();
    assert_eq!(texts(&claim_at(&journal, 9, now, &[1])), ["b1", "c1", "b2"]);
    assert_eq!(texts(&claim_at(&journal, 9, now, &[])), ["a1", "a2"]);
}

#[test]
fn an_intent_is_lent_only_settled_or_after_its_process() {
    let scratch = Scratch::new("intent");
    let (journal, _) = scratch.open();
    let intent = |text| NewRecord { role: Role::Intent, ..event(text) };
    let settled = append(&journal, intent("paying"));
    append(&journal, intent("left open"));
    assert!(claim(&journal, 9).is_empty());
    let same = append(&journal, NewRecord { role: Role::Settles(settled), ..event("paid") });
    assert_eq!(same, settled);
    let twice = journal.append(NewRecord { role: Role::Settles(settled), ..event("paid") }).wait(PATIENCE);
    assert_eq!(twice.unwrap_err().kind(), OutboxErrorKind::Fenced);
    assert_eq!(texts(&claim(&journal, 9)), ["paid"]);
    drop(journal);
    let (journal, recovery) = scratch.open();
    assert_eq!(recovery.open_intents, 1);
    assert_eq!(texts(&claim(&journal, 9)), ["paid", "left open"]);
}

#[test]
fn a_buried_record_is_replaced_in_one_step_and_kept_for_good() {
    let scratch = Scratch::new("bury");
    let (journal, _) = scratch.open();
    let id = append(&journal, event("poison"));
    let claimed = claim(&journal, 1);
    block_on(journal.bury(claimed[0].claim, refused(), Some(event("minimal")))).unwrap();
    let check = |journal: &Journal| {
        let letters = block_on(journal.dead_letters(None, 9)).unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].record, &letters[0].reason), (id, &refused()));
        assert_eq!((&*letters[0].payload, letters[0].key), (&b"poison"[..], claimed[0].key));
        assert!(block_on(journal.dead_letters(Some(id), 9)).unwrap().is_empty());
        let contents = block_on(journal.inspect()).unwrap();
        assert_eq!((contents.pending, contents.dead), (1, 1));
    };
    check(&journal);
    drop(journal);
    let (journal, _) = scratch.open();
    check(&journal);
    let minimal = claim(&journal, 9);
    assert_eq!(texts(&minimal), ["minimal"]);
    assert_ne!(minimal[0].key, claimed[0].key);
    assert_eq!(JournalReader::open(scratch.path()).unwrap().dead_letters(None, 9).unwrap().len(), 1);
}

#[test]
fn a_second_process_gets_its_own_share_and_orphans_are_adopted() {
    let scratch = Scratch::new("two");
    let (first, _) = scratch.open();
    let (second, _) = scratch.open();
    let a = append(&first, event("first"));
    let b = append(&second, event("second"));
    assert_ne!(a, b);
    assert_eq!(texts(&claim(&first, 9)), ["first"], "the second is alive");
    drop(first);
    let (third, recovery) = scratch.open();
    assert_eq!(recovery.pending, 1, "the first one's share is taken again");
    drop(second);
    let claimed = claim(&third, 9);
    assert_eq!(texts(&claimed), ["second", "first"]);
    for claimed in claimed {
        block_on(third.acknowledge(claimed.claim)).unwrap();
    }
    assert_eq!(block_on(third.inspect()).unwrap().pending, 0);
}

#[test]
fn a_removed_directory_is_noticed_and_made_again() {
    let scratch = Scratch::new("removed");
    let (journal, _) = scratch.open();
    append(&journal, event("gone with its directory"));
    fs::remove_dir_all(scratch.path()).unwrap();
    let from = Instant::now();
    // The journal looks now and then, at the latest 50 ms after something happened.
    while journal.health().failed_segments == 0 {
        assert!(from.elapsed() < PATIENCE);
        append(&journal, event("may be lost"));
        std::thread::sleep(Duration::from_millis(20));
    }
    append(&journal, event("kept"));
    let pending = JournalReader::open(scratch.path()).unwrap().pending(None, 99).unwrap();
    assert_eq!(pending.last().map(|last| &last.payload[..]), Some(&b"kept"[..]));
}

/// Each of two takes what it is given, and all that was taken is there when both are closed.
fn both_take(dir: &Path, journals: [&Journal; 2]) -> [usize; 2] {
    let mut taken = [0, 0];
    for number in 0..100 {
        for (who, journal) in journals.iter().enumerate() {
            let text = format!("{who} {number} {}", ".".repeat(500));
            taken[who] += usize::from(journal.append(event(&text)).wait(PATIENCE).is_ok());
        }
    }
    journals.iter().for_each(|journal| journal.close(PATIENCE).unwrap());
    let held = JournalReader::open(dir).unwrap().pending(None, usize::MAX).unwrap();
    let of = |who: &str| held.iter().filter(|record| record.payload.starts_with(who.as_bytes())).count();
    assert_eq!([of("0 "), of("1 ")], taken, "what was taken is there");
    taken
}

#[test]
fn a_directory_that_was_made_again_has_one_owner() {
    let scratch = Scratch::new("made-again");
    let (first, _) = scratch.open();
    append(&first, event("gone with its directory"));
    fs::remove_dir_all(scratch.path()).unwrap();
    let from = Instant::now();
    while !scratch.path().exists() {
        assert!(from.elapsed() < PATIENCE);
        append(&first, event("may be lost"));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (second, _) = scratch.open();
    assert_eq!(both_take(scratch.path(), [&first, &second]), [100, 100]);
}

#[test]
fn a_directory_that_another_process_made_again_is_that_ones() {
    let scratch = Scratch::new("made-by-another");
    let (first, _) = scratch.open();
    append(&first, event("gone with its directory"));
    fs::remove_dir_all(scratch.path()).unwrap();
    let (second, _) = scratch.open();
    let from = Instant::now();
    let error = loop {
        if let Err(error) = first.append(event("may be lost")).wait(PATIENCE) {
            break error;
        }
        assert!(from.elapsed() < PATIENCE, "it goes on in another's directory");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(error.to_string().contains("is another's now; stop this one and start it again"), "{error}");
    while !first.health().failing {
        std::thread::yield_now();
    }
    assert_eq!(both_take(scratch.path(), [&first, &second]), [0, 100]);
}

#[test]
fn only_the_owner_may_look() {
    let scratch = Scratch::new("modes");
    let (journal, _) = scratch.open();
    append(&journal, event("secret"));
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(scratch.path()), 0o700);
    for entry in fs::read_dir(scratch.path().join("journal-0")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    drop(journal);
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Journal::open(scratch.path(), JournalSettings::default()).unwrap_err();
    assert!(error.to_string().contains("may be written by others"), "{error}");
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let scratch = Scratch::new("links");
    let elsewhere = Scratch::new("elsewhere");
    let share = scratch.path().join("journal-0");
    fs::create_dir_all(&share).unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&share, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(elsewhere.path(), share.join("lock")).unwrap();
    assert!(Journal::open(scratch.path(), JournalSettings::default()).is_err());
    assert!(!elsewhere.path().exists());
}

#[test]
fn verify_finds_what_was_changed_removed_swapped_or_cut_off() {
    let scratch = Scratch::new("verify");
    let (journal, _) = scratch.open();
    for number in 0..9 {
        append(&journal, event(&format!("event number {number}")));
    }
    let verify = || JournalReader::open(scratch.path()).unwrap().verify().unwrap();
    // While the application runs.
    assert_eq!((verify().records, verify().findings), (9, vec![]));
    drop(journal);
    assert_eq!((verify().records, verify().findings), (9, vec![]));

    let segment = scratch.path().join("journal-0/segment-0001");
    let whole = fs::read(&segment).unwrap();
    let size = 96 + 16;
    let at = |number: usize| 4096 + number * size..4096 + (number + 1) * size;
    let finds = |bytes: Vec<u8>, damage: Damage, what: &str| {
        fs::write(&segment, bytes).unwrap();
        let findings = verify().findings;
        assert!(findings.iter().any(|finding| finding.damage == damage), "{what}: {findings:?}");
    };
    let mut changed = whole.clone();
    changed[at(3).start + 100] ^= 1;
    finds(changed, Damage::Unreadable, "changed");
    let mut removed = whole.clone();
    removed.drain(at(4));
    finds(removed, Damage::Unchained, "removed");
    let mut swapped = whole.clone();
    let third = swapped[at(3)].to_vec();
    swapped.copy_within(at(5), at(3).start);
    swapped[at(5)].copy_from_slice(&third);
    finds(swapped, Damage::Unchained, "swapped");
    finds(whole[..at(7).start].to_vec(), Damage::Missing, "cut off");
    fs::write(&segment, &whole).unwrap();
    assert_eq!(verify().findings, []);
    fs::remove_file(&segment).unwrap();
    assert!(verify().findings.iter().any(|finding| finding.damage == Damage::NoSegment));
}

#[test]
fn a_dead_letter_is_sent_again_by_whoever_opens_the_journal_and_stays_so() {
    let scratch = Scratch::new("redrive");
    let (running, _) = scratch.open();
    append(&running, event("a"));
    let first = claim(&running, 1).remove(0);
    block_on(running.bury(first.claim, refused(), None)).unwrap();

    let (beside, _) = scratch.open();
    let error = block_on(beside.redrive(first.claim.record)).unwrap_err();
    assert_eq!(error.kind(), OutboxErrorKind::Missing, "{error}");
    assert!(error.to_string().contains("journal-0, which another process holds"), "{error}");
    drop((running, beside));

    let (tool, recovery) = scratch.open();
    assert_eq!((recovery.pending, recovery.dead), (0, 1));
    block_on(tool.redrive(first.claim.record)).unwrap();
    tool.close(PATIENCE).unwrap();
    drop(tool);

    let (next, recovery) = scratch.open();
    assert_eq!((recovery.pending, recovery.dead), (1, 0));
    let again = claim(&next, 9);
    assert_eq!(texts(&again), ["a"]);
    assert_ne!(again[0].key, first.key);
    block_on(next.acknowledge(again[0].claim)).unwrap();
}

#[test]
fn a_new_key_outlives_the_process() {
    let scratch = Scratch::new("rekey");
    let (first, _) = scratch.open();
    append(&first, event("a"));
    let claimed = claim(&first, 1).remove(0);
    let history = History { attempts: 9, first_ambiguous: None, rekeyed: true };
    block_on(first.rekey(claimed.claim, Retry { due: Timestamp::now(), history })).unwrap();
    let rekeyed = claim(&first, 1).remove(0);
    drop(first);

    let (second, recovery) = scratch.open();
    assert_eq!(recovery.pending, 1, "the version under the old key is gone");
    let again = claim(&second, 9);
    assert_eq!((again.len(), again[0].key, again[0].history), (1, rekeyed.key, history));
    assert_ne!(again[0].key, claimed.key);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_keeps_little_is_named() {
    let path = Path::new("/dev/shm").join(format!("audited-journal-{}", std::process::id()));
    let (journal, _) = Journal::open(&path, JournalSettings::default()).unwrap();
    let found = journal.unreliable_filesystem();
    drop(journal);
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(found, Some("tmpfs"));
}

/// What lies on the disk while a process runs is what a kill leaves.
fn killed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            killed(&path, &to);
            fs::set_permissions(&to, fs::Permissions::from_mode(0o700)).unwrap();
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn an_unclean_stop_is_told_to_the_next_start_whoever_was_there_in_between() {
    let (scratch, after) = (Scratch::new("visited"), Scratch::new("visited-after"));
    let (first, second) = (scratch.open().0, scratch.open().0);
    append(&first, event("first"));
    append(&second, event("second"));
    killed(scratch.path(), after.path());
    fs::set_permissions(after.path(), fs::Permissions::from_mode(0o700)).unwrap();

    // A tool, which takes both; then a process that adopts what the second left, and delivers it.
    let settings = JournalSettings { visiting: true, ..JournalSettings::default() };
    let (tool, seen) = Journal::open(after.path(), settings).unwrap();
    assert!(seen.unclean);
    assert_eq!(texts(&claim(&tool, 9)), ["second", "first"]);
    tool.close(PATIENCE).unwrap();
    drop(tool);
    let (heir, recovery) = after.open();
    assert!(recovery.unclean, "the tool's was no start");
    for claimed in claim(&heir, 9) {
        block_on(heir.acknowledge(claimed.claim)).unwrap();
    }
    heir.close(PATIENCE).unwrap();
    drop(heir);

    let (again, recovery) = after.open();
    assert_eq!(recovery, Recovery::default(), "it was told, and that process stopped in order");
    let (other, recovery) = after.open();
    assert_eq!(recovery, Recovery { unclean: true, ..Recovery::default() }, "nobody was told of the second one's end");
    other.close(PATIENCE).unwrap();
    drop((again, other));
    let (_again, _) = after.open();
    assert!(!after.open().1.unclean);
}
