//! What every [`Outbox`] has to do: the one suite that all implementations pass.
//!
//! [`check`] panics with the story of the check that failed, as a test does; it is not for production.

#![allow(clippy::expect_used, reason = "a test harness fails by panicking")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BurialReason, ClaimId, ClaimRequest, Claimed, Contents, Durability, History, Lane, MAX_WAIT, NewRecord, Outbox,
    OutboxErrorKind, RecordId, Retry, Role, Timestamp,
};

/// The moment at which the checks begin.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// How long the checks are lent a record.
pub const LEASE: Duration = Duration::from_secs(30);

const MISSING: OutboxErrorKind = OutboxErrorKind::Missing;

/// Runs every check, each on an outbox of its own.
///
/// # Panics
/// When a check fails.
pub async fn check(make: impl Fn() -> Arc<dyn Outbox>) {
    lends_in_order_and_only_once(&*make()).await;
    keeps_every_byte(&*make()).await;
    skips_lanes_that_wait(&*make()).await;
    forgets_what_was_acknowledged(&*make()).await;
    lends_again_after_the_lease_and_fences(&*make()).await;
    keeps_the_key_and_the_history(&*make()).await;
    waits_until_due(&*make()).await;
    is_not_held_up_by_a_clock_that_was_set_back(&*make()).await;
    buries_and_replaces_in_one_step(&*make()).await;
    pages_through_dead_letters(&*make()).await;
    sends_dead_letters_again_under_a_new_key(&*make()).await;
    gives_a_record_a_new_key(&*make()).await;
    keeps_intents_to_itself(&*make()).await;
    gives_every_record_a_key_of_its_own(&*make()).await;
    counts_what_is_relaxed_once_it_is_flushed(&*make()).await;
    wakes_a_delivery(&*make()).await;
    balances(&*make()).await;
    serves_many_at_once(make()).await;
}

/// A record to append.
#[must_use]
pub fn event(lane: u64, payload: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord {
        payload: payload.into(),
        lane: Lane(lane),
        durability: Durability::Durable,
        role: Role::Event,
        accepted_at: NOW,
    }
}

/// Claims at `now`, from every lane.
///
/// # Panics
/// When the outbox fails.
pub async fn claim(outbox: &dyn Outbox, max: usize, now: Timestamp) -> Vec<Claimed> {
    claim_except(outbox, max, now, &HashSet::new()).await
}

async fn claim_except(outbox: &dyn Outbox, max: usize, now: Timestamp, lanes: &HashSet<Lane>) -> Vec<Claimed> {
    let request = ClaimRequest { max, lease: LEASE, now, waiting_lanes: lanes };
    outbox.claim(request).await.expect("a claim works")
}

async fn append(outbox: &dyn Outbox, lane: u64, payload: impl Into<Vec<u8>>) -> RecordId {
    outbox.append(event(lane, payload)).await.expect("an append works")
}

async fn append_as(outbox: &dyn Outbox, role: Role, payload: &'static str) -> RecordId {
    outbox.append(NewRecord { role, ..event(1, payload) }).await.expect("an append works")
}

async fn claim_one(outbox: &dyn Outbox, now: Timestamp) -> Claimed {
    let mut claimed = claim(outbox, 1, now).await;
    claimed.pop().expect("a record is due")
}

async fn contents(outbox: &dyn Outbox) -> Contents {
    outbox.inspect().await.expect("an inspection works")
}

fn payloads(claimed: &[Claimed]) -> Vec<&[u8]> {
    claimed.iter().map(|claimed| &*claimed.payload).collect()
}

fn reason(message: &str) -> BurialReason {
    BurialReason { status: Some(422), message: message.to_owned(), at: NOW }
}

async fn assert_fenced(outbox: &dyn Outbox, claim: ClaimId) {
    let retry = Retry { due: NOW, history: History::default() };
    let results = [
        outbox.acknowledge(claim).await,
        outbox.reschedule(claim, retry).await,
        outbox.rekey(claim, retry).await,
        outbox.bury(claim, reason("late"), Some(event(1, "late"))).await,
    ];
    for result in results {
        let error = result.expect_err("a claim that passed to another, or was settled, cannot be settled");
        assert_eq!(error.kind(), OutboxErrorKind::Fenced, "{error}");
    }
}

async fn lends_in_order_and_only_once(outbox: &dyn Outbox) {
    for payload in ["a", "b", "c", "d"] {
        append(outbox, 1, payload).await;
    }
    assert_eq!(payloads(&claim(outbox, 3, NOW).await), [b"a", b"b", b"c"], "oldest first, at most what was asked for");
    assert_eq!(payloads(&claim(outbox, 3, NOW).await), [b"d"], "what is lent is not lent again");
    assert!(claim(outbox, 3, NOW).await.is_empty());
}

async fn keeps_every_byte(outbox: &dyn Outbox) {
    let payload: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    append(outbox, 1, payload.clone()).await;
    append(outbox, 1, "").await;
    let claimed = claim(outbox, 2, NOW).await;
    assert_eq!(claimed[0].payload, payload);
    assert_eq!(claimed[1].payload, "");
    assert_eq!((claimed[0].lane, claimed[0].accepted_at), (Lane(1), NOW));
}

async fn skips_lanes_that_wait(outbox: &dyn Outbox) {
    for (lane, payload) in [(1, "a1"), (1, "a2"), (2, "b1"), (3, "c1"), (2, "b2")] {
        append(outbox, lane, payload).await;
    }
    let waiting = HashSet::from([Lane(1), Lane(3)]);
    assert_eq!(payloads(&claim_except(outbox, 9, NOW, &waiting).await), [b"b1", b"b2"]);
    assert_eq!(payloads(&claim(outbox, 9, NOW).await), [b"a1", b"a2", b"c1"], "a lane that waited lost nothing");
}

async fn forgets_what_was_acknowledged(outbox: &dyn Outbox) {
    append(outbox, 1, "a").await;
    let claimed = claim_one(outbox, NOW).await;
    assert_eq!(contents(outbox).await.pending, 1, "what is lent is still pending");
    outbox.acknowledge(claimed.claim).await.expect("the claim holds");
    assert_eq!(contents(outbox).await, Contents::default());
    assert!(claim(outbox, 1, NOW.after(2 * LEASE)).await.is_empty(), "not even after the lease");
    assert_fenced(outbox, claimed.claim).await;
}

async fn lends_again_after_the_lease_and_fences(outbox: &dyn Outbox) {
    append(outbox, 1, "a").await;
    let first = claim_one(outbox, NOW).await;
    assert!(claim(outbox, 1, NOW.after(LEASE - Duration::from_millis(1))).await.is_empty(), "the lease still runs");
    let second = claim_one(outbox, NOW.after(LEASE)).await;
    assert_eq!((second.key, &second.payload), (first.key, &first.payload), "same key and bytes when lent again");
    assert_eq!(second.claim.record, first.claim.record);
    assert!(second.claim.fence > first.claim.fence, "fencing numbers grow");
    assert_fenced(outbox, first.claim).await;
    outbox.acknowledge(second.claim).await.expect("the second claim holds");
    assert_eq!(contents(outbox).await, Contents::default());
}

async fn keeps_the_key_and_the_history(outbox: &dyn Outbox) {
    append(outbox, 1, "a").await;
    let first = claim_one(outbox, NOW).await;
    assert_eq!(first.history, History::default());
    let mut claimed = first.clone();
    for attempts in 1..=5 {
        let history = History { attempts, first_ambiguous: Some(NOW), rekeyed: false };
        let due = NOW.after(Duration::from_secs(attempts.into()));
        outbox.reschedule(claimed.claim, Retry { due, history }).await.expect("the claim holds");
        assert_fenced(outbox, claimed.claim).await;

        let fence = claimed.claim.fence;
        claimed = claim_one(outbox, due).await;
        assert_eq!(claimed.history, history, "what an attempt left behind is still there at the next");
        assert_eq!((claimed.key, &claimed.payload), (first.key, &first.payload), "same key and bytes every time");
        assert!(claimed.claim.fence > fence, "fencing numbers grow");
    }
}

async fn waits_until_due(outbox: &dyn Outbox) {
    let due = NOW.after(LEASE / 2);
    append(outbox, 1, "a").await;
    append(outbox, 1, "b").await;
    let first = claim_one(outbox, NOW).await;
    outbox.reschedule(first.claim, Retry { due, history: History::default() }).await.expect("the claim holds");
    assert!(contents(outbox).await.next_due.is_some_and(|next| next <= NOW), "b is due");
    let second = claim_one(outbox, NOW).await;
    assert_eq!(second.payload, "b", "what is not due holds nothing up");
    assert_eq!(contents(outbox).await.next_due, Some(due), "lent records have no due time");
    assert!(claim(outbox, 1, Timestamp(due.0 - 1)).await.is_empty());
    assert_eq!(claim_one(outbox, due).await.payload, "a");
    assert_eq!(contents(outbox).await.next_due, None);
}

async fn is_not_held_up_by_a_clock_that_was_set_back(outbox: &dyn Outbox) {
    append(outbox, 1, "a").await;
    let claimed = claim_one(outbox, NOW).await;
    let next_year = NOW.after(365 * 24 * MAX_WAIT);
    let retry = Retry { due: next_year, history: History::default() };
    outbox.reschedule(claimed.claim, retry).await.expect("the claim holds");
    assert_eq!(claim_one(outbox, NOW).await.payload, "a");
}

async fn buries_and_replaces_in_one_step(outbox: &dyn Outbox) {
    append(outbox, 1, "poison").await;
    append(outbox, 1, "hopeless").await;
    let poison = claim_one(outbox, NOW).await;
    let hopeless = claim_one(outbox, NOW).await;
    let minimal = NewRecord { lane: poison.lane, ..event(0, "minimal") };
    outbox.bury(poison.claim, reason("/targets: wrong"), Some(minimal)).await.expect("the claim holds");
    outbox.bury(hopeless.claim, reason("no such organization"), None).await.expect("the claim holds");
    assert_fenced(outbox, poison.claim).await;

    let now = contents(outbox).await;
    assert_eq!((now.pending, now.dead), (1, 2));
    let minimal = claim_one(outbox, NOW).await;
    assert_eq!((&*minimal.payload, minimal.lane), (&b"minimal"[..], poison.lane));
    assert_ne!(minimal.key, poison.key, "a replacement is another event to the sink");

    let letters = outbox.dead_letters(None, 9).await.expect("dead letters can be read");
    assert_eq!(letters.len(), 2);
    let letter = &letters[0];
    assert_eq!((letter.record, letter.key, &letter.payload), (poison.claim.record, poison.key, &poison.payload));
    assert_eq!((letter.accepted_at, &letter.reason), (NOW, &reason("/targets: wrong")));
}

async fn pages_through_dead_letters(outbox: &dyn Outbox) {
    for payload in ["a", "b", "c", "d", "e"] {
        append(outbox, 1, payload).await;
    }
    for claimed in claim(outbox, 5, NOW).await {
        outbox.bury(claimed.claim, reason("no"), None).await.expect("the claim holds");
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = outbox.dead_letters(after, 2).await.expect("dead letters can be read");
        assert!(page.len() <= 2);
        assert!(seen.len() <= 5, "pages do not overlap");
        let Some(last) = page.last() else { break };
        after = Some(last.record);
        seen.extend(page.into_iter().map(|letter| letter.payload));
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

async fn sends_dead_letters_again_under_a_new_key(outbox: &dyn Outbox) {
    append(outbox, 3, "a").await;
    append(outbox, 3, "b").await;
    let first = claim_one(outbox, NOW).await;
    let history = History { attempts: 4, first_ambiguous: Some(NOW), rekeyed: true };
    outbox.reschedule(first.claim, Retry { due: NOW, history }).await.expect("the claim holds");
    let first = claim_one(outbox, NOW).await;
    assert_eq!(outbox.redrive(first.claim.record).await.expect_err("it is no dead letter").kind(), MISSING);
    outbox.bury(first.claim, reason("no such organization"), Some(event(3, "minimal"))).await.expect("the claim holds");

    outbox.redrive(first.claim.record).await.expect("it is a dead letter");
    let again = outbox.redrive(first.claim.record).await;
    assert_eq!(again.expect_err("it is one no more").kind(), MISSING);
    assert!(outbox.dead_letters(None, 9).await.expect("dead letters can be read").is_empty());
    let now = contents(outbox).await;
    assert_eq!((now.pending, now.dead), (3, 0), "{now:?}");
    assert!(now.next_due.is_some_and(|due| due <= NOW), "it is due at once");
    assert_fenced(outbox, first.claim).await;

    let second = claim_one(outbox, NOW).await;
    assert_eq!(second.claim.record, first.claim.record, "the oldest comes first, and keeps its name");
    assert_eq!((&second.payload, second.lane, second.accepted_at), (&first.payload, first.lane, first.accepted_at));
    assert_ne!(second.key, first.key, "the sink may remember what it answered to the old key");
    assert_eq!(second.history, History::default());
    assert_fenced(outbox, first.claim).await;
    outbox.bury(second.claim, reason("still none"), None).await.expect("the claim holds");
    let letters = outbox.dead_letters(None, 9).await.expect("dead letters can be read");
    assert_eq!((letters.len(), letters[0].key, &letters[0].reason), (1, second.key, &reason("still none")));
    assert_eq!(outbox.redrive(RecordId(0x7fff_ffff)).await.expect_err("there is none").kind(), MISSING);
}

async fn gives_a_record_a_new_key(outbox: &dyn Outbox) {
    append(outbox, 1, "a").await;
    append(outbox, 1, "b").await;
    let first = claim_one(outbox, NOW).await;
    let history = History { attempts: 9, first_ambiguous: None, rekeyed: true };
    let due = NOW.after(LEASE / 2);
    outbox.rekey(first.claim, Retry { due, history }).await.expect("the claim holds");
    assert_fenced(outbox, first.claim).await;
    assert_eq!(contents(outbox).await.pending, 2);

    assert_eq!(payloads(&claim(outbox, 9, Timestamp(due.0 - 1)).await), [b"b"], "it is not due yet");
    let second = claim_one(outbox, due).await;
    assert_eq!((second.claim.record, &second.payload), (first.claim.record, &first.payload));
    assert_ne!(second.key, first.key);
    assert_eq!(second.history, history, "that it has a new key is not forgotten");
    outbox.reschedule(second.claim, Retry { due, history }).await.expect("the claim holds");
    assert_eq!(claim_one(outbox, due).await.key, second.key, "and keeps it");
}

async fn keeps_intents_to_itself(outbox: &dyn Outbox) {
    let intent = append_as(outbox, Role::Intent, "about to").await;
    assert_eq!(contents(outbox).await.pending, 1, "an open intent is pending");
    assert_eq!(contents(outbox).await.next_due, None, "and never due");
    assert_eq!(contents(outbox).await.oldest, None, "nor does delivery stall with it");
    assert!(claim(outbox, 9, NOW.after(MAX_WAIT * 24 * 30)).await.is_empty(), "however long its deed takes");

    append_as(outbox, Role::Settles(intent), "done").await;
    assert_eq!(contents(outbox).await.pending, 1, "the outcome takes the intent's place");
    assert_eq!(contents(outbox).await.oldest, Some(NOW));
    let again = outbox.append(NewRecord { role: Role::Settles(intent), ..event(1, "twice") }).await;
    assert_eq!(again.expect_err("an intent is settled once").kind(), OutboxErrorKind::Fenced);

    let claimed = claim(outbox, 9, NOW).await;
    assert_eq!(payloads(&claimed), [b"done"]);
    outbox.acknowledge(claimed[0].claim).await.expect("the claim holds");
    assert_eq!(contents(outbox).await, Contents::default());
}

async fn gives_every_record_a_key_of_its_own(outbox: &dyn Outbox) {
    for _ in 0..200 {
        append(outbox, 1, "same").await;
    }
    let mut keys = HashSet::new();
    for max in [1, 7, 64, 200] {
        for claimed in claim(outbox, max, NOW).await {
            let text = claimed.key.to_string();
            assert_eq!((text.len(), &text[14..15]), (36, "4"), "a version 4 UUID");
            assert!("89ab".contains(&text[19..20]), "of the usual variant: {text}");
            keys.insert(claimed.key);
        }
    }
    assert_eq!(keys.len(), 200);
}

async fn counts_what_is_relaxed_once_it_is_flushed(outbox: &dyn Outbox) {
    for number in 0..100_u64 {
        let relaxed = NewRecord { durability: Durability::Relaxed, ..event(1, "relaxed") };
        outbox.append(relaxed).await.expect("a relaxed record is taken");
        outbox.flush().await.expect("what was taken can be stored");
        assert_eq!(contents(outbox).await.pending, number + 1);
    }
}

async fn wakes_a_delivery(outbox: &dyn Outbox) {
    let woken = outbox.changed();
    append(outbox, 1, "a").await;
    assert!(
        tokio::time::timeout(Duration::from_secs(5), woken).await.is_ok(),
        "an append wakes whoever waits for a change"
    );
}

/// Whatever is done, in whatever order: appended and replaced = acknowledged + pending + dead.
async fn balances(outbox: &dyn Outbox) {
    let (mut stored, mut delivered, mut buried) = (0, 0, 0);
    let mut now = NOW;
    for round in 0..300_u32 {
        append(outbox, u64::from(round % 5), format!("{round}")).await;
        stored += 1;
        for (index, claimed) in claim(outbox, (round % 4) as usize, now).await.into_iter().enumerate() {
            match (round as usize + index) % 4 {
                0 => {
                    outbox.acknowledge(claimed.claim).await.expect("the claim holds");
                    delivered += 1;
                }
                1 => {
                    let history =
                        History { attempts: claimed.history.attempts + 1, first_ambiguous: None, rekeyed: false };
                    let due = now.after(Duration::from_secs(u64::from(round % 7)));
                    outbox.reschedule(claimed.claim, Retry { due, history }).await.expect("the claim holds");
                }
                2 => {
                    let replacement = (round % 2 == 0).then(|| event(claimed.lane.0, "minimal"));
                    stored += u64::from(replacement.is_some());
                    outbox.bury(claimed.claim, reason("no"), replacement).await.expect("the claim holds");
                    buried += 1;
                }
                _ => {} // The delivery died: the lease ends some time.
            }
        }
        let found = contents(outbox).await;
        assert_eq!(stored, delivered + found.pending + found.dead, "round {round}");
        assert_eq!(found.dead, buried);
        now = now.after(Duration::from_secs(1));
    }
}

/// Threads that append and deliveries that claim, all at the same time.
async fn serves_many_at_once(outbox: Arc<dyn Outbox>) {
    const THREADS: u64 = 8;
    const EACH: u64 = 50;
    let appending: Vec<_> = (0..THREADS)
        .map(|thread| {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || {
                for number in 0..EACH {
                    let appending = outbox.append(event(thread, format!("{thread}/{number}")));
                    appending.wait(Duration::from_secs(60)).expect("an append works");
                }
            })
        })
        .collect();
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let outbox = Arc::clone(&outbox);
        deliveries.spawn(async move {
            let mut payloads = Vec::new();
            for max in [1, 9, 3].into_iter().cycle().take(200) {
                for claimed in claim(&*outbox, max, NOW).await {
                    outbox.acknowledge(claimed.claim).await.expect("nobody else was lent it");
                    payloads.push(claimed.payload);
                }
                tokio::task::yield_now().await;
            }
            payloads
        });
    }
    let mut seen: Vec<bytes::Bytes> = deliveries.join_all().await.concat();
    for thread in appending {
        thread.join().expect("the thread did not panic");
    }
    for rest in claim(&*outbox, (THREADS * EACH) as usize, NOW).await {
        outbox.acknowledge(rest.claim).await.expect("nobody else was lent it");
        seen.push(rest.payload);
    }
    let distinct: HashSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), ((THREADS * EACH) as usize, (THREADS * EACH) as usize), "each once");
    assert_eq!(contents(&*outbox).await, Contents::default());
}
