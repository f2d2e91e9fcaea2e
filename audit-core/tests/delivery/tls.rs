//! TLS: what fails before the first byte of a request never left, and what nobody vouches for is not trusted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_core::delivery::{Reply, Sink};
use audit_core::outbox::IdempotencyKey;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::sink::workos;

async fn send_to(listener: &TcpListener) -> Reply {
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let sink = workos(&url).connect_timeout(Duration::from_millis(500)).build().unwrap();
    sink.send(IdempotencyKey::from_random([1; 16]), "{}".into()).await
}

fn why_not_sent(reply: Reply) -> String {
    match reply {
        Reply::NotSent(why) => why,
        reply => panic!("{reply:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let certificate = include_bytes!("self-signed.crt.der").as_slice().into();
    let key = include_bytes!("self-signed.key.der").as_slice().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (reply, handshake) = tokio::join!(send_to(&listener), async {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await
    });
    assert!(handshake.is_err(), "the client broke it off");
    let Reply::Untrusted(why) = reply else { panic!("{reply:?}") };
    assert!(why.contains("certificate"), "it says so: {why}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_not_sent_anything() {
    for greeting in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"\x16\x03\x01\x00\x02\x02\x28"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (reply, ()) = tokio::join!(send_to(&listener), async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 64];
            stream.read_exact(&mut hello).await.unwrap();
            stream.write_all(greeting).await.unwrap();
        });
        why_not_sent(reply);
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = Instant::now();
    let reply = tokio::select! {
        reply = send_to(&listener) => reply,
        () = async {
            let _held = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        } => unreachable!(),
    };
    why_not_sent(reply);
    assert!((Duration::from_millis(450)..Duration::from_secs(3)).contains(&began.elapsed()), "{:?}", began.elapsed());
}
