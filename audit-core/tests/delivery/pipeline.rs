//! The whole way from an outbox to a server, on the delivery's own thread.

use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use audit_core::delivery::{Answer, Delivery, DeliverySettings, DrainReport, Health, Reply, Said, Sink};
use audit_core::outbox::{Durability, IdempotencyKey, Lane, MemoryOutbox, NewRecord, Outbox, Role, Timestamp};
use bytes::Bytes;

use crate::server::{Act, Server};
use crate::sink::workos;

const PATIENCE: Duration = Duration::from_secs(60);

fn unpaced() -> DeliverySettings {
    let mut settings = DeliverySettings::default();
    settings.pace = None;
    settings
}

fn append(outbox: &dyn Outbox, number: u64) {
    let record = NewRecord {
        payload: format!("{{\"number\":{number}}}").into(),
        lane: Lane(number % 5),
        durability: Durability::Relaxed,
        role: Role::Event,
        accepted_at: Timestamp::now(),
    };
    outbox.append(record).wait(PATIENCE).unwrap();
}

/// An outbox with `count` events, and a delivery from it to `server`.
fn deliver(server: &Server, count: u64, settings: DeliverySettings) -> (Arc<MemoryOutbox>, Delivery) {
    let outbox = Arc::new(MemoryOutbox::default());
    for number in 0..count {
        append(&*outbox, number);
    }
    let sink = workos(&server.url()).timeout(Duration::from_millis(500)).build().unwrap();
    let delivery = Delivery::start(Arc::<MemoryOutbox>::clone(&outbox), Arc::new(sink), settings).unwrap();
    (outbox, delivery)
}

fn pending(report: &DrainReport) -> Option<u64> {
    report.remaining.map(|contents| contents.pending)
}

#[test]
fn everything_arrives_exactly_once_through_every_kind_of_fault() {
    let server = Server::start(|nth| match nth % 20 {
        1 => Act::status(500),
        3 => Act::ResetAfter(1 + nth % 250),
        5 => Act::TakeAndReset,
        7 => Act::TakeAndClose,
        9 => Act::Raw(b"garbage".to_vec()),
        11 if nth == 311 => Act::Answer(429, vec![("Retry-After", "0.1".to_owned())], Vec::new()),
        13 if nth % 200 == 13 => Act::Hang,
        15 => Act::Later(Duration::from_millis(20), 200),
        _ => Act::ok(),
    });
    let (outbox, delivery) = deliver(&server, 500, unpaced());
    let report = delivery.drain_blocking(PATIENCE);
    // It counts from its beginning on, and the delivery began before.
    assert!(report.drained && report.delivered <= 500, "{report:?} {:?}", delivery.stats());

    let taken = server.taken();
    let mut bodies: Vec<_> = taken.into_values().map(|body| String::from_utf8(body).unwrap()).collect();
    let mut expected: Vec<_> = (0..500).map(|number| format!("{{\"number\":{number}}}")).collect();
    bodies.sort();
    expected.sort();
    assert_eq!(bodies, expected, "each once");
    let stats = delivery.stats();
    assert_eq!((stats.delivered, stats.dead, stats.possible_duplicates, stats.panics), (500, 0, 0, 0));
    assert!(stats.ambiguous > 50 && stats.throttled > 0, "{stats:?}");
    assert_eq!(outbox.used(), 0);
}

#[tokio::test]
async fn what_is_appended_while_it_idles_leaves_at_once() {
    let server = Server::start(|_| Act::ok());
    let (outbox, delivery) = deliver(&server, 0, DeliverySettings::default());
    for number in 0..3 {
        assert!(delivery.drain(PATIENCE).await.drained);
        let began = Instant::now();
        append(&*outbox, number);
        assert!(delivery.drain(PATIENCE).await.drained);
        assert_eq!(delivery.stats().delivered, number + 1);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_black_hole_does_not_hold_up_a_shutdown() {
    let server = Server::start(|_| Act::Hang);
    for patience in [Duration::ZERO, Duration::from_millis(300)] {
        let (outbox, delivery) = deliver(&server, 100, unpaced());
        let began = Instant::now();
        let report = delivery.shutdown(patience).await;
        assert!(began.elapsed() < patience + Duration::from_millis(200), "{:?}", began.elapsed());
        assert_eq!((report.delivered, report.drained, pending(&report)), (0, false, Some(100)));
        assert_eq!(outbox.inspect().await.unwrap().pending, 100);

        let again = delivery.shutdown(PATIENCE).await;
        assert_eq!((again.delivered, again.remaining, again.drained), (0, None, false), "it is over");
    }
}

/// A sink that blocks its thread breaks the contract of the trait, and still holds up nobody for longer than asked.
#[test]
fn a_sink_that_blocks_its_thread_does_not_hold_up_a_shutdown() {
    #[derive(Debug)]
    struct Blocking(Mutex<mpsc::Receiver<()>>);
    impl Sink for Blocking {
        fn send(&self, _: IdempotencyKey, _: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
            let _ = self.0.lock().unwrap().recv();
            Box::pin(async { Reply::Unknown("blocked".to_owned()) })
        }
        fn minimal(&self, _: &[u8]) -> Option<Bytes> {
            None
        }
    }

    let (release, blocked) = mpsc::channel();
    let outbox = Arc::new(MemoryOutbox::default());
    append(&*outbox, 1);
    let delivery = Delivery::start(outbox, Arc::new(Blocking(Mutex::new(blocked))), unpaced()).unwrap();
    let began = Instant::now();
    let report = delivery.shutdown_blocking(Duration::from_millis(300));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!((report.remaining, report.drained), (None, false));
    drop(release);
}

/// A resolver that hangs does so on a thread that nothing can end. Neither a shutdown nor the delivery's own end waits for it.
#[test]
fn a_name_that_is_being_looked_up_does_not_hold_up_a_shutdown() {
    #[derive(Debug)]
    struct Resolving(Arc<Mutex<mpsc::Receiver<()>>>);
    impl Sink for Resolving {
        fn send(&self, _: IdempotencyKey, _: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
            let hangs = Arc::clone(&self.0);
            Box::pin(async move {
                let _ = tokio::task::spawn_blocking(move || hangs.lock().unwrap().recv()).await;
                Reply::NotSent("no such host".to_owned())
            })
        }
        fn minimal(&self, _: &[u8]) -> Option<Bytes> {
            None
        }
    }

    let (release, hangs) = mpsc::channel();
    let outbox = Arc::new(MemoryOutbox::default());
    append(&*outbox, 1);
    let sink = Arc::new(Resolving(Arc::new(Mutex::new(hangs))));
    let delivery = Delivery::start(Arc::<MemoryOutbox>::clone(&outbox), sink, unpaced()).unwrap();
    while delivery.stats().attempts == 0 {
        std::thread::yield_now();
    }
    let began = Instant::now();
    let report = delivery.shutdown_blocking(Duration::from_millis(300));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!((pending(&report), report.drained), (Some(1), false));
    while Arc::strong_count(&outbox) > 1 {
        assert!(began.elapsed() < Duration::from_secs(5), "the delivery's thread is still there");
        std::thread::yield_now();
    }
    drop(release);
}

/// A panic in a sink costs one attempt, which its lease makes up for.
#[test]
fn a_sink_that_panics_stops_nothing() {
    #[derive(Debug)]
    struct Panicking;
    impl Sink for Panicking {
        fn send(&self, _: IdempotencyKey, payload: Bytes) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
            assert!(!payload.ends_with(b"3}"), "this panic is meant to be");
            let status = if payload.ends_with(b"5}") { 422 } else { 200 };
            Box::pin(async move { Reply::Answered(Answer { status, retry_after: None, said: Said::Nothing }) })
        }
        fn minimal(&self, _: &[u8]) -> Option<Bytes> {
            panic!("this panic is meant to be, too")
        }
    }

    let outbox = Arc::new(MemoryOutbox::default());
    for number in 0..10 {
        append(&*outbox, number);
    }
    let delivery = Delivery::start(outbox, Arc::new(Panicking), unpaced()).unwrap();
    let report = delivery.drain_blocking(Duration::from_secs(2));
    let stats = delivery.stats();
    assert_eq!((stats.delivered, stats.panics, pending(&report)), (8, 2, Some(2)));
}

#[test]
fn dropping_it_stops_it_without_waiting() {
    let server = Server::start(|_| Act::Hang);
    let (outbox, delivery) = deliver(&server, 100, unpaced());
    let began = Instant::now();
    drop(delivery);
    assert!(began.elapsed() < Duration::from_millis(100));
    // Its thread ends soon: then nobody but this test holds the outbox.
    while Arc::strong_count(&outbox) > 1 {
        assert!(began.elapsed() < Duration::from_secs(5), "the thread is still there");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "current_thread")]
async fn it_starts_works_and_ends_on_somebody_elses_runtime() {
    let server = Server::start(|_| Act::ok());
    let (_outbox, delivery) = deliver(&server, 20, unpaced());
    assert!(delivery.shutdown(PATIENCE).await.drained);
    assert_eq!((delivery.stats().delivered, delivery.stats().health), (20, Health::Ok));
}

#[test]
fn a_server_that_comes_back_gets_everything() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outbox = Arc::new(MemoryOutbox::default());
    append(&*outbox, 1);
    let sink = workos(&format!("http://{free}")).build().unwrap();
    let delivery = Delivery::start(Arc::<MemoryOutbox>::clone(&outbox), Arc::new(sink), unpaced()).unwrap();
    let report = delivery.drain_blocking(Duration::from_millis(700));
    assert_eq!(pending(&report), Some(1));
    let stats = delivery.stats();
    assert_eq!((stats.health, stats.ambiguous), (Health::Unreachable, 0), "it never left");
    assert!(stats.unreachable > 0 && stats.health_since.is_some());
}
