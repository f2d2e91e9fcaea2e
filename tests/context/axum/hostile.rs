//! Input of any shape: an event each, and never a panic.

use std::convert::Infallible;

use audited::audited;
use audited::testing::Recorder;
use audited::tower::{AuditLayer, ClientAddress, Names, TrustedProxies};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::{Layer as _, ServiceExt as _};

use crate::support::people::{Thing, only};
use crate::support::server::{Headers, Server};

#[audited(action = "thing.viewed", targets(Thing { id: 1 }))]
async fn view() {}

#[tokio::test]
async fn headers_of_any_bytes_and_any_size_are_told_readably() {
    let long = vec![b'\xff'; 64 * 1024];
    let cases: &[(Headers<'_>, Option<&str>, usize)] = &[
        (&[("user-agent", b"gr\xc3\xb6\xff")], Some("grö\u{fffd}"), 4),
        (&[("user-agent", &long)], None, 500),
        (&[("user-agent", b"first"), ("user-agent", b"second")], Some("first"), 5),
        (&[("user-agent", b"\"quoted\\\t\"")], Some("\"quoted\\\t\""), 10),
        (&[("user-agent", b"")], Some(""), 0),
    ];
    for (headers, expected, chars) in cases {
        let recorder = Recorder::new();
        let app = Router::new().route("/", get(view)).layer(AuditLayer::new().log(&recorder.log()));
        assert_eq!(Server::start(app).await.get("/", headers).await.status, 200);
        let event = only(&recorder);
        let told = event.json()["event"]["context"]["user_agent"].as_str().unwrap_or_default();
        assert_eq!(told.chars().count(), *chars);
        assert!(expected.is_none_or(|expected| told == expected), "{told:?}");
    }
}

#[tokio::test]
async fn what_names_a_request_or_an_address_is_held_to_its_form() {
    let recorder = Recorder::new();
    let proxies = TrustedProxies::networks(["127.0.0.0/8"]).unwrap();
    let layer = AuditLayer::new()
        .log(&recorder.log())
        .client_address(ClientAddress::x_forwarded_for(proxies))
        .headers(["x-odd"])
        .query_parameters(Names::All);
    let server = Server::start(Router::new().route("/", get(view)).layer(layer)).await;
    let noise = vec![b','; 60 * 1024];
    let headers: Headers<'_> = &[
        ("x-request-id", b"\xff\xfe"),
        ("x-forwarded-for", &noise),
        ("x-forwarded-for", b"1.1.1.1, \xff, 203.0.113.7"),
        ("x-odd", b"\xf0\x28\x8c\x28"),
    ];
    assert_eq!(server.get("/?%ff=%00&=&%", headers).await.status, 200);
    let event = only(&recorder);
    assert_eq!(event.location(), "203.0.113.7");
    assert!(event.metadata("request_id").as_str().unwrap().is_ascii());
    assert!(matches!(event.metadata("header_x_odd"), Value::String(_)));
}

#[tokio::test]
async fn bodies_are_the_handlers_alone() {
    async fn upload(request: Request) -> StatusCode {
        let body = axum::body::to_bytes(request.into_body(), 1024 * 1024).await;
        store(body.map(|body| body.len()).ok()).await
    }
    #[audited(action = "thing.uploaded", targets(Thing { id: 1 }), metadata(bytes = size))]
    async fn store(size: Option<usize>) -> StatusCode {
        if size.is_some() { StatusCode::OK } else { StatusCode::PAYLOAD_TOO_LARGE }
    }
    let recorder = Recorder::new();
    let app = Router::new().route("/", post(upload)).layer(AuditLayer::new().log(&recorder.log()));
    let server = Server::start(app).await;
    let large = vec![b'x'; 2 * 1024 * 1024];
    for (body, status, outcome) in
        [(&b""[..], 200, "success"), (b"not { json", 200, "success"), (&large, 413, "failure")]
    {
        assert_eq!(server.send("POST", "/", &[], body).await.status, status);
        assert_eq!(recorder.events().last().unwrap().outcome(), outcome);
    }
    assert_eq!(recorder.events().len(), 3);
}

/// As large as nobody would hold in memory for each request.
const HUGE: usize = 100 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_body_that_nobody_reads_is_refused_at_once() {
    #[audited(action = "thing.uploaded", targets(Thing { id: 1 }))]
    async fn refuse() -> StatusCode {
        StatusCode::PAYLOAD_TOO_LARGE
    }
    let recorder = Recorder::new();
    let server =
        Server::start(Router::new().route("/", post(refuse)).layer(AuditLayer::new().log(&recorder.log()))).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {HUGE}\r\n\r\nthe beginning of it");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(only(&recorder).outcome(), "failure");
}

/// What the layer holds of a body is nothing: it knows no more of this one than that it is there.
#[tokio::test]
async fn a_body_need_not_be_one() {
    struct Opaque;
    let recorder = Recorder::new();
    let answer = |_: axum::http::Request<Opaque>| async {
        view().await;
        Ok::<_, Infallible>(axum::http::Response::new(()))
    };
    let service = AuditLayer::new().log(&recorder.log()).layer(tower::service_fn(answer));
    service.oneshot(axum::http::Request::post("/").body(Opaque).unwrap()).await.unwrap();
    assert_eq!(only(&recorder).action(), "thing.viewed");
}
