//! An axum application on a socket, and requests to it byte by byte, so that headers can be anything.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server on a port of its own; gone when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

/// Names and values, of any bytes.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// An answer over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
}

impl Server {
    /// Serves `app`, with the peers' addresses.
    pub(crate) async fn start(app: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { address, serving }
    }

    /// [`send`] to this server.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: Headers<'_>, body: &[u8]) -> Reply {
        send(self.address, method, path, headers, body).await
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str, headers: Headers<'_>) -> Reply {
        self.send("GET", path, headers, b"").await
    }

    /// `POST path` without a body.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.send("POST", path, &[], b"").await
    }
}

/// `method path` with these headers and this body, on a connection of its own.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: Headers<'_>, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    stream.write_all(&request).await.expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    Reply::read(&answer)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Reply {
    fn read(answer: &[u8]) -> Self {
        let answer = String::from_utf8_lossy(answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status }
    }
}
