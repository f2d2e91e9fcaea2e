//! The mode of an action says when its call returns. What is on disk afterwards does not tell it, and neither does anything
//! that happens to it from there on: the faults that meet an event later need no test in each mode.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use audited::outbox::JournalReader;
use audited::{AuditTarget, Unavailable, audited};
use audited_cli::{Fault, LocalWorkos, Verdict};
use serde_json::json;

use crate::support::{PATIENCE, adds_up, log_in, nobody, told, until};

#[derive(AuditTarget, Clone)]
#[audit(type = "invoice")]
struct Invoice {
    #[audit(id)]
    id: u64,
    #[audit(metadata)]
    note: Option<String>,
}

/// Why it was not sent.
#[derive(Debug)]
enum Unsent {
    Lost,
    Unavailable,
}

impl From<Unavailable> for Unsent {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

fn organization(invoice: &Invoice) -> &'static str {
    if invoice.id == 4 { "org_gone" } else { "org_1" }
}

fn sent(invoice: &Invoice) -> Result<(), Unsent> {
    if invoice.id == 2 { Err(Unsent::Lost) } else { Ok(()) }
}

#[audited(action = "invoice.sent", organization = organization(&invoice), targets(invoice), durability = relaxed)]
async fn relaxed(invoice: Invoice) -> Result<(), Unsent> {
    sent(&invoice)
}

#[audited(action = "invoice.sent", organization = organization(&invoice), targets(invoice), durability = durable)]
async fn durable(invoice: Invoice) -> Result<(), Unsent> {
    sent(&invoice)
}

#[audited(action = "invoice.sent", organization = organization(&invoice), targets(invoice), durability = strict)]
async fn strict(invoice: Invoice) -> Result<(), Unsent> {
    sent(&invoice)
}

/// One that arrives, one that tells a failure, one that a schema refuses, and one of an organization that is not there.
fn invoices() -> impl Iterator<Item = Invoice> {
    (1..=4).map(|id| Invoice { id, note: (id == 3).then(|| "not a number".to_owned()) })
}

/// Runs the calls of one mode, and stops before anything of them is delivered.
async fn call(mode: &str, dir: &Path) {
    let audit = log_in(dir, &nobody()).traceable(true).start().await.unwrap();
    for invoice in invoices() {
        let fails = invoice.id == 2;
        let result = match mode {
            "relaxed" => told(&audit, relaxed(invoice)).await,
            "durable" => told(&audit, durable(invoice)).await,
            _ => told(&audit, strict(invoice)).await,
        };
        assert_eq!(matches!(result, Err(Unsent::Lost)), fails, "{result:?}");
    }
    assert_eq!(audit.shutdown(Duration::ZERO).await.pending, 4);
}

/// An event without what differs between any two of them: when it was, and which start of which process it is of.
fn comparable(payload: &[u8]) -> String {
    let mut text = String::from_utf8(payload.to_vec()).unwrap();
    for (name, len) in [(r#""occurred_at":""#, "2026-12-01T12:00:00.000Z".len()), (r#""audited_id":""#, 16)] {
        if let Some(at) = text.find(name) {
            let at = at + name.len();
            text.replace_range(at..at + len, &"·".repeat(len));
        }
    }
    text
}

/// The events in the first segment, byte for byte (`docs/journal-format.md`), without times, numbers, keys, and what is
/// computed of these; and the state that the table has of each.
fn records(dir: &Path) -> Vec<(Vec<u8>, String, u8)> {
    let segment = fs::read(dir.join("journal-0/segment-0001")).unwrap();
    let table = fs::read(dir.join("journal-0/table-0001")).unwrap();
    let mark = &segment[4096..4100];
    let (mut at, mut records) = (4096, Vec::new());
    while &segment[at..at + 4] == mark {
        let number = |from: usize| u32::from_le_bytes(segment[at + from..at + from + 4].try_into().unwrap()) as usize;
        let (len, ordinal, reason) = (number(8), number(12), number(18) & 0xffff);
        let mut header = segment[at..at + 96].to_vec();
        // Mark and checksum, ordinal, what it replaces, id, time, key, chain: of a strict call's event the intent is replaced.
        for differs in [0..8, 12..16, 20..32, 40..96] {
            header[differs].fill(0);
        }
        header[17] &= !1;
        let end = at + 96 + len;
        if header[16] == 1 {
            // Whether it was put off depends on whether somebody has tried to deliver it yet.
            records.push((header, comparable(&segment[at + 96..end]), table[512 + ordinal] & !16));
        }
        at = (end + reason).next_multiple_of(8);
    }
    records
}

/// What became of each event at WorkOS, request by request, those that were the same as the one before left out; and of
/// the log's own books.
#[derive(Debug, PartialEq)]
struct Story {
    requests: BTreeMap<String, Vec<(Verdict, String)>>,
    keys: BTreeMap<String, usize>,
    dead: BTreeSet<(Option<u16>, String, String)>,
    stats: [u64; 6],
}

async fn later(dir: &Path, schemas: &Path) -> Story {
    let workos = LocalWorkos::builder().organization("org_1").schemas(schemas).start().unwrap();
    let start = || log_in(dir, &workos.url()).start();

    // A server that fails; then one whose answers are lost; each until the next start.
    workos.fail_share(1.0, Fault::Status(500));
    let audit = start().await.unwrap();
    until(|| workos.counts().faulted >= 2).await;
    let _ = audit.shutdown(Duration::ZERO).await;
    drop(audit);
    workos.clear_faults();
    workos.fail_share(1.0, Fault::ReplyLost);
    let audit = start().await.unwrap();
    until(|| workos.events().len() >= 2).await;
    let _ = audit.shutdown(Duration::ZERO).await;
    drop(audit);

    workos.clear_faults();
    let audit = start().await.unwrap();
    let report = audit.flush(PATIENCE).await;
    assert_eq!((report.pending, audit.stats().dead_letters), (0, 2));
    for letter in audit.dead_letters(None, 9).await.unwrap() {
        audit.redrive(letter.record).await.unwrap();
    }
    audit.flush(PATIENCE).await;
    let stats = adds_up(&audit).await;
    let stats = [stats.inherited, stats.delivered, stats.dead, stats.dead_letters, stats.replaced, stats.redriven];
    audit.shutdown(PATIENCE).await;

    let mut requests = BTreeMap::<_, Vec<_>>::new();
    let mut keys = BTreeMap::<_, BTreeSet<_>>::new();
    for request in workos.requests().into_iter().filter(|request| request.verdict != Verdict::Faulted) {
        let id = request.json()["event"]["targets"][0]["id"].to_string();
        keys.entry(id.clone()).or_default().insert(request.idempotency_key);
        let told = (request.verdict, comparable(&request.body));
        let of_id = requests.entry(id).or_default();
        if of_id.last() != Some(&told) {
            of_id.push(told);
        }
    }
    let dead = JournalReader::open(dir).unwrap().dead_letters(None, 9).unwrap();
    let dead = dead.into_iter().map(|it| (it.reason.status, it.reason.message, comparable(&it.payload))).collect();
    Story { requests, keys: keys.into_iter().map(|(id, keys)| (id, keys.len())).collect(), dead, stats }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_on_disk_does_not_remember_its_mode_and_neither_does_what_happens_to_it_later() {
    let scratch = tempfile::tempdir().unwrap();
    let schemas = scratch.path().join("schemas.json");
    let note = json!({ "type": "object", "properties": { "note": { "type": "number" } } });
    let metadata = json!({ "outcome": "string", "audited_id": "string", "audited_seq": "number" });
    let properties: serde_json::Map<_, _> =
        metadata.as_object().unwrap().iter().map(|(key, of)| (key.clone(), json!({ "type": of }))).collect();
    let schema = json!({ "action": "invoice.sent", "targets": [{ "type": "invoice", "metadata": note }],
        "metadata": { "type": "object", "properties": properties } });
    fs::write(&schemas, schema.to_string()).unwrap();

    let mut seen: Option<(Vec<_>, Story)> = None;
    for mode in ["relaxed", "durable", "strict"] {
        let dir = scratch.path().join(mode);
        call(mode, &dir).await;
        let records = records(&dir);
        assert_eq!(records.len(), 4);
        let story = later(&dir, &schemas).await;
        if let Some((bytes, happened)) = &seen {
            assert_eq!(&records, bytes, "{mode}");
            assert_eq!(&story, happened, "{mode}");
        } else {
            // What is compared has something in it.
            assert!(
                records.iter().all(|(_, payload, state)| payload.contains("audited_seq") && *state == 1),
                "{records:?}"
            );
            assert_eq!(story.keys.values().sum::<usize>(), 8, "{story:#?}");
            seen = Some((records, story));
        }
    }
}
