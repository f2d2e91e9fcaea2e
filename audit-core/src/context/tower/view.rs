//! A request of the `http` crate.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;

use crate::context::request::RequestView;

pub(super) struct PartsView<'a>(pub(super) &'a Parts);

impl RequestView for PartsView<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.headers.get(name).map(http::HeaderValue::as_bytes)
    }

    fn peer(&self) -> Option<IpAddr> {
        let extensions = &self.0.extensions;
        #[cfg(feature = "axum")]
        if let Some(axum::extract::ConnectInfo(peer)) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
            return Some(peer.ip());
        }
        extensions.get::<SocketAddr>().map(SocketAddr::ip).or_else(|| extensions.get::<IpAddr>().copied())
    }
}
