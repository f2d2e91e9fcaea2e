//! Clients that go away at any point: one event of each call that had begun, whatever became of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Request, Version};
use axum::routing::post;
use fastrand::Rng;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::people::Thing;
use crate::support::server::Server;

/// How many clients go away, over each protocol.
const CLIENTS: u64 = 5_000;

/// How many of them are there at once.
const AT_ONCE: u64 = 100;

/// How many calls have begun.
type Begun = Arc<AtomicU64>;

/// Waits several times, as a handler does for its database.
#[audited(action = "thing.paid", targets(Thing { id }))]
async fn pay(State(begun): State<Begun>, Path(id): Path<u64>) {
    begun.fetch_add(1, Ordering::Relaxed);
    for _ in 0..id % 4 + 1 {
        sleep(Duration::from_millis(1)).await;
    }
}

struct Bank {
    server: Arc<Server>,
    recorder: Recorder,
    begun: Begun,
}

impl Bank {
    async fn open() -> Self {
        let (recorder, begun) = (Recorder::new(), Begun::default());
        let layer = AuditLayer::new().log(&recorder.log());
        let app = Router::new().route("/things/{id}", post(pay)).with_state(begun.clone()).layer(layer);
        Self { server: Arc::new(Server::start(app).await), recorder, begun }
    }

    /// Every call that had begun is told once, and there were some of both kinds.
    async fn check(self) {
        let all_told = async {
            while (self.recorder.events().len() as u64) < self.begun.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), all_told).await.expect("each call that began is told");
        let events = self.recorder.events();
        assert_eq!(events.len() as u64, self.begun.load(Ordering::Relaxed));
        let ids: HashSet<_> = events.iter().map(|event| event.targets()[0]["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), events.len(), "no call is told twice");
        let ended = |outcome| events.iter().filter(|event| event.outcome() == outcome).count();
        let (cancelled, succeeded) = (ended("cancelled"), ended("success"));
        assert_eq!(cancelled + succeeded, events.len());
        assert!(cancelled > CLIENTS as usize / 20 && succeeded > 0, "{cancelled} cancelled, {succeeded} succeeded");
    }
}

/// How long a client stays: from not at all to longer than any handler.
fn patience(random: &mut Rng) -> Duration {
    Duration::from_micros(random.u64(0..10_000))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    let bank = Bank::open().await;
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        let server = bank.server.clone();
        clients.spawn(async move {
            let mut random = Rng::with_seed(client);
            for id in (client..CLIENTS).step_by(AT_ONCE as usize) {
                let mut stream = TcpStream::connect(server.address).await.unwrap();
                let request = format!("POST /things/{id} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
                let sent = if random.u8(0..10) == 0 { random.usize(0..request.len()) } else { request.len() };
                stream.write_all(&request.as_bytes()[..sent]).await.unwrap();
                sleep(patience(&mut random)).await;
                if random.bool() {
                    // Reset, in place of a proper end.
                    stream.set_zero_linger().unwrap();
                }
            }
        });
    }
    clients.join_all().await;
    bank.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2() {
    let bank = Bank::open().await;
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        let server = bank.server.clone();
        clients.spawn(async move {
            let mut random = Rng::with_seed(client);
            let mut ids = (client..CLIENTS).step_by(AT_ONCE as usize).peekable();
            while ids.peek().is_some() {
                let stream = TcpStream::connect(server.address).await.unwrap();
                let (mut requests, connection) =
                    http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
                let connection = tokio::spawn(connection);
                // Some streams of a connection, each reset, and then all of it.
                for id in ids.by_ref().take(random.usize(1..8)) {
                    let request = Request::post(format!("http://test/things/{id}")).version(Version::HTTP_2);
                    let response = requests.send_request(request.body(Empty::<Bytes>::new()).unwrap());
                    let _ = timeout(patience(&mut random), response).await;
                }
                connection.abort();
            }
        });
    }
    clients.join_all().await;
    bank.check().await;
}
