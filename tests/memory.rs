//! How much memory requests of hostile clients take, as the system counts it for this process: so it is one test, in a
//! process of its own.
#![cfg(all(target_os = "linux", feature = "axum"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

use std::convert::Infallible;
use std::future::pending;

use audited::audited;
use audited::testing::Recorder;
use audited::tower::{AuditLayer, ClientAddress, Geolocation, Names, TrustedProxies};
use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Uri;
use hyper::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer as _, Service as _};

const MIB: usize = 1024 * 1024;

/// The cap on what a body that streams through the layer to an audited handler adds to the process's memory.
const BODY_CAP: usize = 8 * MIB;

/// The cap on what such a context takes.
const CONTEXT_CAP: usize = 128 * 1024;

/// The most memory that this process has had so far.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_take_no_more_than_what_is_stated() {
    // In this order: the second leaves free memory behind, in which the first could hide.
    let body = a_body_of_100_mib().await;
    assert!(body <= BODY_CAP, "a body of 100 MiB took {} KiB", body / 1024);
    let context = a_context_of_huge_headers();
    assert!(context <= CONTEXT_CAP, "a context of huge headers took {} KiB", context / 1024);
}

/// By how much a body of 100 MiB, read and counted by an audited handler, raises the peak.
async fn a_body_of_100_mib() -> usize {
    #[audited(action = "thing.uploaded", target(type = "thing", id = 1), ok(size => metadata(bytes = size)))]
    async fn count(request: Request) -> String {
        let mut body = request.into_body();
        let mut size = 0_usize;
        while let Some(frame) = body.frame().await {
            size += frame.unwrap().data_ref().map_or(0, Bytes::len);
        }
        size.to_string()
    }
    let recorder = Recorder::new();
    let app = Router::new().route("/", post(count)).layer(AuditLayer::new().log(&recorder.log()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });

    let send = async |size: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = [b'x'; 16 * 1024];
        for _ in 0..size / piece.len() {
            stream.write_all(&piece).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n{size}")), "{answer}");
        assert_eq!(recorder.events().last().unwrap().metadata("bytes"), &size.to_string());
    };
    // What the first request of any size takes is not the body's.
    send(MIB / 4).await;
    let before = peak();
    send(100 * MIB).await;
    serving.abort();
    assert_eq!(recorder.events().len(), 2);
    peak() - before
}

/// What the context of one request takes if it tells all query parameters, a header and a place, each as long as it can be.
fn a_context_of_huge_headers() -> usize {
    const REQUESTS: usize = 500;
    const HEADERS: [&str; 4] = ["user-agent", "x-request-id", "x-odd", "cf-ipcity"];
    // Of no UTF-8, and of what takes most to escape.
    let value = HeaderValue::from_maybe_shared(Bytes::from(vec![b'\xff'; 64 * 1024])).unwrap();
    let query: String = (0..21).map(|n| format!("{n}{}={}&", "%01".repeat(500), "%01".repeat(500))).collect();
    let uri = Uri::from_maybe_shared(Bytes::from(format!("/?{query}"))).unwrap();
    let recorder = Recorder::new();
    let layer = AuditLayer::new()
        .log(&recorder.log())
        .client_address(ClientAddress::x_forwarded_for(TrustedProxies::hops(1)))
        .headers(["x-odd"])
        .geolocation(Geolocation::cloudflare())
        .route_parameters(Names::All)
        .query_parameters(Names::All)
        .method(true)
        .route(true)
        .trace_id(true);
    let mut service = layer.layer(tower::service_fn(|request: Request<()>| {
        drop(request);
        pending::<Result<axum::http::Response<()>, Infallible>>()
    }));
    let before = peak();
    let held: Vec<_> = (0..REQUESTS)
        .map(|_| {
            // Both are shared, so that what they take is not counted for each request.
            let mut request = Request::post(uri.clone()).body(()).unwrap();
            for name in HEADERS.into_iter().chain(["x-forwarded-for", "traceparent"]) {
                request.headers_mut().append(name, value.clone());
            }
            service.call(request)
        })
        .collect();
    assert_eq!(held.len(), REQUESTS);
    (peak() - before) / REQUESTS
}
