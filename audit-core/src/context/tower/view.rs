//! A request of the `http` crate.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{HeaderValue, header};

use crate::context::request::RequestView;

pub(super) struct PartsView<'a> {
    parts: &'a Parts,
    parameters: Parameters,
    /// The route, as the service's own function named it.
    named: Option<String>,
}

#[cfg(feature = "axum")]
pub(super) type Parameters = Option<axum::extract::RawPathParams>;

#[cfg(not(feature = "axum"))]
pub(super) struct Parameters;

impl<'a> PartsView<'a> {
    pub(super) fn new(parts: &'a Parts, parameters: Parameters, named: Option<String>) -> Self {
        Self { parts, parameters, named }
    }

    pub(super) fn parts(&self) -> &'a Parts {
        self.parts
    }

    /// The parameters of the route, which axum tells to its extractors only.
    #[cfg(feature = "axum")]
    pub(super) fn parameters(parts: &mut Parts, wanted: bool) -> Parameters {
        use std::future::Future;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use axum::extract::{FromRequestParts, RawPathParams};

        if !wanted {
            return None;
        }
        // It reads from the extensions and waits for nothing.
        let extracting = pin!(RawPathParams::from_request_parts(parts, &()));
        match extracting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(parameters) => parameters.ok(),
            Poll::Pending => None,
        }
    }

    #[cfg(not(feature = "axum"))]
    pub(super) fn parameters(_: &mut Parts, _wanted: bool) -> Parameters {
        Parameters
    }

    fn is_grpc(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with(b"application/grpc"))
    }
}

impl RequestView for PartsView<'_> {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        if let Some(named) = &self.named {
            return Some(named.as_str().into());
        }
        #[cfg(feature = "axum")]
        if let Some(route) = self.parts.extensions.get::<axum::extract::MatchedPath>() {
            return Some(route.as_str().into());
        }
        // `/package.Service/Method` has no parameters.
        self.is_grpc().then(|| self.parts.uri.path().into())
    }

    fn route_parameters(&self, each: &mut dyn FnMut(&str, &str)) {
        #[cfg(feature = "axum")]
        for (name, value) in self.parameters.iter().flatten() {
            each(name, value);
        }
        #[cfg(not(feature = "axum"))]
        let (Parameters, _) = (&self.parameters, each);
    }

    fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.parts.headers.get(name).map(HeaderValue::as_bytes)
    }

    fn user_agent(&self) -> Option<&[u8]> {
        // By a name that is known already, which is looked up in a quarter of the time.
        self.parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes)
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        self.parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }

    fn peer(&self) -> Option<IpAddr> {
        let extensions = &self.parts.extensions;
        #[cfg(feature = "axum")]
        if let Some(axum::extract::ConnectInfo(peer)) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
            return Some(peer.ip());
        }
        #[cfg(feature = "tonic")]
        if let Some(peer) = extensions.get::<tonic::transport::server::TcpConnectInfo>() {
            return peer.remote_addr().as_ref().map(SocketAddr::ip);
        }
        extensions.get::<SocketAddr>().map(SocketAddr::ip).or_else(|| extensions.get::<IpAddr>().copied())
    }
}
