//! What `tonic-build` would make of this, written by hand so that the example needs no `protoc`:
//!
//! ```proto
//! package billing;
//! service Billing { rpc Pay(Text) returns (Text); }
//! ```

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http;
use bytes::{Buf, BufMut};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Response, Status};
use tower::{Service, service_fn};

/// What a program implements.
pub(crate) trait Billing: Clone + Send + Sync + 'static {
    fn pay(&self, request: Request<String>) -> impl Future<Output = Result<Response<String>, Status>> + Send;
}

/// Serves what a program implemented.
#[derive(Clone)]
pub(crate) struct BillingServer<T>(pub(crate) T);

impl<T: Billing> Service<http::Request<Body>> for BillingServer<T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let billing = self.0.clone();
        Box::pin(async move {
            if request.uri().path() != "/billing.Billing/Pay" {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let pay = service_fn(move |request| {
                let billing = billing.clone();
                async move { billing.pay(request).await }
            });
            Ok(tonic::server::Grpc::new(Text).unary(pay, request).await)
        })
    }
}

/// Messages that are their text and nothing else.
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        String::from_utf8(bytes.into()).map(Some).map_err(|_| Status::invalid_argument("no UTF-8"))
    }
}
