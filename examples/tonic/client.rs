//! A call over HTTP/2, as any gRPC client makes it.

use std::error::Error;
use std::net::SocketAddr;

use axum::http::Request;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Calls `/package.Service/Method` with these headers and returns the code of its status.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    headers: &[(&str, &str)],
    message: &str,
) -> Result<u32, Box<dyn Error>> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
    let connection = tokio::spawn(connection);
    // One message: not compressed, its length, itself.
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len())?);
    body.put_slice(message.as_bytes());
    let mut request = Request::post(format!("http://{address}{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = requests.send_request(request.body(Full::<Bytes>::from(body.freeze()))?).await?;
    // A call that failed before it began has its status in the head.
    let in_head = response.headers().get("grpc-status").cloned();
    let collected = response.into_body().collect().await?;
    let status = in_head.or_else(|| collected.trailers()?.get("grpc-status").cloned()).ok_or("no status")?;
    connection.abort();
    Ok(status.to_str()?.parse()?)
}
