//! The clients: `audited` and its peers, each a process of its own while it is measured.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::delivery::{Delivery, DeliverySettings};
use audit_core::outbox::{Durability, Journal, JournalSettings, Lane, NewRecord, Outbox, Role, Timestamp};
use audit_core::workos::{ApiKeySource, WorkOs};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::measure::{Cost, Meter, descriptors};
use crate::sink::Sink;

const IN_FLIGHT: usize = 64;
const PATIENCE: Duration = Duration::from_secs(120);
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/workos/target/release/audited-bench-workos");

/// The event that everybody sends, in the order in which `audited` writes one.
pub(crate) const BODY: &str = concat!(
    r#"{"event":{"action":"invoice.paid","#,
    r#""occurred_at":"2026-01-15T12:00:00.000Z","version":1,"actor":{"type":"user","id":"user_01GBNJC3MX9ZZJW1FSTF4C5938","#,
    r#""name":"jon@example.com","metadata":{"role":"admin"}},"targets":[{"type":"invoice","id":"inv_01HZX3M9Q2","#,
    r#""name":"2026-0042","metadata":{"amount_cents":129900,"tier":"business"}},{"type":"ledger","id":"ledger_7","#,
    r#""metadata":{"currency":"EUR"}}],"context":{"location":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux "#,
    r#"x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},"metadata":{"method":"POST","#,
    r#""route":"/invoices/{id}/payments","request_id":"01HZX3M9Q2V8W4","items":3,"express":true,"receipt":"R-77120"}},"#,
    r#""organization_id":"org_01EHWNCE74X7JSDV0X3SZ3KJNY"}"#
);

/// Who sends, and under which limit of descriptors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) what: &'static str,
    /// How this program is told to be it; `None` for the official SDK's own program.
    name: Option<&'static str>,
    descriptors: Option<u32>,
}

/// A client at work.
pub(crate) struct Working(Child);

impl Client {
    pub(crate) const AUDITED: Self = Self::of("audited", "audited, journal included");
    pub(crate) const PACED: Self = Self::of("paced", "audited");
    pub(crate) const HOARDING: Self = Self::of("hoarding", "audited");
    pub(crate) const TASKS: Self = Self::of("tasks", "reqwest, a task an event, semaphore of 64");
    pub(crate) const TASKS_ONE_THREAD: Self = Self::of("tasks-one-thread", "the same, all on one thread");
    pub(crate) const UNBOUNDED: Self = Self::of("unbounded", "reqwest, a task an event, no semaphore");

    const fn of(name: &'static str, what: &'static str) -> Self {
        Self { what, name: Some(name), descriptors: None }
    }

    /// The official Rust SDK, if it was built.
    pub(crate) fn official_sdk() -> Option<Self> {
        let sdk = Self { what: "`workos` 3.5.0, `create_event`, semaphore of 64", name: None, descriptors: None };
        PathBuf::from(SDK).exists().then_some(sdk)
    }

    pub(crate) fn with_descriptors(self, descriptors: u32) -> Self {
        Self { descriptors: Some(descriptors), ..self }
    }

    pub(crate) fn send(&self, sink: &Sink, events: u64) -> Cost {
        self.spawn(sink, events).finish()
    }

    pub(crate) fn spawn(&self, sink: &Sink, events: u64) -> Working {
        let events = events.to_string();
        let (program, arguments) = match self.name {
            Some(name) => (std::env::current_exe().unwrap(), vec!["--client", name, &sink.url, &events]),
            None => (PathBuf::from(SDK), vec![&*sink.url, &*events, BODY]),
        };
        let mut command = match self.descriptors {
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"]).arg(program);
                shell
            }
            None => Command::new(program),
        };
        Working(command.args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Working {
    pub(crate) fn finish(self) -> Cost {
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "a client failed");
        Cost::parse(std::str::from_utf8(&output.stdout).unwrap())
    }
}

/// Is the client of that name, in this process.
pub(crate) fn run(name: &str, url: &str, events: u64) {
    let cost = match name {
        "audited" => audited(url, events, None, Appends::Durable),
        // A burst is a tenth of a second's worth, and must fit into the server's window with the rest.
        "paced" => audited(url, events, Some(98.5), Appends::Relaxed),
        "hoarding" => hoarding(url, events),
        "tasks" => tasks(&Builder::new_multi_thread().enable_all().build().unwrap(), url, events, IN_FLIGHT),
        "tasks-one-thread" => {
            tasks(&Builder::new_current_thread().enable_all().build().unwrap(), url, events, IN_FLIGHT)
        }
        "unbounded" => {
            let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
            tasks(&runtime, url, events, Semaphore::MAX_PERMITS)
        }
        _ => panic!("there is no client `{name}`"),
    };
    cost.tell();
}

/// What its callers wait for.
#[derive(Clone, Copy, PartialEq)]
enum Appends {
    /// 64 callers, each of which waits for the disk.
    Durable,
    /// One that waits for nothing.
    Relaxed,
}

fn audited(url: &str, events: u64, pace: Option<f64>, appends: Appends) -> Cost {
    let meter = Meter::start();
    let (journal, _dir) = journal();
    let delivery = deliver(&journal, url, pace);
    match appends {
        Appends::Durable => append_durable(&journal, events),
        Appends::Relaxed => append_relaxed(&journal, events),
    }
    let report = delivery.drain_blocking(PATIENCE);
    assert!(report.drained, "{report:?}, {:?}", delivery.stats());
    meter.cost(delivery.stats().delivered, descriptors())
}

/// Accepts everything and delivers nothing.
fn hoarding(url: &str, events: u64) -> Cost {
    let meter = Meter::start();
    let (journal, _dir) = journal();
    let delivery = deliver(&journal, url, None);
    append_relaxed(&journal, events);
    std::thread::sleep(Duration::from_secs(3));
    meter.cost(delivery.stats().delivered, descriptors())
}

fn journal() -> (Arc<Journal>, tempfile::TempDir) {
    let dir = match std::env::var_os("AUDITED_BENCH_DIR") {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    };
    let dir = dir.unwrap();
    let (journal, _) = Journal::open(dir.path().join("journal"), JournalSettings::default()).unwrap();
    (Arc::new(journal), dir)
}

fn deliver(journal: &Arc<Journal>, url: &str, pace: Option<f64>) -> Delivery {
    let workos = WorkOs::builder(ApiKeySource::fixed("sk_test")).base_url(url).build().unwrap();
    let mut settings = DeliverySettings::default();
    settings.pace = pace;
    settings.concurrency = IN_FLIGHT;
    let journal: Arc<Journal> = Arc::clone(journal);
    Delivery::start(journal, Arc::new(workos), settings).unwrap()
}

fn record(durability: Durability, number: u64) -> NewRecord {
    NewRecord {
        payload: BODY.as_bytes().to_vec(),
        lane: Lane((number % 100).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        durability,
        role: Role::Event,
        accepted_at: Timestamp::now(),
    }
}

fn append_durable(journal: &Arc<Journal>, events: u64) {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let callers: Vec<_> = (0..IN_FLIGHT as u64)
        .map(|caller| {
            let journal = Arc::clone(journal);
            runtime.spawn(async move {
                for number in (caller..events).step_by(IN_FLIGHT) {
                    journal.append(record(Durability::Durable, number)).await.unwrap();
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for caller in callers {
            caller.await.unwrap();
        }
    });
}

fn append_relaxed(journal: &Journal, events: u64) {
    for number in 0..events {
        // Refused while the disk does not keep up.
        while let Some(Err(_)) = journal.append(record(Durability::Relaxed, number)).now_or_never() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    journal.append(record(Durability::Durable, 0)).wait(PATIENCE).unwrap();
}

/// A task an event, at most so many at once. What fails is lost.
fn tasks(runtime: &Runtime, url: &str, events: u64, at_once: usize) -> Cost {
    let meter = Meter::start();
    let delivered = Arc::new(AtomicU64::new(0));
    let most_open = runtime.block_on(send_tasks(url.to_owned(), events, at_once, Arc::clone(&delivered)));
    meter.cost(delivered.load(Ordering::Relaxed), most_open)
}

async fn send_tasks(url: String, events: u64, at_once: usize, delivered: Arc<AtomicU64>) -> u64 {
    // No certificates are read, as none are by `audited` for a server on this machine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([]).build().unwrap();
    let url = format!("{url}/audit_logs/events");
    let slots = Arc::new(Semaphore::new(at_once));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..events {
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let request = client
            .post(&url)
            .bearer_auth("sk_test")
            .header("content-type", "application/json")
            .header("idempotency-key", uuid::Uuid::new_v4().to_string())
            .timeout(Duration::from_secs(10))
            .body(BODY);
        let delivered = Arc::clone(&delivered);
        tasks.spawn(async move {
            let answer = async { request.send().await?.error_for_status()?.bytes().await };
            delivered.fetch_add(u64::from(answer.await.is_ok()), Ordering::Relaxed);
            drop(slot);
        });
        while tasks.try_join_next().is_some() {}
    }
    let open = descriptors();
    while tasks.join_next().await.is_some() {}
    open
}
