//! That a missing event is provable: each says which start of which process it is from, and its number.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use audited::AuditLog;
use audited_cli::LocalWorkos;
use serde_json::Value;

use crate::support::{Invoice, PATIENCE, close, log_in, pay, pay_all, see, told, until};

async fn start(dir: &Path, workos: &LocalWorkos) -> AuditLog {
    log_in(dir, &workos.url()).traceable(true).start().await.unwrap()
}

/// The numbers of each instance, as WorkOS has them.
fn numbers(workos: &LocalWorkos) -> BTreeMap<String, BTreeSet<u64>> {
    let mut numbers = BTreeMap::<_, BTreeSet<u64>>::new();
    for stored in workos.events() {
        let metadata = &stored.event["metadata"];
        let number = metadata["audited_seq"].as_u64().expect("a number");
        let (instance, again) = metadata["audited_id"].as_str().and_then(|id| id.split_once('-')).expect("an id");
        assert_eq!(again, number.to_string());
        assert!(numbers.entry(instance.to_owned()).or_default().insert(number), "{instance} {number} twice");
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_numbered_without_a_gap_and_each_start_counts_anew() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    for start_of in [0..50, 50..80] {
        let count = start_of.end - start_of.start;
        let audit = start(dir.path(), &workos).await;
        pay_all(&audit, start_of).await;
        told(&audit, async { see(Invoice::new(1_000)) }).await;
        told(&audit, close(Invoice::new(1_001), async {})).await.unwrap();
        told(&audit, async { audited::event("invoice.noted").target_of("invoice", 1).organization("org_1").emit() })
            .await;
        until(|| audit.stats().delivered == count + 3).await;
        audit.shutdown(PATIENCE).await;
    }
    let found: Vec<_> = numbers(&workos).into_values().collect();
    let expected = |count: u64| (1..=count).collect::<BTreeSet<u64>>();
    assert_eq!(found.iter().map(BTreeSet::len).collect::<BTreeSet<_>>(), BTreeSet::from([53, 33]));
    assert!(found.iter().all(|numbers| *numbers == expected(numbers.len() as u64)), "{found:?}");
}

/// The outcome takes the place of the intent, so it has the same number.
#[tokio::test(flavor = "multi_thread")]
async fn an_intent_and_its_outcome_are_one_event() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = start(dir.path(), &workos).await;
    let seen =
        |payload: &[u8]| serde_json::from_slice::<Value>(payload).unwrap()["event"]["metadata"]["audited_seq"].clone();
    let on_disk = || crate::support::on_disk(dir.path()).iter().map(|record| seen(&record.payload)).collect::<Vec<_>>();
    told(&audit, close(Invoice::new(1), async { assert_eq!(on_disk(), [1]) })).await.unwrap();
    told(&audit, pay(Invoice::new(2))).await;
    audit.flush(PATIENCE).await;
    assert_eq!(numbers(&workos).into_values().collect::<Vec<_>>(), [BTreeSet::from([1, 2])]);
}

/// A schema need not know the two keys when nobody asked for them.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_numbered_that_was_not_to_be() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    told(&audit, pay(Invoice::new(1))).await;
    audit.flush(PATIENCE).await;
    assert!(workos.events()[0].event.get("metadata").is_none(), "{}", workos.events()[0].event);
}
