//! Clients that go away at any point: one event of each call that had begun, whatever became of it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audited::audited;
use audited::testing::Recorder;
use fastrand::Rng;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::people::Thing;

/// How many clients go away, over each protocol.
pub(crate) const CLIENTS: u64 = 5_000;

/// How many of them are there at once.
const AT_ONCE: u64 = 100;

/// How many calls have begun.
pub(crate) type Begun = Arc<AtomicU64>;

/// Waits several times, as a handler does for its database.
#[audited(action = "thing.paid", targets(Thing { id }))]
pub(crate) async fn pay(begun: &AtomicU64, id: u64) {
    begun.fetch_add(1, Ordering::Relaxed);
    for _ in 0..id % 4 + 1 {
        sleep(Duration::from_millis(1)).await;
    }
}

/// How many calls ended in each way that there is when clients go away.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) cancelled: usize,
    pub(crate) succeeded: usize,
}

/// Waits until every call that has begun is told; each is told once, under its own name.
pub(crate) async fn ends(recorder: &Recorder, begun: &AtomicU64) -> Ends {
    let all_told = async {
        loop {
            // In this order, since a request that is still in a socket may begin at any time.
            let begun = begun.load(Ordering::Relaxed);
            let events = recorder.events();
            if events.len() as u64 >= begun {
                return events;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let events = timeout(Duration::from_secs(30), all_told).await.expect("each call that began is told");
    assert!(events.len() as u64 <= begun.load(Ordering::Relaxed), "no more is told than has begun");
    let ids: HashSet<_> = events.iter().map(|event| event.targets()[0]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "no call is told twice");
    let ended = |outcome| events.iter().filter(|event| event.outcome() == outcome).count();
    let ends = Ends { cancelled: ended("cancelled"), succeeded: ended("success") };
    assert_eq!(ends.cancelled + ends.succeeded, events.len());
    ends
}

/// How long a client stays: from not at all to longer than any handler.
fn patience(random: &mut Rng) -> Duration {
    Duration::from_micros(random.u64(0..10_000))
}

/// Clients that send `POST /things/{id}`, or less than that, and close or reset their connections.
pub(crate) async fn over_http_1(address: SocketAddr) {
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        clients.spawn(async move {
            let mut random = Rng::with_seed(client);
            for id in (client..CLIENTS).step_by(AT_ONCE as usize) {
                let mut stream = TcpStream::connect(address).await.unwrap();
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
}

/// Clients that send some `POST /things/{id}` at a time over one connection, reset each, and then leave altogether.
pub(crate) async fn over_http_2(address: SocketAddr) {
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        clients.spawn(async move {
            let mut random = Rng::with_seed(client);
            let mut ids = (client..CLIENTS).step_by(AT_ONCE as usize).peekable();
            while ids.peek().is_some() {
                let stream = TcpStream::connect(address).await.unwrap();
                let (mut requests, connection) =
                    http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
                let connection = tokio::spawn(connection);
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
}
