//! What the tests share: deeds that are audited, a log on a disk, and what to expect of it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use audited::outbox::{JournalReader, PendingRecord};
use audited::{AuditLog, AuditLogBuilder, AuditTarget, Context, Stats, Unavailable, audited};
use audited_cli::{LocalWorkos, Verdict};

/// More than anything here takes, on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The variable that tells a test which runs as a process of its own where its journal is.
const DIR: &str = "AUDITED_TEST_DIR";

#[derive(AuditTarget, Clone)]
#[audit(type = "invoice")]
pub(crate) struct Invoice {
    #[audit(id)]
    pub(crate) id: u64,
    #[audit(metadata)]
    pub(crate) note: String,
}

impl Invoice {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, note: "as agreed".to_owned() }
    }

    fn organization(&self) -> String {
        format!("org_{}", self.id % 4)
    }
}

/// One deed in one of four organizations.
#[audited(action = "invoice.paid", organization = invoice.organization(), targets(invoice))]
pub(crate) async fn pay(invoice: Invoice) -> u64 {
    tokio::task::yield_now().await;
    invoice.id
}

/// The same, where the call waits for nothing.
#[audited(action = "invoice.seen", organization = "org_1", targets(invoice), durability = relaxed)]
pub(crate) fn see(invoice: Invoice) -> u64 {
    invoice.id
}

/// The same, where nothing happens that is not announced on disk; `body` is what happens.
#[audited(action = "invoice.closed", organization = "org_1", targets(invoice), durability = strict)]
pub(crate) async fn close<F: Future<Output = ()>>(invoice: Invoice, body: F) -> Result<u64, Unavailable> {
    body.await;
    Ok(invoice.id)
}

/// A log in `dir` that sends to `url` as fast as it can.
pub(crate) fn log_in(dir: &Path, url: &str) -> AuditLogBuilder {
    AuditLog::builder().api_key("sk_test").base_url(url).outbox_dir(dir).pace(None).install(false)
}

/// Runs what is told to `audit`.
pub(crate) async fn told<F: Future>(audit: &AuditLog, deed: F) -> F::Output {
    Context::default().log(audit).location("10.0.0.1").scope(deed).await
}

/// Pays invoices, all at once.
pub(crate) async fn pay_all(audit: &AuditLog, ids: impl IntoIterator<Item = u64>) {
    let mut deeds = tokio::task::JoinSet::new();
    for id in ids {
        let audit = audit.clone();
        deeds.spawn(async move { told(&audit, pay(Invoice::new(id))).await });
    }
    while let Some(paid) = deeds.join_next().await {
        paid.unwrap();
    }
}

/// The address of nobody: connections are refused.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// What a second reader sees on the disk.
pub(crate) fn on_disk(dir: &Path) -> Vec<PendingRecord> {
    JournalReader::open(dir).unwrap().pending(None, usize::MAX).unwrap()
}

/// How many events with these words are on the disk.
pub(crate) fn are_on_disk(dir: &Path, words: &[&str]) -> usize {
    let has_them = |record: &&PendingRecord| {
        let text = String::from_utf8_lossy(&record.payload);
        words.iter().all(|words| text.contains(words))
    };
    on_disk(dir).iter().filter(has_them).count()
}

/// Whether an event with these words is on the disk.
pub(crate) fn is_on_disk(dir: &Path, words: &[&str]) -> bool {
    are_on_disk(dir, words) > 0
}

/// Waits for what another thread brings about, and says how long it took.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "it did not come about");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    began.elapsed()
}

/// Nothing is dropped in silence. Holds when nothing is on its way; waits until it does.
pub(crate) async fn adds_up(audit: &AuditLog) -> Stats {
    let balanced =
        |it: Stats| it.accepted + it.inherited + it.replaced + it.redriven == it.delivered + it.pending + it.dead;
    let began = Instant::now();
    while !balanced(audit.stats()) && began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stats = audit.stats();
    assert!(balanced(stats), "{stats:#?}");
    stats
}

/// The ids of the invoices that are stored at `workos`, each as often as it is.
pub(crate) fn stored(workos: &LocalWorkos) -> Vec<u64> {
    let id = |event: &serde_json::Value| event["targets"][0]["id"].as_str().and_then(|id| id.parse().ok());
    let mut ids: Vec<u64> = workos.events().iter().filter_map(|stored| id(&stored.event)).collect();
    ids.sort_unstable();
    ids
}

/// Every attempt of one event has the same key and the same bytes, and no other event has them.
pub(crate) fn one_key_and_one_body_each(workos: &LocalWorkos) {
    let mut bodies = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for request in workos.requests() {
        let key = request.idempotency_key.expect("every request has a key");
        assert_eq!(bodies.entry(key.clone()).or_insert_with(|| request.body.clone()), &request.body, "{key}");
        assert_eq!(keys.entry(request.body).or_insert_with(|| key.clone()), &key);
    }
}

/// The bodies that WorkOS stored.
pub(crate) fn stored_bodies(workos: &LocalWorkos) -> BTreeSet<Vec<u8>> {
    let stored = workos.requests().into_iter().filter(|request| request.verdict == Verdict::Stored);
    stored.map(|request| request.body).collect()
}

/// Another process: this test binary, about to run the ignored test of this name.
pub(crate) fn process(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(DIR, dir).stdin(Stdio::null());
    command
}

/// In such a process: where its journal is. None when the test is run by hand.
pub(crate) fn process_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}
