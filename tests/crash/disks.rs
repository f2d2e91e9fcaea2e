//! A real disk that is of no use for a while: it turns read-only, or others fill it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use audited::outbox::JournalReader;
use audited::{AuditLog, AuditLogBuilder, Context, HealthReason, HealthStatus, Unavailable, audited};
use audited_cli::LocalWorkos;

use crate::disk::Disk;
use crate::kills::tell;

const PATIENCE: Duration = Duration::from_secs(60);

#[audited(action = "invoice.paid", organization = "org_1", target(type = "invoice", id = id))]
async fn pay(id: u64) -> u64 {
    id
}

#[audited(action = "invoice.seen", organization = "org_1", target(type = "invoice", id = id), durability = relaxed)]
fn see(id: u64) -> u64 {
    id
}

#[audited(action = "invoice.closed", organization = "org_1", target(type = "invoice", id = id), durability = strict)]
async fn close(id: u64, body: impl Future<Output = ()>) -> Result<u64, Unavailable> {
    body.await;
    Ok(id)
}

/// Some 20 KB, so that a segment is full soon.
#[audited(action = "invoice.archived", organization = "org_1", target(type = "invoice", id = id),
    metadata(a = text, b = text, c = text, d = text, e = text, f = text, g = text, h = text, i = text, j = text,
             k = text, l = text, m = text, n = text, o = text, p = text, q = text, r = text, s = text, t = text,
             u = text, v = text, w = text, x = text, y = text, z = text, aa = text, bb = text, cc = text))]
async fn archive(id: u64, text: &str) -> u64 {
    let _ = text;
    id
}

async fn told<F: Future>(audit: &AuditLog, deed: F) -> F::Output {
    Context::default().log(audit).scope(deed).await
}

fn log_on(disk: &Disk, workos: &LocalWorkos) -> AuditLogBuilder {
    let dir = disk.path().join("outbox");
    AuditLog::builder().api_key("sk_test").base_url(workos.url()).outbox_dir(dir).install(false)
}

/// None, loudly, where the machine has no such disks.
fn disk(of: &str) -> Option<Disk> {
    match Disk::new("ext4") {
        Ok(disk) => Some(disk),
        Err(why) => {
            assert!(std::env::var_os("AUDITED_POWER_CUTS").is_none(), "AUDITED_POWER_CUTS is set, but: {why}");
            tell(&format!("SKIPPED: no {of} on this machine: {why}"));
            None
        }
    }
}

/// Waits for what another thread brings about.
async fn until(mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "it did not come about");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn codes(audit: &AuditLog) -> Vec<&'static str> {
    audit.health().reasons().iter().map(HealthReason::code).collect()
}

fn ids(workos: &LocalWorkos) -> Vec<u64> {
    let id = |event: &serde_json::Value| event["targets"][0]["id"].as_str().and_then(|id| id.parse().ok());
    let mut ids: Vec<u64> = workos.events().iter().filter_map(|stored| id(&stored.event)).collect();
    ids.sort_unstable();
    ids
}

/// What calls of each mode hear from a disk that takes nothing, and who counts it.
async fn nothing_can_be_stored(audit: &AuditLog) {
    let before = audit.stats();
    assert_eq!(told(audit, pay(1_000)).await, 1_000, "its own result stands");
    assert_eq!(audit.stats().refused, before.refused + 1);
    let refused = told(audit, close(1_001, async { unreachable!("the call is refused") })).await;
    refused.expect_err("it does not happen");
    assert_eq!(audit.stats().refused, before.refused + 2);
    Context::default().log(audit).in_scope(|| see(1_002));
    until(|| audit.stats().dropped > before.dropped).await;
    until(|| codes(audit).contains(&"storage_failing")).await;
    assert_eq!(audit.health().status(), HealthStatus::Failing);
    let after = audit.stats();
    assert_eq!((after.accepted, after.refused), (before.accepted, before.refused + 3), "{after:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_outlives_a_disk_that_turns_read_only_and_nothing_else_is_claimed() {
    const EVENTS: u64 = 40;
    let Some(disk) = disk("disk that turns read-only") else { return };
    let workos = LocalWorkos::start().unwrap();
    // Slow, so that most of it still waits when the disk fails.
    let audit = log_on(&disk, &workos).pace(5.0).start().await.unwrap();
    for id in 0..EVENTS {
        told(&audit, pay(id)).await;
    }
    disk.fail();
    let arrived = workos.events().len();
    assert!(arrived < EVENTS as usize / 2, "{arrived} arrived before the disk failed");
    nothing_can_be_stored(&audit).await;

    // What is stored can be read, and so it is delivered.
    until(|| workos.events().len() > arrived + 3).await;
    let report = audit.shutdown(Duration::from_millis(300)).await;
    assert_eq!(report.delivered + report.pending, EVENTS, "{report:?}");
    assert!(report.pending > 0, "something is left for the next start: {report:?}");
    drop(audit);
    let read_only = match log_on(&disk, &workos).start().await {
        Ok(_) => panic!("a journal on a disk that takes nothing was opened"),
        Err(error) => error,
    };
    assert!(read_only.is_outbox(), "{read_only}");
    assert!(read_only.to_string().contains("name a directory that this process may write to"), "{read_only}");

    // The administrator mounts it anew.
    disk.restart();
    let audit = log_on(&disk, &workos).pace(None).start().await.unwrap();
    let recovery = audit.recovery();
    assert_eq!((recovery.lost, recovery.lost_segments, recovery.dead), (0, 0, 0));
    told(&audit, pay(EVENTS)).await;
    told(&audit, close(EVENTS + 1, async {})).await.unwrap();
    let report = audit.flush(PATIENCE).await;
    assert_eq!((report.pending, report.dead), (0, 0));
    assert_eq!(ids(&workos), (0..EVENTS + 2).collect::<Vec<_>>(), "each once, and nothing that was refused");
    assert_eq!(audit.health().status(), HealthStatus::Ok, "{}", audit.health());
    audit.shutdown(PATIENCE).await;
    let verified = JournalReader::open(disk.path().join("outbox")).unwrap().verify().unwrap();
    assert_eq!(verified.findings, []);
}

/// Takes whatever room is left.
fn fill(path: &Path) {
    let mut ballast = File::create(path).unwrap();
    let mut piece = vec![1; 1 << 20];
    while !piece.is_empty() {
        if ballast.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    let _ = ballast.sync_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_others_fill_refuses_and_is_used_again_when_there_is_room() {
    let Some(disk) = disk("disk that others fill") else { return };
    let workos = LocalWorkos::builder().fail_share(1.0, audited_cli::Fault::TooManyRequests(None)).start().unwrap();
    let audit = log_on(&disk, &workos).start().await.unwrap();
    told(&audit, pay(0)).await;
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    // What is reserved is used up first.
    let (text, mut called) = ("x".repeat(499), 1);
    while audit.stats().refused == 0 {
        told(&audit, archive(called, &text)).await;
        called += 1;
        assert!(called < 10_000, "no more is reserved than a few segments");
    }
    nothing_can_be_stored(&audit).await;
    let accepted = audit.stats().accepted;
    assert_eq!(accepted, called - 1, "all but the last");

    fs::remove_file(ballast).unwrap();
    let refused = audit.stats().refused;
    told(&audit, pay(called)).await;
    told(&audit, close(called + 1, async {})).await.unwrap();
    assert_eq!((audit.stats().accepted, audit.stats().refused), (accepted + 2, refused));
    until(|| !codes(&audit).contains(&"storage_failing")).await;
    let _ = audit.shutdown(Duration::ZERO).await;
    drop(audit);

    workos.clear_faults();
    let audit = log_on(&disk, &workos).pace(None).start().await.unwrap();
    assert!(!audit.recovery().unclean);
    let report = audit.shutdown(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (accepted + 2, 0, 0));
}
