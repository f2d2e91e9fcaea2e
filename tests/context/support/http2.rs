//! Requests over HTTP/2, to servers that are known to speak it.

use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::server::{Headers, Reply};

/// `method path` with these headers and no body, on a connection of its own.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: Headers<'_>) -> Reply {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let (mut requests, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(format!("http://test{path}")).version(Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let response = requests.send_request(request).await.expect("it answers");
    assert_eq!(response.version(), Version::HTTP_2);
    Reply { status: response.status().as_u16() }
}
